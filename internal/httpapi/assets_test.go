package httpapi

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"flag"
	"io"
	"maps"
	"os"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/andybalholm/brotli"
	kgzip "github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"github.com/swaggest/swgui/v5/static"
)

var update = flag.Bool("update", false, "write the static files anew")

// assetSources are all static files: those of ours, and those of Swagger UI,
// which its module has compressed or not.
var assetSources = []string{
	"docs/docs.css",
	"docs/docs.js",
	"../pages/pages.css",
	"swagger-ui/favicon-32x32.png",
	"swagger-ui/swagger-ui-bundle.js",
	"swagger-ui/swagger-ui.css",
}

// A coder writes and reads one coding.
type coder struct {
	encode func(io.Writer) (io.WriteCloser, error)
	decode func(io.Reader) (io.Reader, error)
}

var coders = map[string]coder{
	"br": {
		func(w io.Writer) (io.WriteCloser, error) {
			return brotli.NewWriterLevel(w, brotli.BestCompression), nil
		},
		func(r io.Reader) (io.Reader, error) { return brotli.NewReader(r), nil },
	},
	"zstd": {
		// A browser reads no larger window (RFC 9659); one goroutine, so that the same comes out each time.
		func(w io.Writer) (io.WriteCloser, error) {
			return zstd.NewWriter(w, zstd.WithEncoderLevel(zstd.SpeedBestCompression), zstd.WithWindowSize(8<<20), zstd.WithEncoderConcurrency(1))
		},
		func(r io.Reader) (io.Reader, error) {
			return zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(8<<20))
		},
	},
	"gzip": {
		func(w io.Writer) (io.WriteCloser, error) { return kgzip.NewWriterLevel(w, kgzip.BestCompression) },
		func(r io.Reader) (io.Reader, error) { return gzip.NewReader(r) },
	},
}

// TestGeneratedAssets holds the folder of static files to what they are made of:
// each has its hash in its name, is there in every coding or as it is, and
// nothing is missing, stale or larger than it has to be.
func TestGeneratedAssets(t *testing.T) {
	if *update {
		writeAssets(t)
		return // what was written is built in from the next run on
	}
	entries, err := assetFolder.ReadDir("assets")
	if err != nil {
		t.Fatal(err)
	}
	var have, want []string
	for _, e := range entries {
		have = append(have, e.Name())
	}
	for _, source := range assetSources {
		plain := readSource(t, source)
		for kept, coding := range keptAs(source, plain) {
			want = append(want, kept)
			checkKept(t, kept, coding, plain)
		}
	}
	slices.Sort(want)
	if !slices.Equal(have, want) {
		t.Errorf("the folder assets has %q, want %q: run make generate", have, want)
	}
}

// checkKept fails unless a file of the folder is plain in a coding.
func checkKept(t *testing.T, kept, coding string, plain []byte) {
	t.Helper()
	b, err := assetFolder.ReadFile("assets/" + kept)
	if err != nil {
		t.Errorf("%v: run make generate", err)
		return
	}
	if coding == "" {
		if !bytes.Equal(b, plain) {
			t.Errorf("%s is stale: run make generate", kept)
		}
		return
	}
	if len(b) >= len(plain) {
		t.Errorf("%s has %d bytes, the file itself %d", kept, len(b), len(plain))
	}
	if got := decoded(t, coding, b); !bytes.Equal(got, plain) {
		t.Errorf("%s is another file when it is decompressed: run make generate", kept)
	}
}

// TestAssetSet asks the set for every file in every coding.
func TestAssetSet(t *testing.T) {
	if *update {
		t.Skip("what is built in is what was there before")
	}
	all, err := newAssets()
	if err != nil || len(all) != len(assetSources) {
		t.Fatalf("%d files of %d (%v)", len(all), len(assetSources), err)
	}
	for _, source := range assetSources {
		plain, name := readSource(t, source), path.Base(source)
		f := all[hashed(name, plain)]
		if f == nil || f.name != name {
			t.Errorf("%s is not there by its hash", source)
			continue
		}
		codings := []string{""}
		if compressed(name, plain) {
			codings = append(codings, assetCodings...)
		}
		if have := slices.Sorted(maps.Keys(f.content)); !slices.Equal(have, slices.Sorted(slices.Values(codings))) {
			t.Errorf("%s is there in %q, want %q", name, have, codings)
			continue
		}
		for _, c := range codings {
			for range 2 {
				if b, err := f.content[c](); err != nil || !bytes.Equal(decoded(t, c, b), plain) {
					t.Errorf("%s in %q is another file (%v)", name, c, err)
				}
			}
		}
	}
}

// writeAssets makes the folder of static files.
func writeAssets(t *testing.T) {
	t.Helper()
	if err := os.RemoveAll("assets"); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir("assets", 0o755); err != nil {
		t.Fatal(err)
	}
	for _, source := range assetSources {
		plain := readSource(t, source)
		for kept, coding := range keptAs(source, plain) {
			if err := os.WriteFile("assets/"+kept, encoded(t, source, coding, plain), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// readSource returns a static file as it is.
func readSource(t *testing.T, source string) []byte {
	t.Helper()
	name, theirs := strings.CutPrefix(source, "swagger-ui/")
	if !theirs {
		b, err := os.ReadFile(source)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	if b, err := static.FS.ReadFile(name); err == nil {
		return b
	}
	b, err := static.FS.ReadFile(name + ".gz")
	if err != nil {
		t.Fatal(err)
	}
	return decoded(t, "gzip", b)
}

// keptAs returns the names under which the folder has a file, each with its coding.
func keptAs(source string, plain []byte) map[string]string {
	name := path.Base(source)
	if !compressed(name, plain) {
		return map[string]string{hashed(name, plain): ""}
	}
	names := map[string]string{}
	for coding, suffix := range assetSuffixes {
		names[hashed(name, plain)+suffix] = coding
	}
	return names
}

// compressed reports whether a file is kept compressed.
func compressed(name string, plain []byte) bool {
	return strings.HasPrefix(assetKinds[path.Ext(name)], "text/") && len(plain) >= minCompressed
}

// hashed returns the name that a file is asked for by.
func hashed(name string, plain []byte) string {
	sum, ext := sha256.Sum256(plain), path.Ext(name)
	return strings.TrimSuffix(name, ext) + "." + hex.EncodeToString(sum[:8]) + ext
}

// encoded returns a file in a coding. What Swagger UI has in gzip was made with
// more patience than ours, and is smaller.
func encoded(t *testing.T, source, coding string, plain []byte) []byte {
	t.Helper()
	if coding == "" {
		return plain
	}
	if b, err := static.FS.ReadFile(path.Base(source) + ".gz"); err == nil && coding == "gzip" {
		return b
	}
	var out bytes.Buffer
	w, err := coders[coding].encode(&out)
	if err == nil {
		_, err = w.Write(plain)
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func decoded(t *testing.T, coding string, b []byte) []byte {
	t.Helper()
	if coding == "" {
		return b
	}
	r, err := coders[coding].decode(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	out, err := io.ReadAll(r)
	if err != nil {
		t.Errorf("read %s: %v", coding, err)
	}
	return out
}
