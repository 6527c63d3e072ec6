package browser

import (
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/chromedp/cdproto/inspector"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
)

// console collects what a page complains about: what nobody caught, what its
// scripts log as an error, and what the browser itself objects to, such as a
// violated policy or a resource that did not load.
type console struct {
	mu      sync.Mutex
	lines   []string
	allowed []string
}

func (c *console) hear(event any) {
	switch e := event.(type) {
	case *runtime.EventExceptionThrown:
		text := e.ExceptionDetails.Text
		if thrown := e.ExceptionDetails.Exception; thrown != nil {
			text += " " + thrown.Description + string(thrown.Value)
		}
		c.add("exception: " + text)
	case *runtime.EventConsoleAPICalled:
		if e.Type != runtime.ConsoleAPICalledTypeError && e.Type != runtime.ConsoleAPICalledTypeAssert {
			return
		}
		var words []string
		for _, arg := range e.Args {
			words = append(words, arg.Description+string(arg.Value))
		}
		c.add("console." + string(e.Type) + ": " + strings.Join(words, " "))
	case *log.EventEntryAdded:
		if e.Entry.Level == log.EntryLevelError {
			c.add(fmt.Sprintf("%s: %s (%s)", e.Entry.Source, e.Entry.Text, e.Entry.URL))
		}
	case *inspector.EventTargetCrashed:
		c.add("the page has crashed")
	}
}

func (c *console) add(line string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.lines = append(c.lines, line)
}

func (c *console) all() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.lines)
}

// Allow says that errors with one of these texts in them are what the test
// provokes. All others fail the test when it ends.
func (p *Page) Allow(texts ...string) {
	p.console.mu.Lock()
	defer p.console.mu.Unlock()
	p.console.allowed = append(p.console.allowed, texts...)
}

// Errors returns the errors so far that were not allowed, each on one line with
// its source.
func (p *Page) Errors() []string {
	p.console.mu.Lock()
	defer p.console.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(p.console.lines), func(line string) bool {
		return slices.ContainsFunc(p.console.allowed, func(text string) bool { return strings.Contains(line, text) })
	})
}

// Texts for [Page.Allow]: what Chromium itself logs when a test cuts the line
// under a page, whatever the page does about it.
const (
	// NoNetwork is part of every line about a request that got no answer.
	NoNetwork = "net::ERR_"

	// SocketAsked is the line about the question why a socket failed. A browser
	// hides that from a page, so the page asks the same address plainly. When the
	// line is mended between the socket's failure and the question, the answer is
	// 426: nothing is wrong any more. The page expects it and tries again; that a
	// browser logs every status from 400 as an error cannot be turned off.
	SocketAsked = "Failed to load resource: the server responded with a status of 426 (Upgrade Required)"
)

// Event is a message that an EventSource of the page has received, as the
// browser's own parser understood it.
type Event struct {
	Name, ID, Data string
}

// events collects them.
type events struct {
	mu   sync.Mutex
	list []Event
}

func (l *events) hear(event any) {
	if e, ok := event.(*network.EventEventSourceMessageReceived); ok {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.list = append(l.list, Event{Name: e.EventName, ID: e.EventID, Data: e.Data})
	}
}

// Events returns what the page's EventSources have received so far, whether a
// script listens to it or not.
func (p *Page) Events() []Event {
	p.events.mu.Lock()
	defer p.events.mu.Unlock()
	return slices.Clone(p.events.list)
}
