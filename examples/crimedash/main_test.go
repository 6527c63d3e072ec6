package main

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestCommandLine(t *testing.T) {
	tests := map[string]struct {
		args []string
		want settings
	}{
		"defaults":            {nil, settings{"127.0.0.1:8080", "crimedash.db", defaultPace}},
		"all":                 {[]string{"--addr", ":9", "--db=x.db", "--simulate=250ms"}, settings{":9", "x.db", pace(250 * time.Millisecond)}},
		"peace":               {[]string{"--simulate=0"}, settings{"127.0.0.1:8080", "crimedash.db", 0}},
		"peace, with a unit":  {[]string{"--simulate=0s"}, settings{"127.0.0.1:8080", "crimedash.db", 0}},
		"peace, in words":     {[]string{"--simulate=off"}, settings{"127.0.0.1:8080", "crimedash.db", 0}},
		"peace, a word apart": {[]string{"--simulate", "off"}, settings{"127.0.0.1:8080", "crimedash.db", 0}},
		"a pace apart":        {[]string{"--simulate", "500ms", "--db", "x.db"}, settings{"127.0.0.1:8080", "x.db", pace(500 * time.Millisecond)}},
		"one dash is as good": {[]string{"-db", "y.db"}, settings{"127.0.0.1:8080", "y.db", defaultPace}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := parse(test.args, os.Stderr)
			require.NoError(t, err)
			assert.Equal(t, test.want, got)
		})
	}
}

func TestBadCommandLineIsExplained(t *testing.T) {
	tests := map[string]struct {
		args []string
		want string
	}{
		"unknown flag":     {[]string{"--batman"}, "batman"},
		"no value":         {[]string{"--addr"}, "flag needs an argument"},
		"no pace":          {[]string{"--simulate"}, "flag needs an argument: -simulate"},
		"bad time":         {[]string{"--simulate=often"}, `invalid value "often" for flag -simulate: want a time such as 4s`},
		"bad time apart":   {[]string{"--simulate", "often"}, `invalid value "often" for flag -simulate: want a time such as 4s`},
		"no unit":          {[]string{"--simulate", "4"}, "want a time such as 4s"},
		"negative time":    {[]string{"--simulate=-1s"}, "cannot be negative"},
		"too short a time": {[]string{"--simulate=4us"}, "at least 1ms"},
		"stray argument":   {[]string{"8080"}, `unexpected argument "8080"`},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			var stderr bytes.Buffer
			assert.Equal(t, 2, run(test.args, &stderr))
			assert.Contains(t, stderr.String(), test.want)
		})
	}
}

func TestHelpIsNoError(t *testing.T) {
	var stderr bytes.Buffer
	assert.Equal(t, 0, run([]string{"--help"}, &stderr))
	for _, flag := range []string{"--addr address\n", "--db file\n", "--simulate time\n", "(default 4s)", "(default crimedash.db)"} {
		assert.Contains(t, stderr.String(), flag)
	}
	assert.NotContains(t, stderr.String(), " -simulate", "the usage is written as the documentation is")
}

func TestAnUnusableDatabaseEndsTheProgram(t *testing.T) {
	var stderr bytes.Buffer
	path := filepath.Join(t.TempDir(), "nowhere", "gotham.db")
	assert.Equal(t, 1, run([]string{"--db", path}, &stderr))
	assert.Contains(t, stderr.String(), "nowhere does not exist")
}

func TestAnUnusableAddressEndsTheProgram(t *testing.T) {
	var stderr bytes.Buffer
	path := filepath.Join(t.TempDir(), "gotham.db")
	assert.Equal(t, 1, run([]string{"--db", path, "--addr", "127.0.0.1:99999"}, &stderr))
	assert.FileExists(t, path)
}
