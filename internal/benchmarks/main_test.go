//go:build linux

package main

import (
	"context"
	"fmt"
	"math"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/redstart-go/redstart/internal/benchmarks/report"
	"github.com/redstart-go/redstart/internal/benchmarks/servers"
)

// TestMain lets the test's own program be the children.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && (os.Args[1] == "serve" || os.Args[1] == "load") {
		if err := dispatch(os.Args[1:]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

func run(t *testing.T, s scenario, server string) report.Sample {
	t.Helper()
	sample, err := runOnce(t.Context(), s, server, false)
	require.NoError(t, err)
	for _, table := range s.tables {
		for _, c := range table.Columns {
			assert.Contains(t, sample, c.Key, "the column has a figure")
		}
	}
	return sample
}

func TestScenariosInTheSmall(t *testing.T) {
	for _, server := range []string{"raw", "redstart"} {
		t.Run(server, func(t *testing.T) {
			assert.NotZero(t, run(t, idle(100, 1), server)["found"])
			sample := run(t, fanout(20, 1), server)
			if server == "redstart" { // raw drops what does not fit a subscriber's channel
				assert.Zero(t, sample["lost"])
			}
			assert.Greater(t, sample["rate"], 1000.0)
			assert.Greater(t, run(t, resume(20, 1), server)["time"], 0.0)
			assert.Greater(t, run(t, stall(20, 1), server)["got"], 0.9)
			assert.Greater(t, run(t, stream(1000, 1), server)["rate"], 100.0)
			assert.Greater(t, run(t, requests(1), server)["plain text rate"], 100.0)
		})
	}
}

func TestSocketScenariosInTheSmall(t *testing.T) {
	for _, server := range servers.Names(servers.Room) {
		t.Run(server, func(t *testing.T) {
			assert.NotZero(t, run(t, idleRoom(100, 1), server)["found"])
			sample := run(t, broadcast(20, 1), server)
			if strings.HasPrefix(server, "redstart") { // others drop what does not fit a member's channel
				assert.Zero(t, sample["lost"])
			}
			assert.Greater(t, sample["rate"], 1000.0)
			if !slices.Contains(servers.Names(servers.Talk), server) {
				return
			}
			assert.NotZero(t, run(t, idleTalk(100, 1), server)["found"])
			sample = run(t, talk(10, 100*time.Millisecond, 1), server)
			assert.Greater(t, sample["rate"], 100.0)
			assert.Greater(t, sample["cpu"], 0.0)
		})
	}
}

func TestAScenarioRunsItsBaselineAsWell(t *testing.T) {
	for _, tt := range []struct {
		name     string
		scenario scenario
		asked    []string
		want     []string
	}{
		{"asked for", fanout(1, 1), []string{"raw", "gin"}, []string{"raw", "gin"}},
		{"added", fanout(1, 1), []string{"gin"}, []string{"raw", "gin"}},
		{"another for WebSockets", broadcast(1, 1), []string{"gws", "gin"}, []string{"gorilla", "gws"}},
		{"alone on request", talk(1, 1, 1), []string{"gorilla"}, []string{"gorilla"}},
		{"not for nobody", talk(1, 1, 1), []string{"raw", "redstart-feed"}, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			assert.ElementsMatch(t, tt.want, tt.scenario.servers(options{servers: tt.asked}))
			if tt.want != nil {
				assert.Equal(t, tt.want[0], tt.scenario.servers(options{servers: tt.asked})[0])
			}
		})
	}
}

func TestAPublisherThatBlocksIsGivenUp(t *testing.T) {
	sample, err := runOnce(t.Context(), stall(500, 1), "go-sse", false)
	require.NoError(t, err)
	assert.True(t, math.IsInf(sample["longest"], 1))
	assert.Less(t, sample["got"], 0.9)
}

func TestInterruptEndsARunAndItsChildren(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	var held *pair
	s := scenario{run: func(p *pair) (report.Sample, error) {
		held = p
		time.AfterFunc(50*time.Millisecond, cancel)
		_, err := p.publish(Publishing{For: time.Minute, Size: 10, Subscribers: 1, InFlight: 1})
		return nil, err
	}}
	_, err := runOnce(ctx, s, "raw", false)
	require.Error(t, err)
	for _, c := range []*child{held.server, held.client} {
		assert.NotNil(t, c.cmd.ProcessState, "the child has been waited for")
	}
}

func TestParse(t *testing.T) {
	o, err := parse([]string{"-only", "stall,idle", "-servers", "gin", "-rounds", "2"})
	require.NoError(t, err)
	assert.Equal(t, []string{"idle", "stall"}, o.scenarios)
	assert.Equal(t, []string{"gin"}, o.servers)
	assert.Equal(t, "go run -C internal/benchmarks . -only stall,idle -servers gin -rounds 2", o.command)

	for _, tt := range []struct {
		name, says string
		args       []string
	}{
		{"unknown scenario", `-only: no "speed"`, []string{"-only", "speed"}},
		{"unknown server", `-servers: no "nginx"`, []string{"-servers", "raw,nginx"}},
		{"both sizes", "exclude each other", []string{"-quick", "-full"}},
		{"negative rounds", "-rounds -1", []string{"-rounds", "-1"}},
		{"argument", `unexpected argument "fast"`, []string{"fast"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := parse(tt.args)
			assert.ErrorContains(t, err, tt.says)
		})
	}
}
