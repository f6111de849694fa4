package httpapi

import (
	"maps"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"cartracker/internal/date"
	"cartracker/internal/identity"
	"cartracker/internal/money"
	"cartracker/internal/page"
	"cartracker/internal/record"
)

// The types below say how values of the kernel look in JSON, which the kernel
// itself cannot: it knows nothing of schemas.
type (
	dateSchema     struct{}
	momentSchema   struct{}
	amountSchema   struct{}
	passwordSchema struct{}
	nullSchema     struct{}

	amountParameter struct{}
)

// Schema describes a calendar day.
func (dateSchema) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{Type: huma.TypeString, Format: "date", Examples: []any{"2026-07-01"}}
}

// Schema describes a moment.
func (momentSchema) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{Type: huma.TypeString, Format: "date-time", Examples: []any{"2026-07-01T10:00:00.000Z"}}
}

// Schema describes an amount of money.
func (amountSchema) Schema(huma.Registry) *huma.Schema {
	cent := 0.01
	return &huma.Schema{Type: huma.TypeNumber, MultipleOf: &cent, Examples: []any{55.5}}
}

// amountFormat marks parameters that are amounts, until document describes them.
const amountFormat = "amount"

// Schema describes an amount in a query as what huma compares it with: text.
// What it says is for the amount itself to read.
func (amountParameter) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{Type: huma.TypeString, Format: amountFormat}
}

// Schema describes a password.
func (passwordSchema) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{Type: huma.TypeString, Format: "password"}
}

// Schema describes the data of an answer that has none.
func (nullSchema) Schema(huma.Registry) *huma.Schema { return &huma.Schema{Type: "null"} }

const apiDescription = `The back office of a car-rental company: cars, customers, contracts and the people who work there.

Sign in with POST /api/auth/login and send the access token as "Authorization: Bearer …". Days are half-open: a car that
comes back on the 10th can go out on the 10th. Money is a number with at most two decimals.

Requests are limited. The headers RateLimit and RateLimit-Policy of each counted answer tell how the caller stands; beyond the
limit the answer is 429 with Retry-After.`

// newHuma returns huma over mux, with nothing in it but what we register.
func newHuma(mux humago.Mux) huma.API {
	hooks.Do(setHooks)
	registry := huma.NewMapRegistry("#/components/schemas/", schemaName)
	for t, as := range map[reflect.Type]reflect.Type{
		reflect.TypeFor[date.Date]():              reflect.TypeFor[dateSchema](),
		reflect.TypeFor[date.Moment]():            reflect.TypeFor[momentSchema](),
		reflect.TypeFor[money.Amount]():           reflect.TypeFor[amountSchema](),
		reflect.TypeFor[identity.Password]():      reflect.TypeFor[passwordSchema](),
		reflect.TypeFor[struct{}]():               reflect.TypeFor[nullSchema](),
		reflect.TypeFor[page.Opt[int]]():          reflect.TypeFor[int](),
		reflect.TypeFor[page.Opt[money.Amount]](): reflect.TypeFor[amountParameter](),
	} {
		registry.RegisterTypeAlias(t, as)
	}
	return humago.New(mux, huma.Config{
		OpenAPI: &huma.OpenAPI{
			OpenAPI: "3.1.0",
			Info:    &huma.Info{Title: "Car Tracker", Version: "1", Description: apiDescription, License: &huma.License{Name: "Apache-2.0", Identifier: "Apache-2.0"}},
			Components: &huma.Components{
				Schemas: registry,
				SecuritySchemes: map[string]*huma.SecurityScheme{
					"bearer": {Type: "http", Scheme: "bearer", BearerFormat: "JWT"},
					"cookie": {Type: "apiKey", In: "cookie", Name: "refreshToken", Description: "Under https it is called __Host-refreshToken."},
				},
			},
		},
		Formats:                      map[string]huma.Format{"application/json": huma.DefaultJSONFormat},
		DefaultFormat:                "application/json",
		RejectUnknownQueryParameters: true,
	})
}

