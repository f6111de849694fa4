package httpapi

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"cartracker/internal/cache"
	"cartracker/internal/encode"
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
	content  *content // is the body instead, and may be somebody else's too
	location string
	version  string // the part of the ETag before the hash; "" for none
	tagged   bool   // has an ETag
	secret   bool   // has a token: nobody may keep it
	replayed bool   // was answered before
	cookies  []*http.Cookie
	retry    int           // seconds until it is worth trying again
	outcome  cache.Outcome // of looking for it in the cache; "" if nobody did
	kind     string        // media type, if not JSON
	stream   *stream       // is the answer instead
	ready    bool          // the content is in its coding already
	header   map[string]string
}

// jsonReply makes a reply with the JSON of v.
func jsonReply(status int, v any) (reply, error) {
	body, err := json.Marshal(v)
	if err != nil {
		return reply{}, fmt.Errorf("encode a reply: %w", err)
	}
	return reply{status: status, body: body}, nil
}

// data makes a reply with v in the envelope.
func data[T any](status int, v T) (reply, error) {
	return jsonReply(status, success[T]{Success: true, Data: v})
}

// encodePage returns a page in the envelope. Records that can write themselves
// are not asked by reflection what there is to write.
func encodePage[T any](p page.Of[T]) ([]byte, error) {
	if _, ok := any(new(T)).(encode.Appender); !ok {
		return json.Marshal(success[[]T]{Success: true, Data: p.Items, Pagination: paginate(p)})
	}
	b := append(make([]byte, 0, 256+recordSize*len(p.Items)), `{"success":true,"data":[`...)
	for i := range p.Items {
		if i > 0 {
			b = append(b, ',')
		}
		b = any(&p.Items[i]).(encode.Appender).AppendJSON(b)
	}
	where, err := json.Marshal(paginate(p))
	b = append(append(b, `],"pagination":`...), where...)
	return append(b, '}'), err
}

// recordSize is how many bytes most records take at most.
const recordSize = 1 << 10

// nothing makes a reply that says only what was done.
func nothing(message string) (reply, error) {
	return jsonReply(http.StatusOK, success[*struct{}]{Success: true, Message: message})
}

// Values of headers that many answers have. Nobody changes them.
var (
	keepable  = []string{"private, no-cache"}
	unkeeping = []string{"no-store"}
	isJSONNow = []string{"application/json; charset=utf-8"}
	outcomes  = map[cache.Outcome][]string{cache.Hit: {"HIT"}, cache.Miss: {"MISS"}, cache.Bypass: {"BYPASS"}}
	encodings = [codings][]string{gzipped: {"gzip"}, zstandard: {"zstd"}}
)

// write answers r to a request.
func (r reply) write(w http.ResponseWriter, q *http.Request) {
	if r.stream != nil {
		r.stream.answer(w, q)
		return
	}
	h := w.Header()
	h["Cache-Control"] = keepable
	if r.secret || r.status >= 400 {
		h["Cache-Control"] = unkeeping
	}
	r.writeExtras(h)
	c := r.content
	if c == nil {
		c = newContent(r.body, r.tag())
	}
	k := r.form(q, c)
	if c.tag != "" {
		h["Etag"] = c.forms[k].etag
		if isRead(q) && matches(q.Header, c.tag) {
			w.WriteHeader(http.StatusNotModified)
			return
		}
	}
	r.writeKind(h)
	f := c.form(k)
	h["Content-Length"] = f.length
	if k != plain {
		h["Content-Encoding"] = encodings[k]
	}
	w.WriteHeader(r.status)
	if _, err := w.Write(f.body); err != nil {
		slog.DebugContext(q.Context(), "the client went away", "err", err)
	}
}

func isRead(q *http.Request) bool { return q.Method == http.MethodGet || q.Method == http.MethodHead }

// writeExtras writes the headers that some answers have.
func (r reply) writeExtras(h http.Header) {
	for _, c := range r.cookies {
		h.Add("Set-Cookie", c.String())
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
	if r.outcome != "" {
		h["X-Cache"] = outcomes[r.outcome]
	}
	for name, value := range r.header {
		h.Set(name, value)
	}
}

func (r reply) writeKind(h http.Header) {
	h["Content-Type"] = isJSONNow
	if r.kind != "" {
		h.Set("Content-Type", r.kind)
	}
}

// form returns the coding in which a request is answered.
func (r reply) form(q *http.Request, c *content) coding {
	if r.secret || r.ready || len(c.body) < minCompressed || !isText(r.kind) {
		return plain
	}
	return codingOf[preferred(q.Header, offeredCodings)]
}

// isText reports whether a media type is worth compressing; "" is JSON.
func isText(kind string) bool {
	return kind == "" || strings.HasPrefix(kind, "text/") || strings.Contains(kind, "json") || strings.Contains(kind, "openapi")
}

// tag is the opaque part of the ETag, without the coding; "" if there is none.
func (r reply) tag() string {
	switch {
	case !r.tagged:
		return ""
	case r.version == "":
		return hash(r.body)
	}
	return r.version + "-" + hash(r.body)
}

// output is what handlers give to huma: how to write the answer.
type output struct {
	Body func(huma.Context)
}
