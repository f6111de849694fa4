package mailtest

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	netmail "net/mail"
	"net/textproto"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A Mail is one that arrived, decoded.
type Mail struct {
	MessageID string   // with its angle brackets
	From, To  string   // as the headers say
	Rcpt      []string // to whom the server was told to deliver it; of a file: nobody
	Subject   string
	Text      string
	HTML      string
	Header    netmail.Header
}

// Parse reads a mail whose parts are a text and HTML, and refuses one that is
// not whole.
func Parse(raw []byte) (Mail, error) {
	m, err := netmail.ReadMessage(bytes.NewReader(raw))
	if err != nil {
		return Mail{}, err
	}
	decoder := new(mime.WordDecoder)
	subject, err := decoder.DecodeHeader(m.Header.Get("Subject"))
	if err != nil {
		return Mail{}, err
	}
	out := Mail{MessageID: m.Header.Get("Message-ID"), From: m.Header.Get("From"), To: m.Header.Get("To"), Subject: subject, Header: m.Header}
	if rcpt := m.Header.Get("X-Rcpt-Args"); rcpt != "" {
		out.Rcpt = m.Header["X-Rcpt-Args"]
	}
	kind, params, err := mime.ParseMediaType(m.Header.Get("Content-Type"))
	if err != nil {
		return Mail{}, err
	}
	if kind != "multipart/alternative" {
		return Mail{}, fmt.Errorf("it is %q, not multipart/alternative", kind)
	}
	err = readParts(multipart.NewReader(m.Body, params["boundary"]), &out)
	return out, err
}

func readParts(parts *multipart.Reader, out *Mail) error {
	for {
		part, err := parts.NextRawPart()
		if errors.Is(err, io.EOF) {
			if out.Text == "" || out.HTML == "" {
				return errors.New("it lacks the text or the HTML")
			}
			return nil
		}
		if err != nil {
			return err
		}
		body, err := decoded(part.Header, part)
		if err != nil {
			return err
		}
		switch kind, _, _ := mime.ParseMediaType(part.Header.Get("Content-Type")); kind {
		case "text/plain":
			out.Text += body
		case "text/html":
			out.HTML += body
		default:
			return fmt.Errorf("it has a part of the type %q", kind)
		}
	}
}

func decoded(header textproto.MIMEHeader, r io.Reader) (string, error) {
	switch header.Get("Content-Transfer-Encoding") {
	case "quoted-printable":
		r = quotedprintable.NewReader(r)
	case "base64":
		r = base64.NewDecoder(base64.StdEncoding, r)
	}
	b, err := io.ReadAll(r)
	return strings.ReplaceAll(string(b), "\r\n", "\n"), err
}

// Outbox returns the mails in a folder of .eml files, in the order of their
// names, which is that in which they were made.
func Outbox(t testing.TB, dir string) []Mail {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*.eml"))
	if err != nil {
		t.Fatal(err)
	}
	var all []Mail
	for _, f := range files {
		raw, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		m, err := Parse(raw)
		if err != nil {
			t.Fatalf("%s: %v", f, err)
		}
		all = append(all, m)
	}
	return all
}
