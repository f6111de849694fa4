package deploy_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"cartracker/internal/app/apptest"
	"cartracker/internal/nginxtest"
)

// The lines for TLS, taken in as the checklist says, are a server that encrypts and one
// that sends others to it.
func TestTLS(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	certify(t, folder)
	changes := []string{
		"    listen 80; # plain\n", "    listen unix:" + folder + "/other; # plain\n", // as the checklist does, nearly
		"#tls ", "", "listen 80;\n", "listen unix:" + folder + "/plain;\n", "listen 443 ", "listen unix:" + folder + "/tls ",
		"/etc/letsencrypt/live/rent.example.com/fullchain.pem", folder + "/cert.pem",
		"/etc/letsencrypt/live/rent.example.com/privkey.pem", folder + "/key.pem",
		"listen unix:" + folder + "/other; # plain", "listen 80; # plain",
	}
	nginxtest.Start(t, nginxtest.Deployed(t, "127.0.0.1:1", "127.0.0.1:1", changes...))
	by := func(socket string) *http.Client {
		return &http.Client{
			Transport: &http.Transport{
				DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
					return new(net.Dialer).DialContext(ctx, "unix", filepath.Join(folder, socket))
				},
				TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, DisableKeepAlives: true,
			},
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		}
	}
	res, err := by("plain").Get("http://rent.example.com/sign-in?next=1")
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if to := res.Header.Get("Location"); res.StatusCode != 301 || to != "https://rent.example.com/sign-in?next=1" {
		t.Errorf("without encryption: %s, to %s", res.Status, to)
	}
	if res, err = by("tls").Get("https://rent.example.com/"); err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode != 503 || res.TLS.Version < tls.VersionTLS12 { // no instance is there
		t.Errorf("encrypted: %s, TLS %x", res.Status, res.TLS.Version)
	}
}

// certify makes a certificate that nobody trusts.
func certify(t *testing.T, folder string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	about := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{"rent.example.com"}, NotAfter: time.Now().Add(time.Hour)}
	cert, err := x509.CreateCertificate(rand.Reader, about, about, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(folder, "cert.pem"), string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert})))
	write(t, filepath.Join(folder, "key.pem"), string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: raw})))
}

// What compose.yaml makes of the file is one that nginx takes, for its own instances.
func TestNginxOfCompose(t *testing.T) {
	t.Parallel()
	expressions := regexp.MustCompile(`-e '(s/[^']+)'`).FindAllStringSubmatch(read(t, "compose.yaml"), -1)
	args := []string{"nginx/cartracker.conf"}
	for _, e := range expressions {
		args = append([]string{"-e", e[1]}, args...)
	}
	text := run(t, "sed", args...)
	for line, n := range map[string]int{"server 172.30.57.11:5000 ": 2, "server 172.30.57.12:5000 ": 2, "    listen 8080; # plain": 1, "\nset_real_ip_from 172.30.58.1;": 1, "127.0.0.1": 0} {
		if got := strings.Count(text, line); got != n {
			t.Errorf("%q is there %d times, not %d", line, got, n)
		}
	}
	err := nginxtest.Check(t, func(addr, dir string) string {
		return strings.NewReplacer("listen 8080;", "listen "+addr+";", "/var/log/nginx", dir).Replace(text)
	})
	if err != nil {
		t.Error(err)
	}
}

// Each setting that is given to the program is one.
func TestSettings(t *testing.T) {
	t.Parallel()
	known, err := apptest.NewSite(t, t.TempDir(), "").Run(t, "", "config")
	if err != nil {
		t.Fatal(err)
	}
	given := 0
	for file, pattern := range map[string]string{
		"systemd/cartracker.service": `(?m)^Environment=([A-Z_]+)=`,
		"systemd/secrets.conf":       `(?m)^Environment=([A-Z_]+)=`,
		"compose.yaml":               `(?m)^    ([A-Z_]+): `,
	} {
		for _, m := range regexp.MustCompile(pattern).FindAllStringSubmatch(read(t, file), -1) {
			given++
			name := strings.TrimSuffix(m[1], "_FILE")
			if !regexp.MustCompile(`(?m)^` + name + ` `).MatchString(known) {
				t.Errorf("%s: %s is no setting", file, m[1])
			}
		}
	}
	if given < 12 {
		t.Errorf("only %d settings were looked at", given)
	}
}

// The units are such as systemd reads without a word, alone and for several
// instances, with the secrets; and they keep the program from the machine.
func TestUnits(t *testing.T) {
	t.Parallel()
	need(t, "systemd-analyze", "TEST_REQUIRE_SYSTEMD")
	folder := t.TempDir()
	unit := strings.ReplaceAll(read(t, "systemd/cartracker.service"), "/usr/local/bin/cartracker", "/bin/true")
	for _, name := range []string{"cartracker.service", "cartracker@.service"} {
		write(t, filepath.Join(folder, name), unit)
		if err := os.Mkdir(filepath.Join(folder, name+".d"), 0o700); err != nil {
			t.Fatal(err)
		}
		write(t, filepath.Join(folder, name+".d", "secrets.conf"), read(t, "systemd/secrets.conf"))
	}
	write(t, filepath.Join(folder, "cartracker@.service.d", "port.conf"), "[Service]\nEnvironment=PORT=%i METRICS_ADDR=127.0.0.1:1%i\n")
	for _, name := range []string{"cartracker.service", "cartracker@5001.service"} {
		if said := run(t, "systemd-analyze", "verify", filepath.Join(folder, name)); said != "" {
			t.Errorf("%s: %s", name, said)
		}
	}
	// Exposure in tenths, from 0 to 100.
	run(t, "systemd-analyze", "security", "--offline=true", "--threshold=20", filepath.Join(folder, "cartracker.service"))
}
