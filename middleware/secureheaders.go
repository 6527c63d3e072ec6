package middleware

import (
	"strconv"
	"time"

	"github.com/redstart-go/redstart"
)

// Omit, as the value of a field of [SecureHeadersOptions], leaves that header out.
const Omit = "omit"

// SecureHeadersOptions refine [SecureHeaders]. An empty field stands for the default
// that is named with it, [Omit] for no header.
type SecureHeadersOptions struct {
	// ContentTypeOptions: "nosniff".
	ContentTypeOptions string
	// FrameOptions is "DENY", the default, or "SAMEORIGIN". It decides on the
	// frame-ancestors of the default ContentSecurityPolicy too.
	FrameOptions string
	// ContentSecurityPolicy: "base-uri 'self'; object-src 'none'; frame-ancestors
	// 'none'". It bounds what hardly any page needs, means nothing to a client of an
	// API, and leaves scripts, styles and images alone, which differ from page to
	// page: a policy of your own should begin with default-src 'self'.
	ContentSecurityPolicy string
	// ReferrerPolicy: "strict-origin-when-cross-origin".
	ReferrerPolicy string
	// OpenerPolicy: "same-origin". A page that opens another site's window to log in
	// and waits for its message needs "same-origin-allow-popups".
	OpenerPolicy string
	// ResourcePolicy: "same-origin". Images and other files that pages of other
	// sites embed need "cross-origin". Requests by CORS are not affected.
	ResourcePolicy string
	// PermissionsPolicy has no default: "camera=(), microphone=()", for example.
	PermissionsPolicy string
	// HSTS makes browsers come by https only. The zero value is off.
	HSTS HSTS
}

// HSTS is HTTP Strict Transport Security (RFC 6797), sent in replies by https only:
// a client that came through a proxy counts as its proxy says, if [redstart.TrustProxies]
// lets it. A browser keeps to it for the time of MaxAge, whatever the server says
// or can do then: begin with a short one.
type HSTS struct {
	MaxAge     time.Duration // in whole seconds; zero is off
	Subdomains bool          // all subdomains too
	Preload    bool          // to be built into browsers: needs Subdomains and a year
}

// SecureHeaders adds headers that switch off what browsers allow for the sake of
// old pages. They are on every reply, errors, files and streams included. A header
// that the reply has already stays as it is.
//
// A value that is not allowed in a header, an unknown FrameOptions and an HSTS that
// browsers would not take panic.
func SecureHeaders(options ...SecureHeadersOptions) redstart.Middleware {
	o := given("SecureHeaders", options)
	plain := o.headers()
	secure, hsts := plain, o.HSTS.value()
	if hsts != "" {
		secure = plain.WithDefault("Strict-Transport-Security", hsts)
	}
	return redstart.After(func(req *redstart.Request, resp redstart.Response) redstart.Response {
		if hsts != "" && req.Scheme() == "https" {
			return resp.WithHeadersOf(secure)
		}
		return resp.WithHeadersOf(plain)
	})
}

// headers returns a response that has the headers to send.
func (o SecureHeadersOptions) headers() (template redstart.Response) {
	ancestors := "; frame-ancestors 'none'"
	switch o.FrameOptions {
	case "SAMEORIGIN":
		ancestors = "; frame-ancestors 'self'"
	case Omit:
		ancestors = ""
	case "", "DENY":
	default:
		misuse("SecureHeaders", "FrameOptions %q: want DENY, SAMEORIGIN or Omit; browsers know no other: "+
			"to name origins, Omit it and set frame-ancestors in ContentSecurityPolicy", o.FrameOptions)
	}
	for _, h := range []struct{ field, name, value, fallback string }{
		{"ContentTypeOptions", "X-Content-Type-Options", o.ContentTypeOptions, "nosniff"},
		{"FrameOptions", "X-Frame-Options", o.FrameOptions, "DENY"},
		{"ContentSecurityPolicy", "Content-Security-Policy", o.ContentSecurityPolicy, "base-uri 'self'; object-src 'none'" + ancestors},
		{"ReferrerPolicy", "Referrer-Policy", o.ReferrerPolicy, "strict-origin-when-cross-origin"},
		{"OpenerPolicy", "Cross-Origin-Opener-Policy", o.OpenerPolicy, "same-origin"},
		{"ResourcePolicy", "Cross-Origin-Resource-Policy", o.ResourcePolicy, "same-origin"},
		{"PermissionsPolicy", "Permissions-Policy", o.PermissionsPolicy, Omit},
	} {
		if h.value == "" {
			h.value = h.fallback
		}
		if h.value != Omit {
			checkHeader("SecureHeaders", h.field, h.name, h.value)
			template = template.WithDefault(h.name, h.value)
		}
	}
	return template
}

// value returns the header's value, "" for none.
func (h HSTS) value() string {
	const year = 365 * 24 * time.Hour
	switch {
	case h == HSTS{}:
		return ""
	case h.MaxAge <= 0 || h.MaxAge%time.Second != 0:
		misuse("SecureHeaders", "HSTS: MaxAge %v: want whole seconds above zero", h.MaxAge)
	case h.Preload && (!h.Subdomains || h.MaxAge < year):
		misuse("SecureHeaders", "HSTS: Preload is taken with Subdomains and a MaxAge of a year (8760h) at least")
	}
	value := "max-age=" + strconv.FormatInt(int64(h.MaxAge/time.Second), 10)
	if h.Subdomains {
		value += "; includeSubDomains"
	}
	if h.Preload {
		value += "; preload"
	}
	return value
}
