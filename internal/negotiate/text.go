package negotiate

// PrefersText reports whether an error reply should be text rather than
// JSON: whether the Accept field ranks text/plain or text/html above both
// application/problem+json and application/json. That is true of the field a
// browser sends when it navigates, and false of an empty field, of "*/*" and
// of everything that asks for JSON at least as much.
func PrefersText(accept string) bool {
	if accept == "" || accept == "*/*" {
		return false
	}
	text := max(quality(accept, "text/plain"), quality(accept, "text/html"))
	json := max(quality(accept, "application/problem+json"), quality(accept, "application/json"))
	return text > json
}
