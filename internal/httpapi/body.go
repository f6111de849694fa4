package httpapi

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strings"
	"time"
	"unicode/utf8"

	"cartracker/internal/fault"
)

const (
	maxBody     = 1 << 20
	maxDepth    = 32
	bodyTimeout = 15 * time.Second
)

// Errors of requests whose body cannot be taken.
var (
	errJSON        = fault.New(fault.Malformed, "malformed_json", "the body is not valid JSON")
	errDepth       = fault.New(fault.Malformed, "malformed_json", "the body is nested deeper than 32 levels")
	errUTF8        = fault.New(fault.Malformed, "malformed_json", "the body is not valid UTF-8")
	errRead        = fault.New(fault.Malformed, "incomplete_body", "the body did not arrive whole, or not in time")
	errTooLarge    = fault.New(fault.TooLarge, "body_too_large", "the body is larger than 1 MiB")
	errUnsupported = fault.New(fault.Unsupported, "unsupported_media_type", "the body must be application/json in UTF-8, without a Content-Encoding")
)

// readBody returns the body of a request, which is JSON or empty.
func readBody(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	if r.Body == nil || r.ContentLength == 0 {
		return nil, nil
	}
	if r.ContentLength > 0 && !isJSON(r.Header) {
		return nil, errUnsupported
	}
	// Some writers, such as a test's, have no deadlines; the server's own then holds.
	_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(bodyTimeout))
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return nil, errTooLarge
	}
	if err != nil {
		return nil, fmt.Errorf("%w (%w)", errRead, err)
	}
	if len(body) > 0 && !isJSON(r.Header) {
		return nil, errUnsupported
	}
	return body, nil
}

func isJSON(h http.Header) bool {
	if h.Get("Content-Encoding") != "" {
		return false
	}
	kind, params, err := mime.ParseMediaType(h.Get("Content-Type"))
	charset := strings.ToLower(params["charset"])
	return err == nil && kind == "application/json" && (charset == "" || charset == "utf-8")
}

// A member is one key of a JSON object with its value.
type member struct {
	key string
	raw json.RawMessage
}

// members returns the keys of the object that body is, in their order and with
// those that stand there twice. An empty body is an object without keys.
func members(body []byte) ([]member, error) {
	if len(body) == 0 {
		return nil, nil
	}
	switch {
	case !utf8.Valid(body):
		return nil, errUTF8
	case tooDeep(body):
		return nil, errDepth
	case !json.Valid(body):
		return nil, errJSON
	}
	d := json.NewDecoder(bytes.NewReader(body))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		var bad fault.Fields
		bad.Check(false, "body", "must be an object")
		return nil, bad.Err()
	}
	var all []member
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return nil, errJSON
		}
		var raw json.RawMessage
		if err := d.Decode(&raw); err != nil {
			return nil, errJSON
		}
		all = append(all, member{key.(string), raw})
	}
	return all, nil
}

// tooDeep reports whether arrays and objects are nested more than maxDepth
// deep, without nesting itself.
func tooDeep(body []byte) bool {
	depth, quoted := 0, false
	for i := 0; i < len(body); i++ {
		c := body[i]
		switch {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '{' || c == '[':
			if depth++; depth > maxDepth {
				return true
			}
		case c == '}' || c == ']':
			depth--
		}
	}
	return false
}
