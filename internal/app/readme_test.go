package app_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"cartracker/internal/app/apptest"
	"cartracker/internal/config"
	"cartracker/internal/machinetest"
	"cartracker/internal/store/testdb"
)

// TestReadme runs the first session of the README as it stands there: a clean
// directory, the real program, bash and curl.
func TestReadme(t *testing.T) {
	t.Parallel()
	needCurl(t)
	text, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	steps, moves := readSteps(section(t, string(text), "A first session")), readSteps(section(t, string(text), "Bring a company in"))
	program := apptest.Program(t)

	// The machine is where it is another day than in the company, one way or the other.
	t.Run("SQLite", func(t *testing.T) {
		t.Parallel()
		session(t, program, steps, "TZ=Pacific/Kiritimati")
	})
	t.Run("PostgreSQL", func(t *testing.T) {
		t.Parallel()
		db := testdb.EmptyPostgres(t)
		session(t, program, steps, "TZ=Pacific/Pago_Pago", "DATABASE_URL="+db.URL, "ACCESS_TOKEN_SECRET="+strings.Repeat("s", 32))
	})
	t.Run("Company", func(t *testing.T) {
		t.Parallel()
		move(t, program, append(steps[:1:1], moves...), testdb.EmptyPostgres(t).URL)
	})
}

// section returns what the README says under a heading.
func section(t *testing.T, readme, heading string) string {
	t.Helper()
	_, rest, ok := strings.Cut(readme, "\n## "+heading+"\n")
	if !ok {
		t.Fatalf("README.md has no section %q", heading)
	}
	text, _, _ := strings.Cut(rest, "\n## ")
	return text
}

// move runs the session that brings a company in and moves it to an empty
// PostgreSQL database. What it builds is there already.
func move(t *testing.T, program string, steps []step, to string) {
	dir := t.TempDir()
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	for link, target := range map[string]string{"testdata": filepath.Join(root, "testdata"), "bin": filepath.Dir(program)} {
		if err := os.Symlink(target, filepath.Join(dir, link)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "Makefile"), []byte("build:\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	port := strconv.Itoa(machinetest.FreePort(t))
	for i := range steps {
		steps[i].shell = strings.ReplaceAll(steps[i].shell, "5001", port)
	}
	outputs := runSteps(t, dir, []string{"PATH=" + os.Getenv("PATH"), "HOME=" + dir, "LANG=C.UTF-8", "COPY_TO=" + to}, steps)
	checkAnswers(t, steps, outputs)
	all := strings.Join(outputs, "")
	for _, text := range []string{
		"665 added", "348 added", "2,125 added", "53 would be added", "7 refused", "exit code 1",
		"the cars are the same\n", "the customers are the same\n", "the contracts are the same\n",
		"the cars are the same on PostgreSQL\n", "the customers are the same on PostgreSQL\n", "the contracts are the same on PostgreSQL\n",
	} {
		if !strings.Contains(all, text) {
			t.Errorf("%q is not in\n%s", text, all)
		}
	}
	if !regexp.MustCompile(`(?m)^ *\d+ "kind":"contract"$`).MatchString(all) {
		t.Errorf("the calendar is empty:\n%s", all)
	}
}

// checkAnswers checks that each block answers what the README shows behind it.
func checkAnswers(t *testing.T, steps []step, outputs []string) {
	t.Helper()
	for i, s := range steps {
		for _, answer := range s.answers {
			if !strings.Contains(general(outputs[i]), general(answer)) {
				t.Errorf("README.md shows\n%sbut the answer is\n%s", answer, outputs[i])
			}
		}
	}
}

func needCurl(t *testing.T) {
	t.Helper()
	if _, err := exec.LookPath("curl"); err == nil {
		return
	}
	if os.Getenv("TEST_REQUIRE_POSTGRES") != "" { // make test has seen to it
		t.Fatal("there is no curl")
	}
	t.Skip("there is no curl; see scripts/need.sh")
}

// A step is one block of shell, and the answers that are shown behind it.
type step struct {
	shell   string
	answers []string
}

var fence = regexp.MustCompile("(?ms)^```(\\w+)\n(.*?)^```$")

func readSteps(section string) (all []step) {
	for _, m := range fence.FindAllStringSubmatch(section, -1) {
		switch m[1] {
		case "sh":
			all = append(all, step{shell: m[2]})
		default:
			last := &all[len(all)-1]
			last.answers = append(last.answers, m[2])
		}
	}
	return all
}

func session(t *testing.T, program string, steps []step, env ...string) {
	dir := t.TempDir()
	env = append(env, "PATH="+os.Getenv("PATH"), "HOME="+dir, "LANG=C.UTF-8")
	address, stop := start(t, program, dir, append(env, "PORT=0", "METRICS_ADDR=off", "APP_ENV=development"))
	before := today(t)
	outputs := runSteps(t, dir, append(env, "CARTRACKER="+address), steps)
	after := today(t)
	stop()
	all := strings.Join(outputs, "")

	want := "201 201 201 201 409 201 200 200 201 200 200 401"
	if got := strings.Join(regexp.MustCompile(`(?m)^\d{3}$`).FindAllString(all, -1), " "); got != want {
		t.Errorf("the statuses are %s, want %s, in\n%s", got, want, all)
	}
	if !regexp.MustCompile(`(?m)^http://127\.0\.0\.1:\d+/set-password\?token=[\w-]{43}$`).MatchString(all) {
		t.Errorf("there is no link to choose a password in\n%s", all)
	}
	checkAnswers(t, steps, outputs)
	if knowsZones() {
		taken := func(today time.Time) string {
			return fmt.Sprintf("taken from %s to %s by", today.AddDate(0, 0, 7).Format(time.DateOnly), today.AddDate(0, 0, 10).Format(time.DateOnly))
		}
		if !strings.Contains(all, taken(before)) && !strings.Contains(all, taken(after)) {
			t.Errorf("nothing is %q in\n%s", taken(before), all)
		}
	}
}

// start runs the program in dir until stop is called, which checks that it ends well.
func start(t *testing.T, program, dir string, env []string) (address string, stop func()) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	t.Cleanup(cancel)
	cmd := exec.CommandContext(ctx, program, "serve")
	cmd.Dir, cmd.Env = dir, env
	said, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(said)
	for address == "" && lines.Scan() {
		_, address, _ = strings.Cut(lines.Text(), " listens on ")
	}
	if address == "" {
		t.Fatalf("the program does not listen: %v", cmd.Wait())
	}
	drained := make(chan struct{})
	go func() {
		defer close(drained)
		for lines.Scan() {
		}
	}()
	t.Cleanup(func() {
		cancel()
		<-drained
	})
	return address, func() {
		if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
			t.Error(err)
		}
		<-drained
		if err := cmd.Wait(); err != nil {
			t.Errorf("told to stop, the program ended with %v", err)
		}
	}
}

