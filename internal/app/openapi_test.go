package app_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"cartracker/internal/app"
	"cartracker/internal/cli"
)

var update = flag.Bool("update", false, "write the generated files anew")

func golden(t *testing.T, path string, got []byte) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("%s is not what the program generates (%v): run make generate and look at the difference", path, err)
	}
}

func TestGoldenOpenAPI(t *testing.T) {
	got, err := app.Program{}.OpenAPI(false)
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "../../api/openapi.yaml", got)
}

func TestGoldenPermissions(t *testing.T) {
	golden(t, "../../docs/permissions.md", []byte(cli.Permissions(app.Program{}.Routes())))
}

var (
	componentName = regexp.MustCompile(`^[a-zA-Z0-9._-]+$`)
	reference     = regexp.MustCompile(`"\$ref":"#/components/schemas/([^"]+)"`)
	inPath        = regexp.MustCompile(`\{(\w+)\}`)
)

func TestDocumentIsWhole(t *testing.T) {
	raw, err := app.Program{}.OpenAPI(true)
	if err != nil {
		t.Fatal(err)
	}
	var head struct {
		OpenAPI string
		Info    struct{ Title, Version string }
	}
	if err := json.Unmarshal(raw, &head); err != nil || head.OpenAPI != "3.1.0" || head.Info.Title == "" || head.Info.Version == "" {
		t.Errorf("the head is %+v (%v)", head, err)
	}
	d := readDocument(t)
	used := map[string]bool{}
	for _, m := range reference.FindAllSubmatch(raw, -1) {
		name := string(m[1])
		if used[name] = true; d.Components.Schemas[name] == nil {
			t.Errorf("$ref to %s leads nowhere", name)
		}
	}
	for name, s := range d.Components.Schemas {
		if !componentName.MatchString(name) {
			t.Errorf("a schema is called %q", name)
		}
		if !used[name] {
			t.Errorf("nothing uses the schema %s", name)
		}
		for _, r := range s.Required {
			if s.Properties[r] == nil {
				t.Errorf("%s requires %s and does not describe it", name, r)
			}
		}
	}
}

func TestDocumentHasEveryRoute(t *testing.T) {
	d, ids, count := readDocument(t), map[string]bool{}, 0
	for _, r := range (app.Program{}).Routes() {
		if slices.Contains([]string{"/sign-in", "/set-password", "/status", "/socket.io/"}, r.Path) {
			continue // pages, which are for people, and sockets, which are no routes of the API
		}
		op := d.at(t, r.Method, r.Path)
		if op.OperationID == "" || ids[op.OperationID] {
			t.Errorf("%s %s: the operation id %q is missing or taken", r.Method, r.Path, op.OperationID)
		}
		ids[op.OperationID] = true
		checkResponses(t, r, op)
		params := map[string]bool{}
		for _, p := range op.Parameters {
			params[p.In+" "+p.Name] = true
		}
		for _, m := range inPath.FindAllStringSubmatch(r.Path, -1) {
			if !params["path "+m[1]] {
				t.Errorf("%s %s: {%s} is not described", r.Method, r.Path, m[1])
			}
		}
	}
	for _, methods := range d.Paths {
		count += len(methods)
	}
	if count != len(ids) {
		t.Errorf("the document has %d operations, the route table %d", count, len(ids))
	}
}

func checkResponses(t *testing.T, r cli.Route, op operation) {
	t.Helper()
	want := []string{"400", "500", "503"}
	if r.Role != "anyone" {
		want = append(want, "401")
	}
	if r.Role == "employee" || r.Role == "admin" {
		want = append(want, "403")
	}
	if strings.Contains(r.Path, "{") {
		want = append(want, "404")
	}
	if r.Method != "GET" {
		want = append(want, "413", "415", "422")
	}
	for _, status := range want {
		if s := op.Responses[status].Content["application/json"].Schema; s == nil || s.Ref != "#/components/schemas/Failure" {
			t.Errorf("%s %s: %s is not described as a Failure", r.Method, r.Path, status)
		}
	}
	ok := 0
	for status := range op.Responses {
		if strings.HasPrefix(status, "2") {
			ok++
		}
	}
	if ok != 1 {
		t.Errorf("%s %s: %d successes are described", r.Method, r.Path, ok)
	}
	if _, has := op.Responses["422"]; has && r.Method == "GET" {
		t.Errorf("%s %s: a GET is never answered 422", r.Method, r.Path)
	}
}
