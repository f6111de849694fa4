package app_test

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"fmt"
	"io"
	"path"
	"regexp"
	"strings"
	"testing"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/zstd"

	"cartracker/internal/app/apptest"
	"cartracker/internal/store/testdb"
)

var assetName = regexp.MustCompile(`"(/assets/[^"]*)"`)

// assetsOf returns the paths of the static files that the page of the API asks for.
func assetsOf(t *testing.T, c *apptest.Client) (paths []string) {
	t.Helper()
	for _, m := range assetName.FindAllSubmatch(c.Do("GET", "/docs", nil).Body, -1) {
		paths = append(paths, string(m[1]))
	}
	if len(paths) != 5 {
		t.Fatalf("the page asks for %q", paths)
	}
	return paths
}

// TestAssets asks for the static files as browsers and as others would.
func TestAssets(t *testing.T) {
	t.Parallel()
	c := apptest.New(t, testdb.EmptySQLite(t)).Nobody
	paths := assetsOf(t, c)
	for _, p := range paths {
		checkAsset(t, c, p)
	}
	for _, p := range []string{
		"/assets", "/assets/", "/assets/docs.js", "/assets/docs.0123456789abcdef.js", "/assets/swagger-ui.css", "/assets/index.html",
		"/assets/..%2Fassets.go", "/assets/docs%2Fdocs.js", "/assets/x/docs.js", "/assets/.", "/assets/..", "/assets/.js", "/assets/..js",
	} {
		res := c.Do("GET", p, nil)
		if checkFailure(t, p, res, 404); res.Header.Get("Cache-Control") != "no-store" || res.Header.Get("ETag") != "" {
			t.Errorf("%s: %v", p, res.Header)
		}
	}
	res := c.Do("POST", paths[0], nil)
	if checkFailure(t, "POST", res, 405); res.Header.Get("Allow") != "GET, HEAD" {
		t.Errorf("POST: %v", res.Header)
	}
}

// checkAsset asks for one file in every coding.
func checkAsset(t *testing.T, c *apptest.Client, p string) {
	t.Helper()
	plain := c.Do("GET", p, nil, "Accept-Encoding: identity")
	checkCoding(t, c, p, "identity", "", plain.Body)
	if sum := sha256.Sum256(plain.Body); !strings.Contains(p, fmt.Sprintf(".%x.", sum[:8])) {
		t.Errorf("%s does not have the hash %x", p, sum[:8])
	}
	want := map[string]string{
		"gzip, deflate, br, zstd": "br", "gzip, deflate, zstd": "zstd", "gzip, deflate": "gzip", "gzip;q=0.5": "gzip",
		"br;q=0, zstd;q=0, gzip": "gzip", "br;q=0, *": "zstd", "br;q=0": "", "deflate": "",
	}
	for accept, coding := range want {
		if len(plain.Body) < 1024 || path.Ext(p) == ".png" {
			coding = ""
		}
		checkCoding(t, c, p, accept, coding, plain.Body)
	}
	res := c.Do("GET", p, nil, "Accept-Encoding: br, gzip", "X-No-Compression: 1")
	if res.Header.Get("Content-Encoding") != "" || !bytes.Equal(res.Body, plain.Body) {
		t.Errorf("%s is compressed for who will not have it: %v", p, res.Header)
	}
	for _, other := range []string{p + ".gz", p + ".br", p + ".zst", p + "x", strings.ToUpper(p), p + "/x"} {
		checkFailure(t, other, c.Do("GET", other, nil), 404)
	}
	checkFailure(t, "a parameter", c.Do("GET", p+"?v=1", nil), 400)
}

// checkCoding fails unless a client that accepts this gets the file in this
// coding, by GET and HEAD, and is told when it has it already.
func checkCoding(t *testing.T, c *apptest.Client, p, accept, coding string, plain []byte) {
	t.Helper()
	what := p + " for " + accept
	res := c.Do("GET", p, nil, "Accept-Encoding: "+accept)
	_, rest, _ := strings.Cut(path.Base(p), ".")
	hash, ext, _ := strings.Cut(rest, ".")
	tag := `"` + hash + `"`
	if coding != "" {
		tag = `"` + hash + "-" + coding + `"`
	}
	for name, want := range map[string]string{
		"Content-Encoding": coding, "ETag": tag, "Cache-Control": "public, max-age=31536000, immutable",
		"Content-Type":   map[string]string{"css": "text/css; charset=utf-8", "js": "text/javascript; charset=utf-8", "png": "image/png"}[ext],
		"Content-Length": fmt.Sprint(len(res.Body)),
	} {
		if got := res.Header.Get(name); res.Status != 200 || got != want {
			t.Errorf("%s: %d, %s is %q, want %q", what, res.Status, name, got, want)
		}
	}
	guarded(t, what, res)
	if got := plainOf(t, coding, res.Body); !bytes.Equal(got, plain) {
		t.Errorf("%s is another file", what)
	}
	head := c.Do("HEAD", p, nil, "Accept-Encoding: "+accept)
	for _, name := range []string{"Content-Length", "Content-Type", "Content-Encoding", "ETag", "Cache-Control"} {
		if got, want := head.Header.Get(name), res.Header.Get(name); head.Status != 200 || len(head.Body) > 0 || got != want {
			t.Errorf("HEAD %s: %s is %q, want %q", what, name, got, want)
		}
	}
	for _, known := range []string{tag, "W/" + tag, `"` + hash + `-br"`, `"x", ` + tag, "*"} {
		again := c.Do("GET", p, nil, "Accept-Encoding: "+accept, "If-None-Match: "+known)
		if again.Status != 304 || len(again.Body) > 0 || again.Header.Get("ETag") != tag || again.Header.Get("Cache-Control") != res.Header.Get("Cache-Control") {
			t.Errorf("%s with %s: %d %v", what, known, again.Status, again.Header)
		}
	}
	if other := c.Do("GET", p, nil, `If-None-Match: "0123456789abcdef-br"`); other.Status != 200 {
		t.Errorf("%s with another ETag: %d", what, other.Status)
	}
}

// plainOf returns what a body is in its coding.
func plainOf(t *testing.T, coding string, b []byte) []byte {
	t.Helper()
	var r io.Reader = bytes.NewReader(b)
	var err error
	switch coding {
	case "br":
		r = brotli.NewReader(r)
	case "zstd":
		r, err = zstd.NewReader(r, zstd.WithDecoderConcurrency(1))
	case "gzip":
		r, err = gzip.NewReader(r)
	}
	if err != nil {
		t.Fatal(err)
	}
	out, err := io.ReadAll(r)
	if err != nil {
		t.Errorf("read %s: %v", coding, err)
	}
	return out
}
