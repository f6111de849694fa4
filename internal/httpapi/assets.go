package httpapi

import (
	"bytes"
	"compress/gzip"
	"context"
	"embed"
	"io"
	"net/http"
	"path"
	"strings"
	"sync"

	"cartracker/internal/record"
)

// assetFolder has the static files as make generate writes them: a file is
// there as NAME.HASH.EXT, or else in each coding, as NAME.HASH.EXT.br and so on.
//
//go:embed assets
var assetFolder embed.FS

// assetKinds are the media types of static files; the machine's own table may
// lack them. A file of another kind is not served.
var assetKinds = map[string]string{".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".png": "image/png"}

// assetCodings are what files of text are kept in. Of those that a client takes
// alike, it gets the first.
var assetCodings = []string{"br", "zstd", "gzip"}

// assetSuffixes are how the names of files in these codings end.
var assetSuffixes = map[string]string{"br": ".br", "zstd": ".zst", "gzip": ".gz"}

// assetPath names a static file.
type assetPath struct {
	File string `path:"file" doc:"The file's name, with a hash of what is in it."`
}

// assetRoutes adds the route of the static files, and returns them for the pages.
func (a *API) assetRoutes() func() (assets, error) {
	files := sync.OnceValues(newAssets) // nothing is read until somebody asks
	r := route{
		method: http.MethodGet, path: "/assets/{file}", tag: "Operations", summary: "Serve a file that a page of this program asks for",
		access: record.Anyone, kind: "*/*", idle: true,
	}
	register(a, r, func(ctx context.Context, p *assetPath) (reply, error) {
		all, err := files()
		if err != nil {
			return reply{}, err
		}
		f, ok := all[p.File]
		if !ok {
			return reply{}, errNoRoute
		}
		return f.reply(askedOf(ctx).Header)
	})
	return files
}

// assets are the static files, by the names that are asked for.
type assets map[string]*asset

// An asset is a static file. Its content never changes: another would have
// another hash, and so another name.
type asset struct {
	name, hash, kind string                            // name is without the hash
	content          map[string]func() ([]byte, error) // in each coding that there is; "" is none
}

func newAssets() (assets, error) {
	entries, err := assetFolder.ReadDir("assets")
	if err != nil {
		return nil, err
	}
	all := assets{}
	for _, e := range entries {
		all.add(e.Name())
	}
	return all, nil
}

// add adds one content of a static file, by the name that it has in the folder.
func (all assets) add(kept string) {
	file, coding := kept, ""
	for c, suffix := range assetSuffixes {
		if whole, ok := strings.CutSuffix(kept, suffix); ok {
			file, coding = whole, c
		}
	}
	ext := path.Ext(file)
	stem := strings.TrimSuffix(file, ext)
	hash := path.Ext(stem)
	if assetKinds[ext] == "" || hash == "" {
		return
	}
	f := all[file]
	if f == nil {
		f = &asset{name: strings.TrimSuffix(stem, hash) + ext, hash: hash[1:], kind: assetKinds[ext], content: map[string]func() ([]byte, error){}}
		all[file] = f
	}
	read := sync.OnceValues(func() ([]byte, error) { return assetFolder.ReadFile("assets/" + kept) })
	f.content[coding] = read
	if coding == "gzip" { // whoever takes no coding is rare: the file is not kept for them
		f.content[""] = sync.OnceValues(func() ([]byte, error) { return unzip(read) })
	}
}

func unzip(read func() ([]byte, error)) ([]byte, error) {
	b, err := read()
	if err != nil {
		return nil, err
	}
	r, err := gzip.NewReader(bytes.NewReader(b))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(r)
}

// reply answers with a file as the client takes it best.
func (f *asset) reply(h http.Header) (reply, error) {
	coding := ""
	if len(f.content) > 1 {
		coding = preferred(h, assetCodings)
	}
	body, err := f.content[coding]()
	rep := reply{
		status: http.StatusOK, content: readyContent(body, f.hash, coding), ready: true, kind: f.kind,
		header: map[string]string{"Cache-Control": "public, max-age=31536000, immutable"},
	}
	if coding != "" {
		rep.header["Content-Encoding"] = coding
	}
	return rep, err
}

// AssetPath returns where the static file with this name is served; "" if
// there is none.
func AssetPath(name string) string {
	all, err := newAssets()
	if err != nil {
		return ""
	}
	for file, f := range all {
		if f.name == name {
			return "/assets/" + file
		}
	}
	return ""
}

// page answers with a page whose html names static files as "/assets/NAME": it
// asks for them by their hashes. policy says what else the page may have.
func (all assets) page(html, policy string) reply {
	var names []string
	for file, f := range all {
		names = append(names, `"/assets/`+f.name+`"`, `"/assets/`+file+`"`)
	}
	return reply{
		status: http.StatusOK, kind: "text/html; charset=utf-8", tagged: true,
		body:   []byte(strings.NewReplacer(names...).Replace(html)),
		header: map[string]string{"Content-Security-Policy": policy},
	}
}
