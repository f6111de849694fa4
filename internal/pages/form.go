package pages

import (
	"errors"
	"fmt"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"time"
	"unicode/utf8"

	"cartracker/internal/fault"
	"cartracker/internal/record"
)

const (
	maxForm     = 64 << 10 // two passwords of 1024 characters, each of four bytes, each byte as %XX
	formTimeout = 15 * time.Second
)

var (
	errForm     = fault.New(fault.Malformed, "bad_request", "the form cannot be read")
	errFormKind = fault.New(fault.Unsupported, "unsupported_media_type", "a form must be application/x-www-form-urlencoded")
	errFormSize = fault.New(fault.TooLarge, "body_too_large", "the form is too large")
	errForeign  = record.ErrForbidden.Say("this form was sent by a page of another site")
)

// form reads the form that a page of ours has sent.
func (p *Pages) form(w http.ResponseWriter, r *http.Request) (url.Values, error) {
	if p.door.Foreign(r) {
		return nil, errForeign
	}
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || kind != "application/x-www-form-urlencoded" || r.Header.Get("Content-Encoding") != "" {
		return nil, errFormKind
	}
	// Some writers, such as a test's, have no deadlines; the server's own then holds.
	_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(formTimeout))
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	err = r.ParseForm()
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return nil, errFormSize
	}
	if err != nil {
		return nil, fmt.Errorf("%w (%w)", errForm, withoutText(err))
	}
	for _, values := range r.PostForm {
		if len(values) > 1 || !utf8.ValidString(values[0]) || strings.ContainsRune(values[0], 0) {
			return nil, errForm
		}
	}
	return r.PostForm, nil
}

// withoutText hides what an error quotes of a form, which may be of a password.
func withoutText(err error) error {
	if _, ok := errors.AsType[url.EscapeError](err); ok {
		return errors.New("an escape in it is wrong")
	}
	return err
}
