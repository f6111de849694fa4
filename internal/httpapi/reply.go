package httpapi

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"cartracker/internal/page"
)

// A success is the envelope of every answer that is no failure.
type success[T any] struct {
	Success    bool        `json:"success"`
	Data       T           `json:"data"`
	Message    string      `json:"message,omitempty"`
	Pagination *pagination `json:"pagination,omitempty"`
}

// pagination says where a page stands in its list.
type pagination struct {
	Page           *int    `json:"page" doc:"null when asked for by cursor"`
	Limit          int     `json:"limit"`
	Total          int     `json:"total"`
	TotalPages     int     `json:"totalPages"`
	HasNext        bool    `json:"hasNext"`
	HasPrevious    bool    `json:"hasPrevious"`
	NextCursor     *string `json:"nextCursor"`
	TotalIsMinimum bool    `json:"totalIsMinimum,omitempty" doc:"There are more than total."`
}

func paginate[T any](p page.Of[T]) *pagination {
	out := &pagination{
		Limit: p.Limit, Total: p.Total, TotalPages: (p.Total + p.Limit - 1) / p.Limit,
		HasNext: p.More, HasPrevious: p.Page != 1, TotalIsMinimum: p.AtLeast,
	}
	if p.Page > 0 {
		out.Page = &p.Page
	}
	if p.Next != "" {
		out.NextCursor = &p.Next
	}
	return out
}

// A reply is an answer that is ready to be written.
type reply struct {
	status   int
	body     []byte
	location string
	version  string // the part of the ETag before the hash; "" for none
	tagged   bool   // has an ETag
	secret   bool   // has a token: nobody may keep it
	replayed bool   // was answered before
	cookies  []*http.Cookie
	retry    int     // seconds until it is worth trying again
	kind     string  // media type, if not JSON
	stream   *stream // is the answer instead
	hash     string  // of what is answered, if that is known before
	coding   string  // how the body is compressed
	header   map[string]string
}

// encode makes a reply with the JSON of v.
func encode(status int, v any) (reply, error) {
	body, err := json.Marshal(v)
	if err != nil {
		return reply{}, fmt.Errorf("encode a reply: %w", err)
	}
	return reply{status: status, body: body}, nil
}

// data makes a reply with v in the envelope.
func data[T any](status int, v T) (reply, error) {
	return encode(status, success[T]{Success: true, Data: v})
}

// nothing makes a reply that says only what was done.
func nothing(message string) (reply, error) {
	return encode(http.StatusOK, success[*struct{}]{Success: true, Message: message})
}

// write answers r to a request.
func (r reply) write(w http.ResponseWriter, q *http.Request) {
	if r.stream != nil {
		r.stream.answer(w, q)
		return
	}
	h := w.Header()
	h.Set("Cache-Control", "private, no-cache")
	if r.secret || r.status >= 400 {
		h.Set("Cache-Control", "no-store")
	}
	for _, c := range r.cookies {
		http.SetCookie(w, c)
	}
	if r.location != "" {
		h.Set("Location", r.location)
	}
	if r.replayed {
		h.Set("Idempotency-Replayed", "true")
	}
	if r.retry > 0 {
		h.Set("Retry-After", strconv.Itoa(r.retry))
	}
	if r.status == http.StatusUnauthorized {
		h.Set("WWW-Authenticate", "Bearer")
	}
	for name, value := range r.header {
		h.Set(name, value)
	}
	if r.tagged {
		h.Set("ETag", r.etag())
		if q.Method == http.MethodGet || q.Method == http.MethodHead {
			if matches(q.Header.Get("If-None-Match"), r.tag()) {
				w.WriteHeader(http.StatusNotModified)
				return
			}
		}
	}
	kind := r.kind
	if kind == "" {
		kind = "application/json; charset=utf-8"
	}
	h.Set("Content-Type", kind)
	if r.coding != "" {
		h.Set("Content-Encoding", r.coding)
	}
	h.Set("Content-Length", strconv.Itoa(len(r.body)))
	w.WriteHeader(r.status)
	if _, err := w.Write(r.body); err != nil {
		slog.DebugContext(q.Context(), "the client went away", "err", err)
	}
}

// etag returns the ETag, which tells the codings of one body apart.
func (r reply) etag() string {
	if r.coding != "" {
		return `"` + r.tag() + "-" + r.coding + `"`
	}
	return `"` + r.tag() + `"`
}

// tag is the opaque part of the ETag, without the coding.
func (r reply) tag() string {
	if r.hash != "" {
		return r.hash
	}
	sum := sha256.Sum256(r.body)
	hash := hex.EncodeToString(sum[:8])
	if r.version == "" {
		return hash
	}
	return r.version + "-" + hash
}

// matches reports whether an If-None-Match names the tag, in any encoding.
func matches(header, tag string) bool {
	for _, t := range etags(header) {
		if t == "*" || t == tag {
			return true
		}
	}
	return false
}

// etags returns the opaque parts of the entity tags in a header (RFC 9110,
// section 8.8.3), without weakness and encoding.
func etags(header string) []string {
	var out []string
	for t := range strings.SplitSeq(header, ",") {
		t = strings.TrimPrefix(strings.TrimSpace(t), "W/")
		if t != "*" {
			t = strings.Trim(t, `"`)
			t = strings.TrimSuffix(strings.TrimSuffix(strings.TrimSuffix(t, "-gzip"), "-zstd"), "-br")
		}
		if t != "" {
			out = append(out, t)
		}
	}
	return out
}

// output is what handlers give to huma: how to write the answer.
type output struct {
	Body func(huma.Context)
}
