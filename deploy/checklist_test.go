package deploy_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"cartracker/internal/app/apptest"
	"cartracker/internal/nginxtest"
	"cartracker/internal/record"
)

const checklists = "../docs/deployment.md"

// commands returns the block of commands of a checklist in which words are.
func commands(t *testing.T, words string) string {
	t.Helper()
	for _, block := range regexp.MustCompile(`\n\n((?: {4,}.*\n)+)`).FindAllStringSubmatch(read(t, checklists), -1) {
		if strings.Contains(block[1], words) {
			return regexp.MustCompile(`(?m)^ +`).ReplaceAllString(block[1], "")
		}
	}
	t.Fatalf("%s has no command with %q", checklists, words)
	return ""
}

// A room is a folder in which commands find what they write to: places on the
// machine are places in it, and cartracker is the real program.
type room struct {
	t   *testing.T
	dir string
}

func newRoom(t *testing.T) room {
	t.Helper()
	r := room{t: t, dir: t.TempDir()}
	for _, folder := range []string{"etc/systemd/system", "etc/nginx/conf.d", "etc/cron.daily", "etc/redis", "mnt/usb", "tmp", "bin"} {
		if err := os.MkdirAll(filepath.Join(r.dir, folder), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(apptest.Program(t), filepath.Join(r.dir, "bin/cartracker")); err != nil {
		t.Fatal(err)
	}
	return r
}

// try runs commands as root would at the machine, with input, and returns what
// they printed on stdout.
func (r room) try(script, input string) (string, error) {
	r.t.Helper()
	script = regexp.MustCompile(`(^|[\s<>=;])/(etc|mnt|tmp)/`).ReplaceAllString(script, "${1}"+r.dir+"/$2/")
	cmd := exec.Command("bash", "-euc", script)
	cmd.Dir = ".."
	cmd.Env = []string{"PATH=" + r.dir + "/bin:" + os.Getenv("PATH"), "HOME=" + r.dir}
	cmd.Stdin, cmd.Stderr = strings.NewReader(input), &shown{r.t}
	out, err := cmd.Output()
	return string(out), err
}

func (r room) run(script, input string) string {
	r.t.Helper()
	out, err := r.try(script, input)
	if err != nil {
		r.t.Errorf("%s\n%v: %s", script, err, out)
	}
	return out
}

// Shown is what commands complain of, for whoever reads a failed test.
type shown struct{ t *testing.T }

func (s *shown) Write(b []byte) (int, error) {
	s.t.Logf("%s", b)
	return len(b), nil
}

// The settings of each checklist are such as the program takes, by systemd's way
// of reading them and by a shell's.
func TestSettingsOfChecklists(t *testing.T) {
	t.Parallel()
	const config = "(set -a; . /etc/cartracker/settings; cartracker config)"
	office := newRoom(t)
	office.run(commands(t, "HOST=0.0.0.0"), "")
	if out := office.run(config, ""); strings.Count(out, "(environment)") != 7 {
		t.Errorf("in the office:\n%s", out)
	}
	server := newRoom(t)
	server.run(commands(t, "EMAIL_TLS=required"), "")
	if _, err := server.try(config, ""); err == nil {
		t.Error("nothing is said of the password that is not there yet")
	}
	server.run(commands(t, "app password: "), "desk-app\n")
	out := server.run("(set -a; . /etc/cartracker/settings; EMAIL_PASSWORD_FILE=/etc/cartracker/secrets/email-password cartracker config)", "")
	if !regexp.MustCompile(`EMAIL_PASSWORD +\(set\)`).MatchString(out) || !strings.Contains(out, "Rent a Car <desk@rent.example.com>") {
		t.Errorf("on the server:\n%s", out)
	}
	several := newRoom(t)
	redis, _, _ := strings.Cut(commands(t, "requirepass"), "systemctl")
	several.run(redis, "")
	password := regexp.MustCompile(`requirepass (\S{32})\n`).FindStringSubmatch(read(t, filepath.Join(several.dir, "etc/redis/redis.conf")))
	if url := read(t, filepath.Join(several.dir, "etc/cartracker/secrets/redis-url")); password == nil || url != "redis://:"+password[1]+"@127.0.0.1:6379/0\n" {
		t.Fatalf("Redis has the password %q, and instances %q", password, url)
	}
	several.run(commands(t, "DB_INSTANCES=2"), "Vrbas-77\n")
	out = several.run(`S=/etc/cartracker/secrets
set -a; . /etc/cartracker/settings; ACCESS_TOKEN_SECRET_FILE=$S/access-token-secret DATABASE_URL_FILE=$S/database-url REDIS_URL_FILE=$S/redis-url cartracker config`, "")
	if !strings.Contains(out, "@127.0.0.1:5432/cartracker") || strings.Contains(out, "Vrbas-77") || strings.Contains(out, password[1]) {
		t.Errorf("several instances:\n%s", out)
	}
	for _, r := range []room{server, several} {
		if out := r.run("stat -c '%a' /etc/cartracker/secrets /etc/cartracker/secrets/*", ""); !regexp.MustCompile(`^700\n(600\n){2,3}$`).MatchString(out) {
			t.Errorf("modes of secrets: %q", out)
		}
	}
}

// The drop-ins of the checklists name the secrets that are made there, and no other.
func TestSecretsOfChecklists(t *testing.T) {
	t.Parallel()
	for words, want := range map[string]string{
		"app password: ":      "access-token-secret email-password",
		"cartracker@.service": "access-token-secret database-url redis-url",
	} {
		r := newRoom(t)
		if words == "app password: " {
			r.run(commands(t, words), "desk-app\n")
		} else {
			made, _, _ := strings.Cut(commands(t, words), "systemctl")
			r.run(made, "")
		}
		out := r.run("grep -ho '^LoadCredential=[a-z-]*' /etc/systemd/system/*/secrets.conf", "")
		if got := strings.Join(strings.Fields(strings.ReplaceAll(out, "LoadCredential=", "")), " "); got != want {
			t.Errorf("%s: %s, not %s", words, got, want)
		}
	}
}

// The line that makes nginx's file for one instance makes one that nginx takes.
func TestNginxOfChecklist(t *testing.T) {
	t.Parallel()
	r := newRoom(t)
	line, _, _ := strings.Cut(commands(t, "NAME=rent.example.com"), "rm -f")
	r.run(strings.Replace(line, "NAME=rent.example.com", "NAME=desk.example.org", 1), "")
	text := read(t, filepath.Join(r.dir, "etc/nginx/conf.d/cartracker.conf"))
	if regexp.MustCompile(`5002|#tls |# plain|rent\.example\.com`).MatchString(text) || !strings.Contains(text, "listen 443 ssl;") {
		t.Errorf("nginx's file:\n%s", text)
	}
	certs := t.TempDir()
	certify(t, certs)
	err := nginxtest.Check(t, func(_, dir string) string {
		return strings.NewReplacer("/var/log/nginx", dir, "listen 80;", "listen unix:"+dir+"/plain;", "listen 443 ", "listen unix:"+dir+"/tls ",
			"/etc/letsencrypt/live/desk.example.org/fullchain.pem", certs+"/cert.pem",
			"/etc/letsencrypt/live/desk.example.org/privkey.pem", certs+"/key.pem").Replace(text)
	})
	if err != nil {
		t.Error(err)
	}
}

// A backup that the program made comes back by the commands of the checklist, and
// none is taken to a folder on which no disk is mounted.
func TestBackupOfChecklist(t *testing.T) {
	t.Parallel()
	r := newRoom(t)
	s := apptest.NewSite(t, t.TempDir(), "")
	s.AddUser(t, "amra", record.Admin)
	for _, name := range []string{"cartracker-1.db", "cartracker-2.db"} {
		if out, err := s.Run(t, "", "backup", filepath.Join(r.dir, "mnt/usb", name)); err != nil {
			t.Fatal(out)
		}
	}
	old := filepath.Join(r.dir, "mnt/usb/cartracker-1.db")
	write(t, old, "not a backup")
	if err := os.Chtimes(old, time.Time{}, time.Now().Add(-time.Hour)); err != nil {
		t.Fatal(err)
	}
	r.run(commands(t, "cartracker restore"), "")
	if out := r.run("DATA_DIR=/tmp/try cartracker user list", ""); !strings.Contains(out, "amra") {
		t.Errorf("the users: %s", out)
	}
	r.run(commands(t, "cron.daily/cartracker-backups"), "")
	if out, err := r.try("sh /etc/cron.daily/cartracker-backups", ""); err == nil {
		t.Errorf("it copies to %s", out)
	}
}
