package deploy_test

import (
	"io/fs"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"cartracker/internal/app/apptest"
)

// troubles returns what docs/operations.md says of troubles.
func troubles(t *testing.T) string {
	t.Helper()
	return part(t, "Troubleshooting") + part(t, "Alarms")
}

// part returns a part of docs/operations.md.
func part(t *testing.T, heading string) string {
	t.Helper()
	_, text, found := strings.Cut(read(t, "../docs/operations.md"), "\n## "+heading+"\n")
	text, _, _ = strings.Cut(text, "\n## ")
	if !found || len(text) < 5000 {
		t.Fatalf("docs/operations.md has lost its part %s", heading)
	}
	return text
}

// Each command of the program and each setting that whoever deploys it, or is in
// trouble, is told of is there.
func TestNamesInDocuments(t *testing.T) {
	t.Parallel()
	site := apptest.NewSite(t, t.TempDir(), "")
	help, err := site.Run(t, "", "--help")
	if err != nil {
		t.Fatal(err)
	}
	settings, err := site.Run(t, "", "config")
	if err != nil {
		t.Fatal(err)
	}
	others := []string{"RATE_LIMIT", "REDISCLI_AUTH"}
	text := troubles(t) + read(t, checklists)
	commands := regexp.MustCompile(`(?m)(?:^|[\s;(])cartracker ([a-z]+(?: [a-z][a-z-]+)?)`).FindAllStringSubmatch(strings.Join(spans(text), "\n"), -1)
	if len(commands) < 20 {
		t.Errorf("only %d commands were found", len(commands))
	}
	for _, m := range commands {
		one, _, _ := strings.Cut(m[1], " ")
		if !regexp.MustCompile(`(?m)^  ` + one + `( |$)`).MatchString(help) {
			t.Errorf("there is no command cartracker %s", one)
		}
		if slices.Contains([]string{"user", "jobs", "migrate"}, one) && !strings.Contains(help, "\n  "+m[1]+" ") {
			t.Errorf("there is no command cartracker %s", m[1])
		}
	}
	for _, name := range regexp.MustCompile(`\b[A-Z]+(?:_[A-Z]+)+\b`).FindAllString(text, -1) {
		if name = strings.TrimSuffix(name, "_FILE"); !slices.Contains(others, name) && !strings.Contains("\n"+settings, "\n"+name+" ") {
			t.Errorf("there is no setting %s", name)
		}
	}
}

// spans returns what stands as code in a document, a line or a piece of one each.
func spans(text string) (all []string) {
	for _, m := range regexp.MustCompile("(?m)^ {4,}(.*)$|`([^`\n]+)`").FindAllStringSubmatch(text, -1) {
		all = append(all, m[1]+m[2])
	}
	return all
}

// What whoever is in trouble looks for in logs and answers is what the program,
// and nginx with our file, say.
func TestWordsOfTroubles(t *testing.T) {
	t.Parallel()
	said := read(t, "nginx/cartracker.conf") + read(t, "../api/openapi.yaml")
	err := filepath.WalkDir("../internal", func(path string, _ fs.DirEntry, err error) error {
		if strings.HasSuffix(path, ".go") && !strings.HasSuffix(path, "_test.go") {
			said += read(t, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	text := troubles(t)
	for _, words := range []string{
		"X-Forwarded-For comes from a peer", "DB_POOL_MAX is more than", "PostgreSQL is away", "the database is away", "the mail server is away",
		"redis refused a command", "refuses the user name or the password", "open PostgreSQL", "no instance of the program answers",
		"too many requests at the same time", "not_ready", "database_away", "overloaded", "shutting down", "embedded", "X-Cache", "BYPASS", "trusted",
		"evictions", "paused", "last connections", "listener", "telemetry", "unauthorized", "no-workers", "limit_conn", "proxy_read_timeout", "hash $remote_addr",
		"a replica is left out", "the feed of changes cannot be followed", "jobs, cars and contracts cannot be counted for the metrics", "slow query", "slow request",
	} {
		if !strings.Contains(text, words) {
			t.Errorf("docs/operations.md says nothing of %q", words)
		}
		if !strings.Contains(said, words) {
			t.Errorf("nothing says %q", words)
		}
	}
}

// Each alarm has a runbook, which it names and which knows whom it calls. What that
// sends people to is there: other parts of the document, and pictures of the dashboard.
func TestRunbooks(t *testing.T) {
	t.Parallel()
	document, text := read(t, "../docs/operations.md"), part(t, "Alarms")
	books := map[string]string{}
	for _, b := range strings.Split(text, "\n### ")[1:] {
		name, rest, _ := strings.Cut(b, "\n")
		books[name] = rest
	}
	for _, rule := range strings.Split(read(t, "prometheus/rules.yaml"), "- alert: ")[1:] {
		name := regexp.MustCompile(`^\w+`).FindString(rule)
		severity := regexp.MustCompile(`severity: (\w+)`).FindStringSubmatch(rule)
		if book := books[name]; severity == nil || !strings.Contains(book, "(`"+severity[1]+"`)") || !strings.Contains(book, "\nHow to see: ") || !strings.Contains(book, "\n| Cause | What to do |\n") {
			t.Errorf("%s %v: the runbook is %q", name, severity, book)
		}
		if !strings.Contains(rule, "\n          runbook: docs/operations.md#"+strings.ToLower(name)+"\n") {
			t.Errorf("%s does not name its runbook", name)
		}
		delete(books, name)
	}
	for name := range books {
		t.Errorf("there is a runbook for %s, and no alarm", name)
	}
	for _, m := range regexp.MustCompile(`\(#([^)]+)\)`).FindAllStringSubmatch(text, -1) {
		if !slices.Contains(anchors(document), m[1]) {
			t.Errorf("the document has no part %s", m[1])
		}
	}
	for _, m := range regexp.MustCompile(`\*([A-Z][^*]+)\*`).FindAllStringSubmatch(text, -1) {
		if !strings.Contains(read(t, "grafana/cartracker.json"), `"title": "`+m[1]+`"`) {
			t.Errorf("the dashboard has no picture %s", m[1])
		}
	}
}

// anchors returns what links call the headings of a document.
func anchors(document string) (all []string) {
	for _, m := range regexp.MustCompile(`(?m)^##+ (.+)$`).FindAllStringSubmatch(document, -1) {
		all = append(all, strings.ReplaceAll(regexp.MustCompile(`[^a-z0-9 -]`).ReplaceAllString(strings.ToLower(m[1]), ""), " ", "-"))
	}
	return all
}
