package mail_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"fmt"
	"math/big"
	"net"
	"strings"
	"testing"
	"time"

	"cartracker/internal/config"
	"cartracker/internal/mail"
)

// certificate makes one for 127.0.0.1, and who vouches for it.
func certificate(t *testing.T) (*tls.Config, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	about := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, about, about, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(parsed)
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}, roots
}

func offering(t *testing.T, c *tls.Config, extensions ...string) *scripted {
	t.Helper()
	s := scriptedAt(t, "127.0.0.1:0")
	s.tls, s.extensions = c, extensions
	return s.start()
}

func TestSTARTTLS(t *testing.T) {
	good, roots := certificate(t)
	for name, tt := range map[string]struct {
		extensions []string
		change     func(*mail.SMTPConfig)
		want       string // in the error; none if empty
		encrypted  bool
	}{
		"offered":                 {[]string{"STARTTLS"}, nil, "", true},
		"not offered":             {nil, nil, "", false},
		"required":                {[]string{"STARTTLS"}, func(c *mail.SMTPConfig) { c.TLS, c.Roots = mail.TLSRequired, roots }, "", true},
		"required, not offered":   {nil, func(c *mail.SMTPConfig) { c.TLS, c.Roots = mail.TLSRequired, roots }, "EMAIL_TLS=required", false},
		"required, not trusted":   {[]string{"STARTTLS"}, func(c *mail.SMTPConfig) { c.TLS = mail.TLSRequired }, "not to be trusted", false},
		"required, of other name": {[]string{"STARTTLS"}, func(c *mail.SMTPConfig) { c.TLS, c.Roots, c.Host = mail.TLSRequired, roots, "localhost" }, "not to be trusted", false},
	} {
		t.Run(name, func(t *testing.T) {
			server := offering(t, good, tt.extensions...)
			s := server.sender(tt.change, mail.Spans{})
			err := s.Send(t.Context(), letter(), nothing)
			if tt.want == "" && err != nil || tt.want != "" && (!temporary(err) || !strings.Contains(err.Error(), tt.want)) {
				t.Errorf("%v", err)
			}
			if said := server.transcript(); strings.Contains(said, "STARTTLS\nEHLO") != tt.encrypted || strings.Contains(said, "MAIL") != (tt.want == "") {
				t.Errorf("the conversation was\n%s", said)
			}
		})
	}
}

func TestImplicitTLS(t *testing.T) {
	good, roots := certificate(t)
	server := scriptedAt(t, "127.0.0.1:0")
	server.ln = tls.NewListener(server.ln, good)
	server.start()
	s := server.sender(func(c *mail.SMTPConfig) { c.Roots = roots }, mail.Spans{})
	s.EncryptAtOnce()
	send(t, s)
	server.want(t, 1, 1)
	stranger := server.sender(nil, mail.Spans{})
	stranger.EncryptAtOnce()
	if err := stranger.Send(t.Context(), letter(), nothing); !temporary(err) || !strings.Contains(err.Error(), "not to be trusted") {
		t.Errorf("%v", err)
	}
}

const password = "pass-word-Vrbas-77"

func withLogin(c *mail.SMTPConfig) { c.User, c.Password = "desk", config.NewSecret(password) }

func TestLogin(t *testing.T) {
	for way, want := range map[string]string{
		"AUTH PLAIN LOGIN": "AUTH PLAIN " + base64.StdEncoding.EncodeToString([]byte("\x00desk\x00"+password)),
		"AUTH LOGIN":       "AUTH LOGIN\n" + base64.StdEncoding.EncodeToString([]byte("desk")) + "\n" + base64.StdEncoding.EncodeToString([]byte(password)),
	} {
		server := offering(t, nil, way) // to 127.0.0.1 it need not be encrypted
		s := server.sender(withLogin, mail.Spans{})
		send(t, s)
		send(t, s)
		if said := server.transcript(); !strings.Contains(said, want) || strings.Count(said, "AUTH") != 1 {
			t.Errorf("the conversation was\n%s", said)
		}
	}
	server := offering(t, nil, "AUTH GSSAPI")
	if err := server.sender(withLogin, mail.Spans{}).Send(t.Context(), letter(), nothing); !temporary(err) || !strings.Contains(err.Error(), "EMAIL_USER") {
		t.Errorf("%v", err)
	}
}

// TestLoginRefused: a wrong password is no fault of the mail, and is not told.
func TestLoginRefused(t *testing.T) {
	plain := base64.StdEncoding.EncodeToString([]byte("\x00desk\x00" + password))
	for _, answer := range []string{"535 5.7.8 wrong", "535 5.7.8 wrong: " + plain, "535 5.7.8 wrong: " + password, "454 4.7.0 later"} {
		server := scriptedAt(t, "127.0.0.1:0")
		server.extensions = []string{"AUTH PLAIN"}
		server.answer = func(_, _ int, step string) *reply { return at(step == "AUTH", reply{text: answer + "\r\n"}) }
		server.start()
		s := server.sender(withLogin, mail.Spans{Turn: 10 * time.Millisecond})
		err := s.Send(t.Context(), letter(), nothing)
		if !temporary(err) || strings.Contains(err.Error(), password) || strings.Contains(err.Error(), plain) || !strings.Contains(err.Error(), "login") {
			t.Errorf("%v", err)
		}
		if err := s.Send(t.Context(), letter(), nothing); temporary(err) {
			t.Errorf("the next mail tried too: %v", err)
		}
		if strings.Contains(server.transcript(), "MAIL") {
			t.Errorf("the conversation was\n%s", server.transcript())
		}
	}
}

// TestLoginInClear: to another machine a password is only sent encrypted, and to
// a server that has proved who it is.
func TestLoginInClear(t *testing.T) {
	ip := outside(t)
	good, _ := certificate(t)
	for want, extensions := range map[string][]string{
		"not sent in clear text": {"AUTH PLAIN"},
		"not to be trusted":      {"AUTH PLAIN", "STARTTLS"},
	} {
		server := scriptedAt(t, net.JoinHostPort(ip, "0"))
		server.tls, server.extensions = good, extensions
		server.start()
		err := server.sender(withLogin, mail.Spans{}).Send(t.Context(), letter(), nothing)
		if !temporary(err) || !strings.Contains(err.Error(), want) {
			t.Errorf("%v", err)
		}
		if strings.Contains(server.transcript(), "AUTH") {
			t.Errorf("the conversation was\n%s", server.transcript())
		}
	}
}

// outside returns an address of this machine that is not for itself only.
func outside(t *testing.T) string {
	t.Helper()
	all, err := net.InterfaceAddrs()
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range all {
		if n, ok := a.(*net.IPNet); ok && n.IP.IsGlobalUnicast() && n.IP.To4() != nil {
			return n.IP.String()
		}
	}
	t.Skip("this machine has no address but its own")
	return ""
}

func TestPasswordIsNotShown(t *testing.T) {
	var c mail.SMTPConfig
	withLogin(&c)
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q"} {
		if text := fmt.Sprintf(verb, c) + fmt.Sprintf(verb, mail.NewSMTP(c)); strings.Contains(text, password) {
			t.Errorf("%s shows %s", verb, text)
		}
	}
}
