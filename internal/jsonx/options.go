package jsonx

import (
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	compat "github.com/go-json-experiment/json/v1"
)

// What is asked of the library: what encoding/json does, but no null for a list, and
// errors that say where the input is wrong. The sets with numbers take longer, and are for types that
// can hold an any or a Number.
var (
	marshal = json.JoinOptions(compat.DefaultOptionsV1(),
		json.FormatNilSliceAsNull(false),
		json.FormatNilMapAsNull(false),
		jsontext.EscapeForHTML(false))
	marshalNumbers = json.JoinOptions(marshal, json.WithMarshalers(json.MarshalToFunc(encodeNumber)))

	unmarshal              = json.JoinOptions(compat.DefaultOptionsV1(), compat.ReportErrorsWithLegacySemantics(false))
	unmarshalNumbers       = json.JoinOptions(unmarshal, json.WithUnmarshalers(numberDecoders))
	unmarshalStrict        = json.JoinOptions(unmarshal, json.RejectUnknownMembers(true))
	unmarshalStrictNumbers = json.JoinOptions(unmarshalNumbers, json.RejectUnknownMembers(true))
)
