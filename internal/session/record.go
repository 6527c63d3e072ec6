package session

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"time"

	"github.com/redstart-go/redstart/internal/jsonx"
)

// Record is what is kept of a session. Its names are short, as cookies are.
type Record struct {
	ID      string                     `json:"i,omitempty"` // of one that is kept in its cookie
	Began   int64                      `json:"b"`           // Unix seconds
	Written int64                      `json:"w"`
	Ends    int64                      `json:"e"`
	Subject string                     `json:"s,omitempty"` // who has logged in
	Values  map[string]json.RawMessage `json:"v,omitempty"`
	Flashes []Flash                    `json:"f,omitempty"`
}

// Flash is a message for the next page.
type Flash struct {
	Kind string `json:"k,omitempty"`
	Text string `json:"t"`
}

// Parse reads a record. One whose time is over is none.
func Parse(data []byte, now time.Time) (r Record, ok bool) {
	if err := json.Unmarshal(data, &r); err != nil || r.Ends <= now.Unix() {
		return Record{}, false
	}
	return r, true
}

// Marshal writes a record.
func (r *Record) Marshal() ([]byte, error) {
	data, err := jsonx.Marshal(r)
	if err != nil {
		return nil, fmt.Errorf("encoding the session: %w", err)
	}
	return data, nil
}

// Empty says that there is nothing worth keeping.
func (r *Record) Empty() bool { return r.Subject == "" && len(r.Values) == 0 && len(r.Flashes) == 0 }

// Clone makes a copy that shares nothing that changes.
func (r *Record) Clone() Record {
	c := *r
	c.Values, c.Flashes = maps.Clone(r.Values), slices.Clone(r.Flashes)
	return c
}

// Stamp says until when the record counts: for maxAge from its beginning on, and for
// idle from now on unless that is zero.
func (r *Record) Stamp(now time.Time, maxAge, idle time.Duration) {
	if r.Began == 0 {
		r.Began = now.Unix()
	}
	ends := time.Unix(r.Began, 0).Add(maxAge)
	if idle > 0 && now.Add(idle).Before(ends) {
		ends = now.Add(idle)
	}
	r.Written, r.Ends = now.Unix(), ends.Unix()
}

// Stale says whether a record that is in use is to be written again, to count longer.
func (r *Record) Stale(now time.Time, idle time.Duration) bool {
	return idle > 0 && r.Written != 0 && now.Sub(time.Unix(r.Written, 0)) >= idle/10
}

// Decode reads JSON into what a pointer points to, which stays as it was if the JSON
// does not fit.
func Decode(data []byte, into any) bool {
	target := reflect.ValueOf(into)
	if target.Kind() != reflect.Pointer || target.IsNil() {
		panic(fmt.Sprintf("middleware: Session: want a pointer for a value, got a %T", into))
	}
	fresh := reflect.New(target.Type().Elem())
	if err := json.Unmarshal(data, fresh.Interface()); err != nil {
		return false
	}
	target.Elem().Set(fresh.Elem())
	return true
}