// schemaName names a type in the document: fleet.Draft is CarDraft.
func schemaName(t reflect.Type, hint string) string {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	owners := map[string]string{"fleet": "Car", "customers": "Customer", "rental": "Contract", "identity": "User"}
	owner := owners[t.PkgPath()[strings.LastIndexByte(t.PkgPath(), '/')+1:]]
	name := huma.DefaultSchemaNamer(t, hint)
	switch {
	case t == reflect.TypeFor[success[*struct{}]]():
		return "Done"
	case name == "Draft" || name == "Hold":
		return owner + name
	case name == "Account":
		return "User"
	}
	return strings.ToUpper(name[:1]) + name[1:]
}

// operation returns what the document tells of a route.
func (a *API) operation(r route) huma.Operation {
	status := r.status
	if status == 0 {
		status = http.StatusOK
	}
	op := huma.Operation{
		OperationID: operationID(r), Method: r.method, Path: r.path, Summary: r.summary, Tags: []string{r.tag},
		DefaultStatus: status, Errors: errorsOf(r), Responses: map[string]*huma.Response{},
		SkipValidateBody: true,
	}
	op.Responses[strconv.Itoa(status)] = a.response(r, status)
	if r.method == http.MethodGet && r.access != record.Anyone {
		op.Responses["304"] = &huma.Response{Description: "What the ETag in If-None-Match names is still the same."}
	}
	if r.access != record.Anyone || r.cookie && r.method == http.MethodGet {
		op.Security = append(op.Security, map[string][]string{"bearer": {}})
	}
	if r.cookie {
		op.Security = append(op.Security, map[string][]string{"cookie": {}})
	}
	if r.keyed {
		most := 255
		op.Parameters = append(op.Parameters, &huma.Param{
			Name: "Idempotency-Key", In: "header", Schema: &huma.Schema{Type: huma.TypeString, MaxLength: &most},
			Description: "The same key and body within 24 hours has its effect once.",
		})
	}
	if r.versioned {
		op.Parameters = append(op.Parameters, &huma.Param{
			Name: "If-Match", In: "header", Schema: &huma.Schema{Type: huma.TypeString},
			Description: "The ETag that was read; another version is refused with 412.",
		})
	}
	return op
}

// document completes what huma tells of a route. huma would read and decode a
// body that it knew of before the route was registered; ours is read by guard.
func (a *API) document(r route) {
	item := a.huma.OpenAPI().Paths[r.path]
	op := map[string]*huma.Operation{"GET": item.Get, "POST": item.Post, "PUT": item.Put, "PATCH": item.Patch, "DELETE": item.Delete}[r.method]
	if r.method == http.MethodGet {
		delete(op.Responses, "422") // huma's own; whatever is wrong in a query is 400 here
	}
	for _, p := range op.Parameters {
		if p.Schema.Format == amountFormat {
			p.Schema = amountSchema{}.Schema(nil)
		}
	}
	if r.file {
		op.RequestBody = &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{}}
		for _, kind := range fileKinds {
			op.RequestBody.Content[kind] = &huma.MediaType{Schema: &huma.Schema{Type: huma.TypeString, Format: "binary"}}
		}
	}
	if r.body != nil {
		op.RequestBody = &huma.RequestBody{
			Required: !r.partial,
			Content:  map[string]*huma.MediaType{"application/json": {Schema: a.bodySchema(r)}},
		}
	}
}

func (a *API) response(r route, status int) *huma.Response {
	kind := r.kind
	if kind == "" {
		kind = "application/json"
	}
	res := &huma.Response{Description: http.StatusText(status), Headers: map[string]*huma.Param{}, Content: map[string]*huma.MediaType{kind: {}}}
	if r.answer != nil {
		res.Content[kind].Schema = a.answerSchema(r.answer)
	}
	text := &huma.Schema{Type: huma.TypeString}
	if status == http.StatusCreated {
		res.Headers["Location"] = &huma.Param{Schema: text}
	}
	if r.method == http.MethodGet && r.access != record.Anyone || r.versioned && r.method != http.MethodDelete {
		res.Headers["ETag"] = &huma.Param{Schema: text}
	}
	if r.keeping != nil {
		res.Headers["X-Cache"] = &huma.Param{Schema: &huma.Schema{Type: huma.TypeString, Enum: []any{"HIT", "MISS", "BYPASS"}}}
	}
	return res
}

