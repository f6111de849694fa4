// Package cartracker_test holds the code to the architecture that
// docs/architecture.md describes.
package cartracker_test

import (
	"encoding/json"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const module = "cartracker/"

// A rule says what a package may import: packages of ours, by name or group,
// and modules of others.
type rule struct{ ours, theirs string }

// rules is the architecture. A package that is not listed may not exist.
var rules = map[string]rule{
	// The kernel: small words that every other package speaks.
	"internal/fault":  {},
	"internal/encode": {},
	"internal/part":   {},
	"internal/page":   {ours: "kernel"},
	"internal/date":   {ours: "kernel"},
	"internal/money":  {ours: "kernel"},
	"internal/ident":  {ours: "kernel"},
	// The domain: rules, and nothing about how they are served or stored.
	// Each of these knows those above it only.
	"internal/record":        {ours: "kernel", theirs: "golang.org/x/net/idna"}, // ADR 20
	"internal/audit":         {ours: "kernel internal/record"},
	"internal/identity":      {ours: "kernel internal/record internal/audit"},
	"internal/fleet":         {ours: "kernel internal/record internal/audit internal/identity"},
	"internal/customers":     {ours: "kernel internal/record internal/audit internal/identity internal/fleet"},
	"internal/rental":        {ours: "kernel internal/record internal/audit internal/identity internal/fleet internal/customers"},
	"internal/notifications": {ours: "kernel internal/record internal/audit internal/identity internal/fleet internal/customers internal/rental"},
	// A company that is made up.
	"internal/demo": {ours: "kernel domain"},
	// What knows no cars.
	"internal/text":          {ours: "kernel"},
	"internal/secret":        {ours: "kernel internal/observe", theirs: "github.com/golang-jwt/jwt github.com/nbutton23/zxcvbn-go"},
	"internal/config":        {ours: "kernel", theirs: "github.com/alecthomas/kong"},
	"internal/observe":       {ours: "kernel"},
	"internal/observe/trace": {ours: "kernel internal/observe", theirs: "go.opentelemetry.io/otel"}, // ADR 25
	// What went wrong, and took long, in the last hour.
	"internal/observe/recent": {ours: "kernel"},
	// What is measured. Those who do not import it tell a func that they are given.
	"internal/observe/metrics": {theirs: "github.com/prometheus/client_golang github.com/prometheus/client_model"}, // ADR 23, 26
	// Errors, sent to whoever collects them.
	"internal/observe/report": {ours: "kernel internal/observe", theirs: "github.com/getsentry/sentry-go"}, // ADR 24
	// Who may come to the database now.
	"internal/overload": {ours: "kernel"},
	"internal/sheet":    {ours: "kernel", theirs: "github.com/xuri/excelize"},
	// The line to Redis, and what is shared over it.
	"internal/redis":     {ours: "kernel internal/observe", theirs: "github.com/redis/rueidis"},
	"internal/ratelimit": {ours: "kernel internal/redis"},
	"internal/cache":     {ours: "kernel internal/observe", theirs: "github.com/maypok86/otter"},
	// Mails: what they say, and who takes them.
	"internal/mail": {ours: "kernel internal/observe", theirs: "github.com/wneessen/go-mail"},
	// Messages both ways with clients that stay. They know no cars.
	"internal/socketio/engine": {theirs: "github.com/coder/websocket"}, // ADR 21
	"internal/socketio":        {ours: "internal/socketio/engine"},
	// The ways in.
	"internal/transfer":           {ours: "kernel domain internal/sheet"},
	"internal/httpapi/middleware": {ours: "kernel internal/record internal/observe internal/observe/metrics"},
	"internal/httpapi":            {ours: "kernel domain internal/observe internal/observe/metrics internal/sheet internal/transfer internal/cache internal/ratelimit internal/overload internal/mail internal/httpapi/middleware", theirs: "github.com/danielgtaylor/huma github.com/klauspost/compress"},
	"internal/pages":              {ours: "kernel domain"},
	"internal/realtime":           {ours: "kernel domain internal/observe internal/socketio internal/socketio/engine"},
	"internal/cli":                {ours: "kernel domain internal/config internal/mail internal/sheet internal/transfer", theirs: "github.com/alecthomas/kong"},
	// What happens around records, later.
	"internal/jobs": {ours: "kernel domain internal/observe internal/mail internal/ratelimit", theirs: "github.com/riverqueue/river"},
	// Where records are kept.
	"internal/store":          {ours: "kernel domain internal/observe internal/text", theirs: "github.com/pressly/goose"},
	"internal/store/sqlite":   {ours: "internal/store", theirs: "modernc.org/sqlite github.com/riverqueue/river"},
	"internal/store/postgres": {ours: "internal/part internal/store", theirs: "github.com/jackc/pgx github.com/riverqueue/river"},
	// Backups of the database in a file, and the way back.
	"internal/backup": {ours: "kernel internal/store internal/store/sqlite"},
	// The program.
	"internal/app":   {ours: "program"},
	"cmd/cartracker": {ours: "internal/app"},
	// What only tests use.
	"internal/machinetest":               {},
	"internal/observe/report/reporttest": {},
	"internal/redis/redistest":           {ours: "kernel internal/redis internal/machinetest"},
	"internal/mail/mailtest":             {ours: "internal/machinetest"},
	"internal/nginxtest":                 {ours: "internal/machinetest"},
	"internal/observe/trace/tracetest":   {},
	"internal/prometheustest":            {ours: "internal/machinetest"},
	"internal/socketio/nodetest":         {ours: "internal/machinetest"},
	"internal/socketio/socketiotest":     {ours: "internal/socketio"},
	"internal/store/testdb":              {ours: "kernel store"},
	"internal/store/pgtest":              {ours: "internal/machinetest"},
	"internal/store/storetest":           {ours: "kernel domain store internal/store/testdb internal/text internal/secret"},
	"internal/app/apptest":               {ours: "program internal/app internal/store/testdb internal/mail/mailtest"},
	"bench":                              {ours: "program internal/app internal/app/apptest internal/store/testdb internal/store/pgtest internal/redis/redistest internal/mail/mailtest internal/nginxtest internal/socketio/nodetest internal/machinetest"},
	"bench/station":                      {ours: "internal/socketio"},
}

// groups are the words that stand for several packages in a rule.
var groups = map[string]string{
	"kernel":  "internal/fault internal/page internal/date internal/money internal/ident internal/encode internal/part",
	"domain":  "internal/record internal/audit internal/identity internal/fleet internal/customers internal/rental internal/notifications",
	"store":   "internal/store internal/store/sqlite internal/store/postgres",
	"program": "kernel domain store internal/backup internal/text internal/secret internal/config internal/observe internal/observe/trace internal/observe/report internal/observe/metrics internal/observe/recent internal/sheet internal/redis internal/cache internal/ratelimit internal/overload internal/mail internal/jobs internal/transfer internal/httpapi internal/cli internal/demo internal/pages internal/socketio internal/realtime",
}

var (
	// testOnly are packages that no package of the program may import.
	testOnly = []string{"internal/machinetest", "internal/observe/report/reporttest", "internal/redis/redistest", "internal/mail/mailtest", "internal/nginxtest", "internal/observe/trace/tracetest", "internal/prometheustest", "internal/socketio/nodetest", "internal/socketio/socketiotest", "internal/store/testdb", "internal/store/pgtest", "internal/store/storetest", "internal/app/apptest", "bench", "bench/station"}
	// pure packages import nothing of others, golang.org/x included.
	pure = strings.Fields(expand("kernel domain"))
	// shared modules are imported by more than one package.
	shared = []string{"github.com/alecthomas/kong", "github.com/riverqueue/river"}
	// forTests are modules that any test may import.
	forTests = []string{
		// What lets packets vanish on the way to a server.
		"github.com/Shopify/toxiproxy", "github.com/rs/zerolog",
		// A client on a websocket.
		"github.com/coder/websocket",
		// What a collector of traces is sent.
		"go.opentelemetry.io/proto/otlp", "google.golang.org/protobuf",
		// A mail server in the process.
		"github.com/emersion/go-smtp",
		"github.com/coder/websocket", // a client of sockets
		"pgregory.net/rapid", "go.uber.org/goleak", "github.com/rogpeppe/go-internal", "github.com/golang-jwt/jwt",
		// What looks whether names are such as Prometheus wants them.
		"github.com/prometheus/client_golang",
		// What the static files are made of and compressed with, once, by make
		// generate: the program only sends them (ADR 12).
		"github.com/swaggest/swgui", "github.com/andybalholm/brotli", "github.com/klauspost/compress",
		// What bench draws its pictures with (ADR 17), and compares the program with.
		"gonum.org/v1/plot", "github.com/jackc/pgx",
	}
)

// listed is a package as go list tells of it.
type listed struct {
	ImportPath, Dir                    string
	GoFiles                            []string
	Imports, TestImports, XTestImports []string
}

func (p listed) name() string { return strings.TrimPrefix(p.ImportPath, module) }

func packages(t *testing.T) (all []listed) {
	t.Helper()
	cmd := exec.Command("go", "list", "-json=ImportPath,Dir,GoFiles,Imports,TestImports,XTestImports", "./...")
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	for d := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p listed
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
}

func TestImports(t *testing.T) {
	for _, p := range packages(t) {
		r, ok := rules[p.name()]
		if !ok && len(p.GoFiles) > 0 {
			t.Errorf("%s has no place in the architecture: give it a line in rules", p.name())
			continue
		}
		for _, path := range p.Imports {
			if !r.allows(p.name(), path) {
				t.Errorf("%s must not import %s", p.name(), path)
			}
		}
		for _, path := range append(p.TestImports, p.XTestImports...) {
			if !r.allowsTest(path) {
				t.Errorf("the tests of %s must not import %s: name its module in forTests", p.name(), path)
			}
		}
	}
}

// allows reports whether the package name may import path.
func (r rule) allows(name, path string) bool {
	if local, ours := strings.CutPrefix(path, module); ours {
		return slices.Contains(strings.Fields(expand(r.ours)), local)
	}
	if slices.Contains(testOnly, name) {
		return r.allowsTest(path)
	}
	return isStandard(path) && !(slices.Contains(pure, name) && isExtended(path)) || within(path, strings.Fields(r.theirs))
}

// allowsTest reports whether a test may import path: all of ours, but of others
// what its package may, and what is there for tests.
func (r rule) allowsTest(path string) bool {
	return strings.HasPrefix(path, module) || isStandard(path) || within(path, strings.Fields(r.theirs)) || within(path, forTests)
}

func isExtended(path string) bool { return strings.HasPrefix(path, "golang.org/x/") }

// isStandard reports whether path is of the standard library, to which
// golang.org/x counts.
func isStandard(path string) bool {
	host, _, _ := strings.Cut(path, "/")
	return !strings.Contains(host, ".") || isExtended(path)
}

func within(path string, modules []string) bool {
	return slices.ContainsFunc(modules, func(m string) bool { return path == m || strings.HasPrefix(path, m+"/") })
}

// expand replaces the groups in a list of packages.
func expand(list string) string {
	var out []string
	for _, word := range strings.Fields(list) {
		if group, ok := groups[word]; ok {
			word = expand(group)
		}
		out = append(out, word)
	}
	return strings.Join(out, " ")
}

// TestRules holds the table itself to the rules that are about all of it.
func TestRules(t *testing.T) {
	owners := map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(rules)) {
		r := rules[name]
		for _, m := range strings.Fields(r.theirs) {
			if owners[m] != "" && !slices.Contains(shared, m) {
				t.Errorf("%s is imported by %s and by %s: one package owns a module", m, owners[m], name)
			}
			owners[m] = name
		}
		for _, o := range strings.Fields(expand(r.ours)) {
			if _, ok := rules[o]; !ok {
				t.Errorf("%s may import %s, which is not listed", name, o)
			}
			if slices.Contains(testOnly, o) && !slices.Contains(testOnly, name) {
				t.Errorf("%s may import %s, which is for tests", name, o)
			}
			if o == "internal/app" && name != "cmd/cartracker" && !slices.Contains(testOnly, name) {
				t.Errorf("%s may import internal/app, which only main may", name)
			}
		}
	}
}

