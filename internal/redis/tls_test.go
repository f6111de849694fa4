package redis_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"log"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"cartracker/internal/redis"
	"cartracker/internal/redis/redistest"
)

// TestMain makes the certificate that this process believes. The standard
// library reads the list of those once, so it has to be there from the start.
func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "cartracker-redis")
	if err != nil {
		log.Fatal(err)
	}
	believed := filepath.Join(dir, "cert.pem")
	if err := writePair(believed, filepath.Join(dir, "key.pem")); err != nil {
		log.Fatal(err)
	}
	os.Setenv("SSL_CERT_FILE", believed)
	goleak.VerifyTestMain(m, goleak.Cleanup(func(code int) {
		_ = os.RemoveAll(dir)
		os.Exit(code)
	}))
}

// writePair writes a certificate for 127.0.0.1, and its key.
func writePair(cert, key string) error {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		return err
	}
	secret, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return err
	}
	if err := os.WriteFile(cert, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600); err != nil {
		return err
	}
	return os.WriteFile(key, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret}), 0o600)
}

// encrypted serves a server by TLS.
func encrypted(t *testing.T, cert, key, server string) (addr string) {
	t.Helper()
	pair, err := tls.LoadX509KeyPair(cert, key)
	if err != nil {
		t.Fatal(err)
	}
	return listen(t, func(c net.Conn) {
		client := tls.Server(c, &tls.Config{Certificates: []tls.Certificate{pair}})
		upstream, err := net.Dial("tcp", server)
		if err != nil {
			return
		}
		var up sync.WaitGroup
		up.Go(func() { relay(upstream, client); upstream.Close() })
		relay(client, upstream)
		c.Close()
		up.Wait()
	})
}

func TestEncrypted(t *testing.T) {
	j := listenIn(t)
	s := redistest.New(t, redistest.Options{Password: password})
	secure := func(addr string) string {
		return strings.NewReplacer("redis://", "rediss://", s.Addr(), addr).Replace(s.URL())
	}
	believed := os.Getenv("SSL_CERT_FILE")
	l := redistest.Open(t, secure(encrypted(t, believed, filepath.Join(filepath.Dir(believed), "key.pem"), s.Addr())))
	if err := timed(t, l); err != nil || !l.Up() {
		t.Error(err)
	}
	next(t, subscribe(t, l, "feed"))

	cert, key := filepath.Join(t.TempDir(), "cert"), filepath.Join(t.TempDir(), "key")
	if err := writePair(cert, key); err != nil {
		t.Fatal(err)
	}
	for name, addr := range map[string]string{"a stranger": encrypted(t, cert, key, s.Addr()), "without TLS": s.Addr()} {
		if l := redistest.Open(t, secure(addr)); l.Up() {
			t.Errorf("%s was believed", name)
		}
	}
	if !strings.Contains(j.String(), "certificate signed by unknown authority") || strings.Contains(j.String(), "zq7") {
		t.Error(j)
	}
}

// TestCloseFirst looks whether Run ends by itself when its Link was closed.
func TestCloseFirst(t *testing.T) {
	s := redistest.New(t, redistest.Options{})
	l, err := redis.Open(t.Context(), s.URL())
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- l.Run(t.Context()) }()
	l.Close()
	select {
	case err := <-ended:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(patience):
		t.Error("Run goes on")
	}
	if l.Up() {
		t.Error("up")
	}
}
