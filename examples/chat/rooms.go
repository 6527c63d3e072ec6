package main

import (
	"net/http"
	"slices"

	"github.com/redstart-go/redstart"
)

// room is a place to talk.
type room struct {
	ID    string `json:"id"`
	Title string `json:"title"`
	About string `json:"about"`
}

var rooms = []room{
	{"lobby", "Lobby", "Come in, say hello"},
	{"rooftops", "Rooftops", "What can be seen from up there"},
	{"kitchen", "Kitchen", "Soup, tea and the small hours"},
}

// topic is where the hub keeps what is said in the room.
func (r room) topic() string { return "room/" + r.ID }

// list tells a page which rooms there are.
func (c *chat) list(*redstart.Request) redstart.Response { return redstart.JSON(rooms) }

// roomOf finds the room that the path names. An unknown one is an ordinary 404.
func roomOf(req *redstart.Request) (room, error) {
	id := req.Param("room")
	i := slices.IndexFunc(rooms, func(r room) bool { return r.ID == id })
	if i < 0 {
		return room{}, redstart.Errorf(http.StatusNotFound, "there is no room %q", id)
	}
	return rooms[i], nil
}
