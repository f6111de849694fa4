package httpapi

import (
	"net/http"
	"testing"
)

func TestPreferred(t *testing.T) {
	for header, want := range map[string]string{
		"":                                    "",
		"identity":                            "",
		"deflate":                             "",
		"gzip":                                "gzip",
		"gzip, deflate, br, zstd":             "br", // as browsers ask
		"gzip, deflate, zstd":                 "zstd",
		"zstd,gzip,br":                        "br",
		"GZIP":                                "gzip",
		" gzip ; q=1 , x ":                    "gzip",
		"*":                                   "br",
		"*;q=0":                               "",
		"br;q=0":                              "",
		"br;q=0, gzip":                        "gzip",
		"br;q=0.000, zstd;q=0.0, gzip;q=0.1":  "gzip",
		"br;q=0, *":                           "zstd",
		"br, *;q=0":                           "br",
		"gzip, *;q=0.5":                       "gzip",
		"br;q=0.5, gzip":                      "gzip",
		"br;q=0.5, gzip;Q=0.8, zstd;q=0.8":    "zstd",
		"br;q=0.5, identity":                  "",
		"br, identity":                        "br",
		"br;q=0.5, identity;q=0.5":            "br",
		"identity;q=0":                        "",
		"identity;q=0, gzip":                  "gzip",
		"br;q=, gzip;q=x, zstd;q=NaN":         "",
		"br;q=2, gzip;q=-1, zstd;q=Inf":       "",
		"br;level=11, gzip":                   "gzip",
		"br;q=1;q=0":                          "",
		",,;,;q=1,":                           "",
		"brotli, bro, b, gzipped, gz, x-zstd": "",
	} {
		if got := preferred(http.Header{"Accept-Encoding": {header}}, assetCodings); got != want {
			t.Errorf("%q gets %q, want %q", header, got, want)
		}
	}
	if got := preferred(http.Header{}, assetCodings); got != "" {
		t.Errorf("no header gets %q", got)
	}
	if got := preferred(http.Header{"Accept-Encoding": {"gzip", "zstd, br;q=0"}}, assetCodings); got != "zstd" {
		t.Errorf("two headers get %q", got)
	}
	if got := preferred(http.Header{"Accept-Encoding": {"br, gzip"}}, assetCodings[1:]); got != "gzip" {
		t.Errorf("without br it is %q", got)
	}
}
