// Package testclient is a client for tests that talks to a handler over connections in
// memory: through net/http's own server, so that a header, a stream, an upgrade and a
// client that leaves are what they are in life, and without a port. All of it works in a
// bubble of testing/synctest, where waiting takes no time.
//
// A call returns when the handler has returned too, so that a test can look at the log
// and at what the handler left behind without waiting for it.
package testclient
