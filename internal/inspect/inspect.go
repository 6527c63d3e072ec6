// Package inspect is how the command redstart learns what an app consists of. It builds
// the program and runs it with [Variable] set; then App.Start, Run and Serve write down
// what is asked for, instead of serving, and return.
//
//	redstart routes  →  REDSTART_INSPECT=routes=/tmp/x/told  program  →  /tmp/x/told
//
// So the program makes its app as it always does, with its own configuration, and no
// function of OnStart runs.
package inspect

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
)

// Variable is the name of the environment variable: "what=path", what being one of those
// below.
const Variable = "REDSTART_INSPECT"

// What can be asked for: the routes, as a JSON list of [Route], or the OpenAPI document in
// one of its forms.
const (
	Routes = "routes"
	JSON   = "openapi.json"
	YAML   = "openapi.yaml"
	JSON32 = "openapi-3.2.json"
	YAML32 = "openapi-3.2.yaml"
)

// What is beside the answer: the claim of the app that answers, which stays, and what it
// has written so far.
const (
	claimed = ".claimed"
	partial = ".part"
)

// Route is one route of an app.
type Route struct {
	Method  string   `json:"method"`
	Host    string   `json:"host,omitempty"`
	Pattern string   `json:"pattern"`
	Name    string   `json:"name,omitempty"`
	Handler string   `json:"handler"`
	Source  string   `json:"source"`
	Socket  bool     `json:"websocket,omitempty"`
	Guards  []string `json:"guards,omitempty"` // all have to be passed: "jwt or session", "scope crimes:close"
}

// Answer writes what the environment asks for, made by one of the functions, and says
// whether it asks for anything. Of several apps in a program the first answers.
func Answer(tell map[string]func() ([]byte, error)) (asked bool, err error) {
	request := os.Getenv(Variable)
	if request == "" {
		return false, nil
	}
	what, path, ok := strings.Cut(request, "=")
	f := tell[what]
	if !ok || f == nil || path == "" {
		return true, fmt.Errorf("%s=%q: this version knows nothing of it: take the redstart command of the version in go.mod", Variable, request)
	}
	text, err := f()
	if err != nil {
		return true, err
	}
	claim, err := os.OpenFile(path+claimed, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return true, nil // another app was first
	}
	if err != nil {
		return true, err
	}
	if err = errors.Join(claim.Close(), os.WriteFile(path+partial, text, 0o600)); err != nil {
		return true, err
	}
	return true, os.Rename(path+partial, path) // whoever waits for it sees all of it
}

// Encode writes routes as [Routes] wants them.
func Encode(routes []Route) ([]byte, error) {
	if routes == nil {
		routes = []Route{}
	}
	return json.Marshal(routes)
}
