package httpapi

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"path"
	"strings"
	"sync"

	"github.com/swaggest/swgui/v5/static"

	"cartracker/internal/record"
)

// docsFolder is what of the page to read and try the API is ours.
//
//go:embed docs
var docsFolder embed.FS

// docsPolicy lets the page have what this program serves and nothing else. The
// images that its style sheet holds itself are data.
const docsPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// docsFiles are the files that the page asks for.
var docsFiles = []string{"swagger-ui.css", "swagger-ui-bundle.js", "favicon-32x32.png", "page.css", "start.js"}

// docsFile names a file of the page.
type docsFile struct {
	File    string `path:"file" doc:"The file's name."`
	Version string `query:"v" maxLength:"64" doc:"What the page asks for: an answer that matches it may be kept for ever."`
}

func (a *API) docsRoutes() {
	site := sync.OnceValues(newDocsSite) // nothing is read until somebody asks
	r := route{
		method: http.MethodGet, path: "/docs", tag: "Operations", summary: "Read and try the API in a browser",
		access: record.Anyone, kind: "text/html; charset=utf-8",
	}
	register(a, r, func(context.Context, *struct{}) (reply, error) {
		s, err := site()
		if err != nil {
			return reply{}, err
		}
		return s.page, nil
	})
	r.path, r.summary, r.kind = "/docs/{file}", "Serve a file of the page that describes the API", "*/*"
	register(a, r, func(ctx context.Context, f *docsFile) (reply, error) {
		s, err := site()
		if err != nil {
			return reply{}, err
		}
		return s.file(askedOf(ctx).Request, *f)
	})
}

// A docsSite is the page with its files, ready to be sent.
type docsSite struct {
	page  reply
	files map[string]docsAsset
}

// A docsAsset is one file. Swagger UI has its text compressed.
type docsAsset struct {
	kind, hash string
	body       []byte
	gzipped    bool
}

func newDocsSite() (*docsSite, error) {
	s := &docsSite{files: map[string]docsAsset{}}
	html, err := docsFolder.ReadFile("docs/index.html")
	if err != nil {
		return nil, err
	}
	var versions []string
	for _, name := range docsFiles {
		f, err := readDocsAsset(name)
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", name, err)
		}
		s.files[name] = f
		versions = append(versions, `"/docs/`+name+`"`, `"/docs/`+name+`?v=`+f.hash+`"`)
	}
	s.page = reply{
		status: http.StatusOK, kind: "text/html; charset=utf-8", tagged: true,
		body:   []byte(strings.NewReplacer(versions...).Replace(string(html))),
		header: map[string]string{"Content-Security-Policy": docsPolicy},
	}
	return s, nil
}

// docsKinds are the media types of files; the machine's own table may lack them.
var docsKinds = map[string]string{".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".png": "image/png"}

// readDocsAsset reads a file of ours, or of Swagger UI.
func readDocsAsset(name string) (f docsAsset, err error) {
	f.kind = docsKinds[path.Ext(name)]
	if f.body, err = docsFolder.ReadFile("docs/" + name); err != nil {
		f.body, err = static.FS.ReadFile(name)
	}
	if err != nil {
		f.gzipped = true
		f.body, err = static.FS.ReadFile(name + ".gz")
	}
	sum := sha256.Sum256(f.body)
	f.hash = hex.EncodeToString(sum[:8])
	return f, err
}

func unzip(b []byte) ([]byte, error) {
	r, err := gzip.NewReader(bytes.NewReader(b))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(r)
}

// file answers with a file. One that the page asked for by its hash never changes.
func (s *docsSite) file(r *http.Request, asked docsFile) (reply, error) {
	f, ok := s.files[asked.File]
	if !ok {
		return reply{}, errNoRoute
	}
	rep := reply{status: http.StatusOK, body: f.body, kind: f.kind, tagged: true, hash: f.hash, header: map[string]string{}}
	if asked.Version == f.hash {
		rep.header["Cache-Control"] = "public, max-age=31536000, immutable"
	}
	if !f.gzipped {
		return rep, nil
	}
	if takesGzip(r.Header) {
		rep.coding = "gzip"
		return rep, nil
	}
	var err error
	rep.body, err = unzip(f.body)
	return rep, err
}

// takesGzip reports whether a client names gzip and does not refuse it (RFC
// 9110, section 12.5.3).
func takesGzip(h http.Header) bool {
	for offer := range strings.SplitSeq(strings.Join(h.Values("Accept-Encoding"), ","), ",") {
		name, weight, _ := strings.Cut(strings.TrimSpace(offer), ";")
		if strings.EqualFold(strings.TrimSpace(name), "gzip") {
			_, q, _ := strings.Cut(strings.ReplaceAll(weight, " ", ""), "q=")
			return strings.Trim(q, "0.") != "" || q == ""
		}
	}
	return false
}
