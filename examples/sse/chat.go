package main

import (
	"context"
	"strconv"
	"time"

	"github.com/redstart-go/redstart"
	"github.com/redstart-go/redstart/sse"
)

// line is what an ally says. Lang is a BCP 47 tag, for the page to mark the
// language with: a screen reader pronounces it accordingly.
type line struct {
	Who  string `json:"who"`
	Lang string `json:"lang"`
	Text string `json:"text"`
}

var talk = []line{
	{"Gordon", "en", "Signal is up. Anyone near the docks?"},
	{"Robin", "en", "Two rooftops away. What am I looking for?"},
	{"Gordon", "en", "Green question marks. All over pier 9."},
	{"蝙蝠侠", "zh-Hans", "谜语人。别碰任何东西，等我到。"},
	{"Alfred", "en", "The car is on its way, sir. So is a sandwich."},
	{"猫女", "zh-Hans", "他在下面留了三个箱子，其中一个在滴答作响。"},
	{"Robin", "en", "Which one?"},
	{"猫女", "zh-Hans", "左边那个。我听力很好，你知道的。"},
	{"Oracle", "en", "Timer frequency says forty minutes. Plenty."},
	{"蝙蝠侠", "zh-Hans", "芭芭拉，把码头的监控画面发给我。"},
	{"Oracle", "en", "Sent. Camera four, 22:14. Look at the hat."},
	{"蝙蝠侠", "zh-Hans", "看到了。企鹅也在场，这是一桩交易。"},
	{"Gordon", "en", "I'll close the bridge. Quietly."},
	{"Alfred", "en", "Might I suggest the tyres with the studs tonight."},
	{"Robin", "zh-Hans", "收到。我从北边的起重机下去。"},
	{"蝙蝠侠", "zh-Hans", "行动。"},
}

// chat shows the channel: a goroutine sends, the stream receives until the
// channel is closed. The talk goes from the server to the client only; for one in
// both directions there are WebSockets.
type chat struct{ pace time.Duration }

func (c chat) stream(req *redstart.Request) redstart.Response {
	messages := make(chan redstart.SSEMessage)
	go c.overhear(req.Context(), after(req.LastEventID()), messages)
	return redstart.SSEResponse(messages)
}

// overhear sends the talk until the stream ends, and closes the channel, which is
// what the stream waits for. Until then the channel is emptied for it even when
// the client has gone, so the send needs no select.
func (c chat) overhear(ctx context.Context, first int, messages chan<- redstart.SSEMessage) {
	defer close(messages)
	for i := first; ; i++ {
		messages <- sse.JSON(talk[i%len(talk)]).WithEvent("line").WithID(strconv.Itoa(i))
		if !pause(ctx, c.pace) {
			return
		}
	}
}
