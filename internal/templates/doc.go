// Package templates renders pages with html/template from a folder of files that is
// parsed once.
//
// Each file is a template by its path, and of two kinds:
//
//	file                                        is
//	in a shared folder (layouts/, partials/)    known to every page and to the others that are shared
//	any other                                   a page, with blocks of its own
//
// Pages do not see each other, so each may define a block of the same name, "content"
// say. A page chooses its layout by calling it, which is all that a layout is:
//
//	layouts/base.html    <title>{{block "title" .}}Gotham{{end}}</title> {{block "content" .}}{{end}}
//	crimes.html          {{template "layouts/base.html" .}}
//	                     {{define "title"}}Crimes{{end}}
//	                     {{define "content"}}{{range .}}{{template "partials/crime.html" .}}{{end}}{{end}}
//
// What can be rendered is a page, a shared template, and a block of a page:
// "crimes.html#content". Everything is parsed, and escaped as far as its context is
// known, when the set is loaded: what is wrong with it is found then, not when somebody
// looks at the page.
package templates
