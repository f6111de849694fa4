package prometheustest_test

import (
	"os"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"cartracker/internal/prometheustest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A server scrapes, answers, and tells which alarms fire.
func TestServer(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	rules := write(t, dir+"/rules.yaml", `groups: [{name: test, rules: [{alert: Fires, expr: "vector(1) > 0"}, {alert: Quiet, expr: "vector(1) > 1"}]}]`)
	s := prometheustest.Start(t, "global: {scrape_interval: 100ms, evaluation_interval: 100ms}\nrule_files: ["+rules+"]\n")
	s.Until("firing", func() bool {
		names, err := s.Firing()
		return err == nil && strings.Join(names, " ") == "Fires"
	})
	if all, err := s.Query("vector(7) * 6"); err != nil || len(all) != 1 || all[0].Value != 42 {
		t.Error(all, err)
	}
	if _, err := s.Query("vector("); err == nil {
		t.Error("what is no expression was understood")
	}
}

func TestPromtool(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, dir+"/good.yaml", `groups: [{name: test, rules: [{alert: A, expr: "up == 0"}]}]`)
	write(t, dir+"/bad.yaml", `groups: [{name: test, rules: [{alert: A, expr: "up =="}]}]`)
	if out, err := prometheustest.Promtool(t, dir, "check", "rules", "good.yaml"); err != nil || !strings.Contains(out, "1 rules found") {
		t.Error(out, err)
	}
	if out, err := prometheustest.Promtool(t, dir, "check", "rules", "bad.yaml"); err == nil {
		t.Error(out)
	}
}

func write(t *testing.T, file, text string) string {
	t.Helper()
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}