func (a *API) answerSchema(t reflect.Type) *huma.Schema {
	return a.huma.OpenAPI().Components.Schemas.Schema(t, true, "")
}

// bodySchema returns the schema of a body: which keys must be there is what
// the decoder asks for. A body that changes something, or of which nothing is
// needed, has no defaults: what it leaves out stays.
func (a *API) bodySchema(r route) *huma.Schema {
	registry := a.huma.OpenAPI().Components.Schemas
	name := schemaName(r.body, "")
	if r.versioned && r.partial {
		name = strings.TrimSuffix(name, "Draft") + "Patch"
	}
	if registry.Map()[name] == nil {
		s := *huma.SchemaFromType(registry, r.body)
		complete(&s, r.body)
		s.Required = nil
		shape := newShape(r.body, nil, true)
		for _, n := range shape.names {
			if r.partial {
				s.Properties[n].Default = nil
			} else if shape.fields[n].required {
				s.Required = append(s.Required, n)
			}
		}
		registry.Map()[name] = &s
	}
	return &huma.Schema{Ref: "#/components/schemas/" + name}
}

// completeAnswers sees to the schemas of answers. Every field is there, unless
// it says omitempty.
func (a *API) completeAnswers() {
	registry := a.huma.OpenAPI().Components.Schemas
	for name, s := range registry.Map() {
		t := registry.TypeFromRef("#/components/schemas/" + name)
		if t == nil || t.Kind() != reflect.Struct {
			continue
		}
		complete(s, t)
		s.Required = nil
		for _, f := range jsonFields(t) {
			if !strings.Contains(f.Tag.Get("json"), ",omitempty") {
				s.Required = append(s.Required, jsonName(f))
			}
		}
	}
}

// complete tells of a struct what huma leaves out: that a pointer or a map may
// be null where its schema is one of ours or has a name, and which texts are ids.
func complete(s *huma.Schema, t reflect.Type) {
	for _, f := range jsonFields(t) {
		is := s.Properties[jsonName(f)]
		of := f.Type
		if of.Kind() == reflect.Pointer {
			of = of.Elem()
		}
		if of.Kind() == reflect.String && strings.HasSuffix(of.Name(), "ID") {
			is.Format = "uuid"
		}
		switch {
		case f.Tag.Get("json") != jsonName(f): // omitempty: absent rather than null
		case is.Type == "null":
		case is.Ref != "" && of != f.Type:
			s.Properties[jsonName(f)] = &huma.Schema{AnyOf: []*huma.Schema{{Ref: is.Ref}, {Type: "null"}}}
		case of != f.Type || of.Kind() == reflect.Map && f.Tag.Get("nullable") != "false":
			is.Nullable = true
		}
	}
}

// operationID makes names such as get-api-cars-car for code generators.
func operationID(r route) string {
	path := strings.NewReplacer("/api", "", "{", "", "}", "", "/", "-", ".", "-").Replace(r.path)
	return strings.ToLower(r.method) + path
}

func errorsOf(r route) []int {
	out := map[int]bool{http.StatusBadRequest: true, http.StatusInternalServerError: true, http.StatusServiceUnavailable: true}
	for _, status := range r.errors {
		out[status] = true
	}
	if r.access != record.Anyone {
		out[http.StatusUnauthorized] = true
	}
	if r.access > record.SignedIn {
		out[http.StatusForbidden] = true
	}
	if r.limiter != never {
		out[http.StatusTooManyRequests] = true
	}
	if strings.Contains(r.path, "{") {
		out[http.StatusNotFound] = true
	}
	if r.method != http.MethodGet {
		out[http.StatusRequestEntityTooLarge], out[http.StatusUnsupportedMediaType], out[http.StatusUnprocessableEntity] = true, true, true
	}
	if r.keyed || r.versioned {
		out[http.StatusConflict] = true
	}
	if r.versioned {
		out[http.StatusPreconditionFailed] = true
	}
	return slices.Sorted(maps.Keys(out))
}
