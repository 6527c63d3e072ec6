package websocket

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
)

// extension is one element of Sec-WebSocket-Extensions (RFC 6455 section 9.1).
type extension struct {
	name   string
	params []param
}

type param struct {
	name, value string
	hasValue    bool
}

const (
	deflateName = "permessage-deflate"
	// maxWindowBits is the window of DEFLATE itself: no bound.
	maxWindowBits = 15
	minWindowBits = 8
)

// parseExtensions reads the header's fields as the one list they are.
func parseExtensions(h http.Header) ([]extension, error) {
	var list []extension
	for _, field := range h["Sec-Websocket-Extensions"] {
		s := scanner{rest: field}
		for {
			s.space()
			if s.rest == "" {
				break
			}
			if s.take(',') { // an empty element
				continue
			}
			e, err := s.extension()
			if err != nil {
				return nil, fmt.Errorf("the header Sec-WebSocket-Extensions is malformed: %w", err)
			}
			list = append(list, e)
		}
	}
	return list, nil
}

// scanner reads what RFC 9110 calls tokens and quoted strings.
type scanner struct{ rest string }

func (s *scanner) space() { s.rest = strings.TrimLeft(s.rest, " \t") }

func (s *scanner) take(c byte) bool {
	s.space()
	if s.rest == "" || s.rest[0] != c {
		return false
	}
	s.rest = s.rest[1:]
	return true
}

func (s *scanner) token() (string, error) {
	s.space()
	n := 0
	for n < len(s.rest) && isTokenByte(s.rest[n]) {
		n++
	}
	if n == 0 {
		return "", fmt.Errorf("a name or value is missing before %q", s.rest)
	}
	token := s.rest[:n]
	s.rest = s.rest[n:]
	return token, nil
}

// value reads a token, or a quoted string that holds one (RFC 6455 section 9.1).
func (s *scanner) value() (string, error) {
	if !s.take('"') {
		return s.token()
	}
	var text strings.Builder
	for i := 0; i < len(s.rest); i++ {
		switch c := s.rest[i]; {
		case c == '"':
			s.rest = s.rest[i+1:]
			if !isToken(text.String()) {
				return "", fmt.Errorf("the quoted value %q is not a token", text.String())
			}
			return text.String(), nil
		case c == '\\' && i+1 < len(s.rest):
			i++
			text.WriteByte(s.rest[i])
		default:
			text.WriteByte(c)
		}
	}
	return "", fmt.Errorf("a quoted value does not end")
}

func (s *scanner) extension() (e extension, err error) {
	if e.name, err = s.token(); err != nil {
		return e, err
	}
	for s.take(';') {
		var p param
		if p.name, err = s.token(); err != nil {
			return e, err
		}
		if p.hasValue = s.take('='); p.hasValue {
			if p.value, err = s.value(); err != nil {
				return e, err
			}
		}
		e.params = append(e.params, p)
	}
	if s.space(); s.rest != "" && !s.take(',') {
		return e, fmt.Errorf("a comma is missing before %q", s.rest)
	}
	return e, nil
}

func isToken(s string) bool {
	for i := range len(s) {
		if !isTokenByte(s[i]) {
			return false
		}
	}
	return s != ""
}

func isTokenByte(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("!#$%&'*+-.^_`|~", c) >= 0
}

// deflateParams are the parameters of permessage-deflate (RFC 7692 section 7.1).
type deflateParams struct {
	serverNoTakeover, clientNoTakeover bool
	serverBits, clientBits             int  // 0 when not named
	clientBitsOffered                  bool // named, perhaps without a value
}

// parseDeflate reads the parameters. What is unknown, comes twice or has a wrong
// value makes the whole offer unacceptable (section 7.1).
func parseDeflate(e extension, offer bool) (d deflateParams, ok bool) {
	seen := map[string]bool{}
	for _, p := range e.params {
		if seen[p.name] {
			return d, false
		}
		seen[p.name] = true
		switch p.name {
		case "server_no_context_takeover":
			d.serverNoTakeover, ok = true, !p.hasValue
		case "client_no_context_takeover":
			d.clientNoTakeover, ok = true, !p.hasValue
		case "server_max_window_bits":
			d.serverBits, ok = windowBits(p)
		case "client_max_window_bits":
			d.clientBitsOffered = true
			if ok = offer && !p.hasValue; !ok {
				d.clientBits, ok = windowBits(p)
			}
		default:
			ok = false
		}
		if !ok {
			return d, false
		}
	}
	return d, true
}

// windowBits reads 8 to 15, without leading zeros.
func windowBits(p param) (int, bool) {
	n, err := strconv.Atoi(p.value)
	return n, err == nil && p.hasValue && n >= minWindowBits && n <= maxWindowBits && p.value == strconv.Itoa(n)
}

// acceptDeflate chooses the first offer that can be taken, and what to answer. No
// context is kept on either side: contexts cost hundreds of kilobytes a connection.
func acceptDeflate(offers []extension) (response string, bits int, ok bool) {
	for _, offer := range offers {
		if offer.name != deflateName {
			continue
		}
		d, acceptable := parseDeflate(offer, true)
		if !acceptable {
			continue
		}
		response = deflateName + "; server_no_context_takeover; client_no_context_takeover"
		bits = maxWindowBits
		if d.serverBits != 0 {
			bits = d.serverBits
			response += "; server_max_window_bits=" + strconv.Itoa(bits)
		}
		return response, bits, true
	}
	return "", 0, false
}

// deflateOffer is what Dial offers. A server that takes it keeps no context, so that
// there is none to be kept on this side either.
const deflateOffer = deflateName + "; server_no_context_takeover; client_no_context_takeover"

// confirmDeflate checks what a server made of deflateOffer (section 7.1).
func confirmDeflate(answers []extension) (on bool, err error) {
	for _, e := range answers {
		d, ok := parseDeflate(e, false)
		switch {
		case e.name != deflateName:
			return false, fmt.Errorf("the server answers with an extension that was not offered: %s", e.name)
		case on:
			return false, fmt.Errorf("the server answers with %s twice", deflateName)
		case !ok:
			return false, fmt.Errorf("the server answers with parameters of %s that are not valid", deflateName)
		case d.clientBitsOffered:
			return false, fmt.Errorf("the server answers with client_max_window_bits, which was not offered")
		case !d.serverNoTakeover:
			return false, fmt.Errorf("the server accepts %s without server_no_context_takeover, which was asked for", deflateName)
		}
		on = true
	}
	return on, nil
}
