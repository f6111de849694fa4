package reporttest_test

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"cartracker/internal/observe/report/reporttest"
)

const form = `{"event_id":"0123456789abcdef0123456789abcdef","sent_at":"2026-07-01T10:00:00Z"}
{"type":"event","length":%d}
%s
`
const event = `{"event_id":"0123456789abcdef0123456789abcdef","level":"error","exception":[{"type":"panic","value":"zq7 broke"}]}`

// A sink takes an envelope as it is and packed, and keeps what it was sent.
func TestSinkUnpacks(t *testing.T) {
	s := reporttest.New(t)
	envelope := fmt.Sprintf(form, len(event), event)
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	if _, err := z.Write([]byte(envelope)); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	for coding, body := range map[string]string{"": envelope, "gzip": packed.String()} {
		before := len(s.Raw())
		url := strings.Replace(s.DSN, reporttest.Key+":"+reporttest.Secret+"@", "", 1)
		req, err := http.NewRequest(http.MethodPost, strings.TrimSuffix(url, "/7")+"/api/7/envelope/", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("X-Sentry-Auth", "Sentry sentry_version=7, sentry_key="+reporttest.Key+", sentry_secret="+reporttest.Secret)
		req.Header.Set("X-Canary", "kept")
		if coding != "" {
			req.Header.Set("Content-Encoding", coding)
		}
		res, err := http.DefaultClient.Do(req)
		if err != nil || res.StatusCode != 200 {
			t.Fatal(res, err)
		}
		res.Body.Close()
		raw := string(s.Raw()[before:])
		if !strings.Contains(raw, "zq7 broke") || !strings.Contains(raw, "X-Canary: kept") || strings.Contains(raw, reporttest.Key) {
			t.Errorf("%q: it keeps %s", coding, raw)
		}
	}
	all := s.Wait(2)
	if len(all) != 2 || all[1].Exception[0].Value != "zq7 broke" || all[1].Level != "error" {
		t.Errorf("%+v", all)
	}
}