const (
	maxFile     = 500 // lines, tests excepted
	maxFunction = 80
)

// changing are the variables of packages that are meant to change.
var changing = []string{
	"internal/httpapi.hooks", // huma's own settings are global: they are set once
	"internal/app/apptest.shared",
	"internal/app/apptest.served",
	"internal/app/apptest.ran",
}

func TestCode(t *testing.T) {
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if name := d.Name(); d.IsDir() && path != "." && (strings.HasPrefix(name, ".") || name == "testdata" || name == "data" || name == "node_modules") {
			return fs.SkipDir
		}
		if strings.HasSuffix(path, ".go") && !strings.HasSuffix(path, "_test.go") {
			checkFile(t, path)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func checkFile(t *testing.T, path string) {
	t.Helper()
	set := token.NewFileSet()
	f, err := parser.ParseFile(set, path, nil, parser.ParseComments)
	if err != nil {
		t.Error(err)
		return
	}
	folder := filepath.ToSlash(filepath.Dir(path))
	forTest := slices.Contains(testOnly, folder)
	if n := set.Position(f.FileEnd).Line; n > maxFile+1 && !forTest {
		t.Errorf("%s has %d lines, more than %d", path, n, maxFile)
	}
	for _, d := range f.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			if lines := set.Position(d.End()).Line - set.Position(d.Pos()).Line + 1; lines > maxFunction && !forTest {
				t.Errorf("%s: %s has %d lines, more than %d", path, d.Name, lines, maxFunction)
			}
			if d.Name.Name == "init" && d.Recv == nil {
				t.Errorf("%s has an init function: let somebody call it who can see what it does", path)
			}
		case *ast.GenDecl:
			checkVariables(t, folder, d)
		}
	}
}

// checkVariables refuses variables of a package that have no value: they wait
// to be given one, which makes them global state.
func checkVariables(t *testing.T, folder string, d *ast.GenDecl) {
	t.Helper()
	for _, s := range d.Specs {
		v, ok := s.(*ast.ValueSpec)
		if !ok || d.Tok != token.VAR || len(v.Values) > 0 || isEmbedded(d, v) {
			continue
		}
		for _, n := range v.Names {
			if full := folder + "." + n.Name; !slices.Contains(changing, full) {
				t.Errorf("%s is a variable of a package that is meant to change", full)
			}
		}
	}
}

// isEmbedded reports whether a variable holds files that are built in.
func isEmbedded(d *ast.GenDecl, v *ast.ValueSpec) bool {
	for _, doc := range []*ast.CommentGroup{d.Doc, v.Doc} {
		if doc != nil && strings.Contains(doc.List[len(doc.List)-1].Text, "//go:embed") {
			return true
		}
	}
	return false
}
