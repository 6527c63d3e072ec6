package headers

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestLocal(t *testing.T) {
	for target, want := range map[string]bool{
		"/": true, "/a?b=//c": true, "/a//b": true, "/%5C": true,
		"": false, "a": false, "//evil.test": false, "/\\evil.test": false, "https://evil.test": false, "javascript:x": false,
		"/\t/evil.test": false, "/a\r\nX: 1": false, "/%zz": false,
	} {
		assert.Equal(t, want, Local(target), target)
	}
}