// runSteps runs the blocks in one shell, as somebody would paste them, and
// returns what each of them printed.
func runSteps(t *testing.T, dir string, env []string, steps []step) []string {
	t.Helper()
	const next = "---- the next block ----\n"
	var script strings.Builder
	for _, s := range steps {
		script.WriteString(s.shell + "printf -- '" + strings.TrimSpace(next) + "\\n'\n")
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "bash", "--noprofile", "--norc", "-u")
	cmd.Dir, cmd.Env, cmd.Stdin = dir, env, strings.NewReader(script.String())
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	outputs := strings.SplitAfter(string(out), next)
	if len(outputs) != len(steps)+1 {
		t.Fatalf("%d blocks gave %d outputs: %s", len(steps), len(outputs)-1, out)
	}
	return outputs[:len(steps)]
}

// general replaces what is different each time.
func general(s string) string {
	for _, r := range []struct{ is, becomes string }{
		{`[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}`, "ID"},
		{`CTR-\d{4}-`, "CTR-YEAR-"},
		{`\d{4}-\d\d-\d\d`, "DAY"},
	} {
		s = regexp.MustCompile(r.is).ReplaceAllString(s, r.becomes)
	}
	return s
}

// today returns the day that it is in the company, at midnight UTC.
func today(t *testing.T) time.Time {
	t.Helper()
	var c config.Config
	if err := c.Load(func(string) (string, bool) { return "", false }); err != nil {
		t.Fatal(err)
	}
	y, m, d := time.Now().In(c.Zone).Date()
	return time.Date(y, m, d, 0, 0, 0, 0, time.UTC)
}

// knowsZones reports whether date(1) of this machine does.
func knowsZones() bool {
	places := []string{"/usr/share/zoneinfo/Europe/Sarajevo", "/usr/share/lib/zoneinfo/Europe/Sarajevo"}
	return slices.ContainsFunc(places, func(p string) bool {
		_, err := os.Stat(p)
		return !errors.Is(err, fs.ErrNotExist)
	})
}
