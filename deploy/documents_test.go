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
	_, text, found := strings.Cut(read(t, "../docs/operations.md"), "\n## Troubleshooting\n")
	text, _, _ = strings.Cut(text, "\n## ")
	if !found || len(text) < 5000 {
		t.Fatal("docs/operations.md has lost its part Troubleshooting")
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
	} {
		if !strings.Contains(text, words) {
			t.Errorf("docs/operations.md says nothing of %q", words)
		}
		if !strings.Contains(said, words) {
			t.Errorf("nothing says %q", words)
		}
	}
}
