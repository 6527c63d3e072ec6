// Package negotiate chooses the representation a client prefers: the proactive
// negotiation of RFC 9110 §12.5 for the header fields Accept and
// Accept-Encoding.
//
// The functions take the field's value as one string. A request may carry the
// same field on several lines; RFC 9110 §5.3 makes them equal to one line
// joined with commas, and joining them is left to the caller because hardly
// any client sends more than one.
//
// Nothing here allocates, and any input is accepted: an element that does not
// follow the grammar is skipped, the rest of the field still counts.
package negotiate
