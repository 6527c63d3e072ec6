package main

import (
	"net/url"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestAlliesOnTwoNodes(t *testing.T) {
	w, dir := newTelegraph(t), t.TempDir()
	a, b := join(t, w, filepath.Join(dir, "a.db"), "a"), join(t, w, filepath.Join(dir, "b.db"), "b")
	batman, robin := call(t, a.url, nil, url.Values{"name": {"Batman"}}), call(t, b.url, nil, url.Values{"name": {"Robin"}})
	robin.next("members") // from now on, what is said comes live

	batman.say("gcpd", "anybody there")
	ids := [2]string{batman.hears("gcpd", "Batman", "anybody there"), robin.hears("gcpd", "Batman", "anybody there")}
	assert.Equal(t, ids[0], ids[1], "one log, one position")
	robin.say("gcpd", "here")
	batman.hears("gcpd", "Robin", "here")
	require.EventuallyWithT(t, func(c *assert.CollectT) {
		third := call(t, b.url, nil, url.Values{})
		defer third.hangUp()
		assert.Equal(c, []string{"Batman", "Robin"}, data[attendance](t, third.next("members")).Rooms["batcave"], "seen from the other node")
	}, 20*time.Second, 50*time.Millisecond)

	// Robin's node is gone: he comes back on the other, where he was.
	robin.hangUp()
	b.stop()
	batman.say("gcpd", "and now")
	robin = call(t, a.url, nil, url.Values{"name": {"Robin"}, "last_event_id": {ids[1]}})
	robin.hears("gcpd", "Robin", "here")
	robin.hears("gcpd", "Batman", "and now")

	// A node that joins later knows what was said.
	c := join(t, w, filepath.Join(dir, "c.db"), "c")
	late := call(t, c.url, nil, url.Values{"name": {"Oracle"}})
	said := texts(data[[]spoken](t, late.next("past")))
	for len(said) < 3 {
		e := late.next("line")
		said = append(said, "gcpd "+data[line](t, e).Text)
	}
	require.Equal(t, []string{"gcpd anybody there", "gcpd here", "gcpd and now"}, said)
}
