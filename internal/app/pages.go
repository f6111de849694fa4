package app

import (
	"cartracker/internal/config"
	"cartracker/internal/httpapi"
	"cartracker/internal/identity"
	"cartracker/internal/pages"
)

// pagesOf returns the pages through which people come in, and see how the office
// is. The addresses that c has are those in force by then.
func pagesOf(o *Office, c *config.Config) (out []httpapi.Page) {
	all := pages.New(o.API, o.board.status, pages.Settings{
		AppName:  c.AppName,
		BaseURL:  c.BaseURL,
		AppURL:   c.AppURL,
		Style:    httpapi.AssetPath("pages.css"),
		Language: identity.Language(c.DefaultLanguage),
	})
	for _, p := range all.All() {
		out = append(out, httpapi.Page(p))
	}
	return out
}
