package config_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/alecthomas/kong"

	"cartracker/internal/config"
)

// A serveCmd has the settings as flags.
type serveCmd struct {
	config.Config `embed:""`

	Quiet bool `help:"Say nothing."`
}

type program struct {
	Serve serveCmd `cmd:"" help:"Serve."`
}

func Example() {
	var cli program
	parser, err := kong.New(&cli, config.Options()...)
	if err != nil {
		panic(err)
	}
	if _, err = parser.Parse([]string{"serve", "--port=8080", "--base-url=https://cars.example.com", "--currency=euro"}); err != nil {
		panic(err)
	}
	fmt.Println(cli.Serve.Check()) // reads the environment for the rest

	cli.Serve.Currency = "EUR"
	fmt.Println(cli.Serve.Check(), cli.Serve.Addr(), cli.Serve.Secure)
	// Output:
	// CURRENCY (--currency): must be three capital letters such as BAM or EUR
	// <nil> 127.0.0.1:8080 true
}

func parse(t *testing.T, args ...string) (*program, error) {
	t.Helper()
	var cli program
	parser, err := kong.New(&cli, config.Options()...)
	if err != nil {
		t.Fatal(err)
	}
	_, err = parser.Parse(append([]string{"serve"}, args...))
	return &cli, err
}

func TestFlagsWin(t *testing.T) {
	t.Setenv("PORT", "6000")
	t.Setenv("HOST_FILE", write(t, "10.0.0.1"))
	t.Setenv("CURRENCY", "EUR")
	cli, err := parse(t, "--port=5000", "--host", "::1", "--quiet")
	if err != nil {
		t.Fatal(err)
	}
	c := &cli.Serve
	if err := c.Check(); err != nil {
		t.Fatal(err)
	}
	if c.Addr() != "[::1]:5000" || c.Currency != "EUR" || !c.Quiet {
		t.Error(c)
	}
}

func TestFlagsAreNamedAsVariables(t *testing.T) {
	parser, err := kong.New(&program{}, config.Options()...)
	if err != nil {
		t.Fatal(err)
	}
	flags := map[string]bool{}
	for _, flag := range parser.Model.Children[0].Flags {
		flags[flag.Name] = true
	}
	var c config.Config
	for _, row := range c.Effective() {
		flag := strings.ReplaceAll(strings.ToLower(row.Name), "_", "-")
		secret := row.Name == "DATABASE_URL" || row.Name == "DATABASE_REPLICA_URLS" || row.Name == "DB_PASSWORD" || row.Name == "REDIS_URL" || row.Name == "REDIS_PASSWORD" || row.Name == "EMAIL_PASSWORD" || row.Name == "SENTRY_DSN" || row.Name == "OTEL_EXPORTER_OTLP_HEADERS" || row.Name == "ACCESS_TOKEN_SECRET"
		if flags[flag] == secret {
			t.Errorf("--%s: a flag %v, a secret %v", flag, flags[flag], secret)
		}
		if !secret && !strings.Contains(config.Table(), "`--"+flag+"`") {
			t.Errorf("--%s is not in the table", flag)
		}
	}
}

func TestSecretsHaveNoFlags(t *testing.T) {
	for _, arg := range []string{"--access-token-secret=" + key, "--database-url=sqlite:x", "--database-replica-urls=postgres://a/b", "--db-password=x", "--redis-url=redis://x", "--redis-password=x", "--email-password=x", "--sentry-dsn=https://key@sentry.example.com/1", "--otel-exporter-otlp-headers=a=b"} {
		if _, err := parse(t, arg); err == nil || !strings.Contains(err.Error(), "unknown flag") {
			t.Errorf("%s: %v", arg, err)
		}
	}
}

func TestHelp(t *testing.T) {
	var out bytes.Buffer
	var cli program
	parser, err := kong.New(&cli, append(config.Options(), kong.Writers(&out, &out), kong.Exit(func(int) {}))...)
	if err != nil {
		t.Fatal(err)
	}
	_, _ = parser.Parse([]string{"serve", "--help"})
	help := strings.Join(strings.Fields(out.String()), " ")
	for _, want := range []string{"--port=PORT Port to listen on; 0 takes any that is free (default 5000; $PORT).", "$APP_ENV, $NODE_ENV", "Database --db-host", "--quiet Say nothing."} {
		if !strings.Contains(help, want) {
			t.Errorf("no %q in\n%s", want, out.String())
		}
	}
}
