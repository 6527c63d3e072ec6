package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestCommandLine(t *testing.T) {
	defaults := func(change func(*settings)) settings {
		s := settings{addr: "127.0.0.1:8080", db: "crimedash.db", simulate: defaultPace, processes: 1, node: hostname(), demo: true}
		if change != nil {
			change(&s)
		}
		return s
	}
	peace := defaults(func(s *settings) { s.simulate = 0 })
	tests := map[string]struct {
		args []string
		want settings
	}{
		"defaults": {nil, defaults(nil)},
		"all but nats": {[]string{"--addr", ":9", "--db=x.db", "--simulate=250ms", "--processes", "4", "--broker=log", "--node", " 哥谭 1 "},
			settings{":9", "x.db", pace(250 * time.Millisecond), 4, "log", "", "哥谭 1", true, ""}},
		"nats":                {[]string{"--nats", "nats://a:4222,tls://user:secret@b:4222"}, defaults(func(s *settings) { s.nats = "nats://a:4222,tls://user:secret@b:4222" })},
		"peace":               {[]string{"--simulate=0"}, peace},
		"peace, with a unit":  {[]string{"--simulate=0s"}, peace},
		"peace, in words":     {[]string{"--simulate=off"}, peace},
		"peace, a word apart": {[]string{"--simulate", "off"}, peace},
		"a pace apart":        {[]string{"--simulate", "500ms", "--db", "x.db"}, defaults(func(s *settings) { s.simulate, s.db = pace(500*time.Millisecond), "x.db" })},
		"no demonstration":    {[]string{"--demo=false"}, defaults(func(s *settings) { s.demo = false })},
		"one dash is as good": {[]string{"-db", "y.db"}, defaults(func(s *settings) { s.db = "y.db" })},
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

		"no process":              {[]string{"--processes=0"}, "--processes 0: want a number from 1 to 255"},
		"fewer than none":         {[]string{"--processes=-2"}, "--processes -2: want a number from 1 to 255"},
		"too many processes":      {[]string{"--processes=256"}, "--processes 256: want a number from 1 to 255"},
		"processes in words":      {[]string{"--processes=all"}, `invalid value "all" for flag -processes: want a number from 1 to 255`},
		"two logs":                {[]string{"--nats=nats://a", "--broker=log"}, "--nats and --broker exclude each other"},
		"a folder without a name": {[]string{"--broker="}, "--broker: the folder is empty; leave the flag out"},
		"no server":               {[]string{"--nats="}, "--nats: want a URL that begins with nats://"},
		"an address for a URL":    {[]string{"--nats=127.0.0.1:4222"}, "--nats: no URL: want one such as nats://127.0.0.1:4222"},
		"another protocol":        {[]string{"--nats=http://127.0.0.1:4222"}, "--nats: want a URL that begins with nats://"},
		"no host":                 {[]string{"--nats=nats://:4222"}, "--nats: the URL names no host"},
		"the second has no host":  {[]string{"--nats=nats://a,nats://"}, "--nats: the URL names no host"},
		"a node without a name":   {[]string{"--node= "}, "--node: the name is empty"},
		"a node on two lines":     {[]string{"--node=a\nb"}, `--node "a\nb": want plain text on one line`},
		"a node not in UTF-8":     {[]string{"--node=\xff"}, `--node "\xff": want plain text on one line`},
		"a long name":             {[]string{"--node=" + strings.Repeat("x", 33)}, "want at most 32 characters"},
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
	for _, flag := range []string{"--addr address\n", "--db file\n", "--simulate time\n", "(default 4s)", "(default crimedash.db)",
		"--processes number\n", "--broker folder\n", "--nats url\n", "--node name"} {
		assert.Contains(t, stderr.String(), flag)
	}
	assert.NotContains(t, stderr.String(), "(default )", "nothing is no default")
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
