//go:build linux

package main

import (
	"fmt"

	"github.com/redstart-go/redstart/internal/benchmarks/load"
	"github.com/redstart-go/redstart/internal/benchmarks/report"
	"github.com/redstart-go/redstart/internal/benchmarks/servers"
)

// aboutRedstart tells its two rows in the tables about rooms apart.
const aboutRedstart = " The members of redstart are conversations that have joined a topic of the hub; those of " +
	"redstart-feed only listen (websocket.Feed)."

// idleRoom measures what a member of a room costs to whom nothing is sent.
func idleRoom(members, rounds int) scenario {
	table := idleTable("WebSocket: idle members of a room", "member", members)
	table.Note += aboutRedstart
	return scenario{
		name: "wsidle", topics: servers.Room, rounds: rounds, tables: []report.Table{table},
		run: func(p *pair) (report.Sample, error) {
			return p.memoryOfEach(members, func(n int) error {
				return p.subscribe(load.Subscribers{Path: "/room", WebSocket: true, Count: n})
			})
		},
	}
}

// broadcast measures how fast messages reach the members of a room.
func broadcast(members, rounds int) scenario {
	return scenario{
		name: "wsbroadcast", topics: servers.Room, rounds: rounds,
		tables: []report.Table{fanoutTable(
			fmt.Sprintf("WebSocket: messages to a room of %s", report.Count(float64(members))),
			aboutRedstart+" Both send the message in an envelope of JSON with its topic and position, which makes it about 50 "+
				"bytes longer, and send what has gathered for a member in one go; the others send each message by itself.",
		)},
		run: func(p *pair) (report.Sample, error) {
			return p.fanOut(load.Subscribers{Path: "/room", WebSocket: true, Count: members})
		},
	}
}
