package httpapi

import (
	"context"
	_ "embed" // docsPage
	"net/http"

	"cartracker/internal/record"
)

// docsPage is the page to read and try the API.
//
//go:embed docs/index.html
var docsPage string

// docsPolicy lets the page have what this program serves and nothing else. The
// images that its style sheet holds itself are data.
const docsPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

func (a *API) docsRoutes(files func() (assets, error)) {
	r := route{
		method: http.MethodGet, path: "/docs", tag: "Operations", summary: "Read and try the API in a browser",
		access: record.Anyone, kind: "text/html; charset=utf-8", idle: true,
	}
	register(a, r, func(context.Context, *struct{}) (reply, error) {
		all, err := files()
		if err != nil {
			return reply{}, err
		}
		return all.page(docsPage, docsPolicy), nil
	})
}
