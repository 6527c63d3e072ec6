package main

import (
	"encoding/csv"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/redstart-go/redstart"
)

// exportHead is the first line of an export.
var exportHead = []string{"id", "created_at", "kind", "severity", "district", "place", "description", "reporter", "badge", "status", "photo"}

// export sends all crimes that match, as a file for a spreadsheet. They are read page by
// page while they are sent, so that memory does not grow with them.
func (d *desk) export(req *redstart.Request, in *crimeFilter) (redstart.Response, error) {
	filter := in.filter()
	if err := filter.Validate(); err != nil {
		return redstart.Response{}, explain(err, inQuery)
	}
	ctx := req.Context()
	name := "gotham-crimes-" + time.Now().UTC().Format("2006-01-02") + ".csv"
	return redstart.Stream("text/csv; charset=utf-8; header=present", func(w io.Writer) error {
		// Spreadsheets take a file for the encoding of their country without this mark.
		if _, err := io.WriteString(w, "\ufeff"); err != nil {
			return err
		}
		out := csv.NewWriter(w)
		out.UseCRLF = true // RFC 4180
		if err := out.Write(exportHead); err != nil {
			return err
		}
		for crime, err := range d.store.Matching(ctx, filter) {
			if err != nil {
				return err
			}
			if err := out.Write([]string{
				strconv.FormatInt(crime.ID, 10), crime.CreatedAt.Format(time.RFC3339), crime.Kind, crime.Severity,
				strconv.Itoa(crime.District), harmless(crime.Place), harmless(crime.Description), harmless(crime.Reporter),
				harmless(crime.Badge), crime.Status, harmless(crime.Photo),
			}); err != nil {
				return err
			}
		}
		out.Flush()
		return out.Error()
	}).With("Content-Disposition", `attachment; filename="`+name+`"`).With("Cache-Control", "private, no-store"), nil
}

// harmless takes from a text what a spreadsheet would take for a formula: it begins with
// one of these, maybe behind blanks. An apostrophe before it says that it is a text.
func harmless(text string) string {
	if strings.HasPrefix(text, "\t") || strings.HasPrefix(text, "\r") || strings.HasPrefix(text, "\n") ||
		strings.IndexAny(strings.TrimLeft(text, " \t\r\n"), "=+-@＝＋－＠|%") == 0 {
		return "'" + text
	}
	return text
}
