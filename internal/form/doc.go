// Package form reads what an HTML form sends: application/x-www-form-urlencoded
// (WHATWG URL section 5.1) and multipart/form-data (RFC 7578). mime/multipart is
// the parser; this package adds what a server needs around it.
//
//	f, err := form.Read(body, boundary, form.Limits{})
//	if err != nil { ... }           // names the field or the part, and has a status
//	defer f.Remove()                // temporary files
//	kind := f.Values.Get("kind")
//	photo := f.Files["photo"][0]    // name, size, claimed type, content
//	path, err := photo.SaveTo("uploads", photo.Name)
//
// Files are kept in memory until all of them together pass a bound. What follows
// goes to one temporary file, which on systems that allow it has no name from the
// start, so that not even a crash leaves it behind. [NewParts] gives the parts one
// by one instead and keeps nothing.
//
// A form is bounded in every direction: parts, the header of each, and all text
// together. The size of the whole is for the reader to bound.
package form
