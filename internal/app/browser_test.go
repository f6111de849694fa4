package app_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"
)

// A browser is a Chromium without a window. It is spoken to in the DevTools
// protocol, over a pipe, so that nothing of others is needed.
type browser struct {
	t    *testing.T
	to   io.WriteCloser
	from *bufio.Reader

	mu      sync.Mutex
	next    int
	waiting map[int]chan message
	told    []string // what the page complained of
	session string
}

type message struct {
	ID        int             `json:"id,omitempty"`
	SessionID string          `json:"sessionId,omitempty"`
	Method    string          `json:"method"`
	Params    json.RawMessage `json:"params,omitempty"`
	Result    json.RawMessage `json:"result,omitempty"`
	Error     json.RawMessage `json:"error,omitempty"`
}

// chromium returns the program, or skips the test where none is installed.
func chromium(t *testing.T) string {
	t.Helper()
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	if os.Getenv("TEST_REQUIRE_POSTGRES") != "" { // make test has seen to it
		t.Fatal("there is no chromium")
	}
	t.Skip("there is no chromium; see scripts/need.sh")
	return ""
}

// browse opens a page in a browser that lasts for the test.
func browse(t *testing.T, url string, flags ...string) *browser {
	t.Helper()
	ctx, stop := context.WithTimeout(t.Context(), 3*time.Minute)
	cmd := exec.CommandContext(ctx, chromium(t), append(flags, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
		"--no-first-run", "--window-size=1280,1600", "--user-data-dir="+t.TempDir(), "--remote-debugging-pipe", "about:blank")...)
	theirs, to, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	from, theirsToo, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.ExtraFiles = []*os.File{theirs, theirsToo}
	// Wait then waits for all who have it: the browser's processes that outlive
	// the first write into its folder.
	cmd.Stderr, cmd.WaitDelay = io.Discard, 10*time.Second
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	theirs.Close()
	theirsToo.Close()
	b := &browser{t: t, to: to, from: bufio.NewReader(from), waiting: map[int]chan message{}}
	ended := make(chan struct{})
	go func() { defer close(ended); b.listen() }()
	t.Cleanup(func() {
		_ = b.send(message{ID: 1 << 30, Method: "Browser.close"})
		to.Close()
		timer := time.AfterFunc(10*time.Second, stop)
		_ = cmd.Wait()
		timer.Stop()
		stop()
		from.Close()
		<-ended
	})
	b.open(url)
	return b
}

func (b *browser) open(url string) {
	b.t.Helper()
	var target struct{ TargetID string }
	b.call("Target.createTarget", map[string]any{"url": "about:blank"}, &target)
	var attached struct{ SessionID string }
	b.call("Target.attachToTarget", map[string]any{"targetId": target.TargetID, "flatten": true}, &attached)
	b.session = attached.SessionID
	for _, domain := range []string{"Page", "Runtime", "Log", "Audits", "Network"} {
		b.call(domain+".enable", nil, nil)
	}
	b.call("Page.navigate", map[string]any{"url": url}, nil)
}

// listen takes what the browser says until it is gone.
func (b *browser) listen() {
	for {
		raw, err := b.from.ReadBytes(0)
		if err != nil {
			break
		}
		var m message
		if json.Unmarshal(raw[:len(raw)-1], &m) != nil {
			continue
		}
		b.mu.Lock()
		if answer := b.waiting[m.ID]; answer != nil && m.ID != 0 {
			delete(b.waiting, m.ID)
			answer <- m
		}
		b.note(m)
		b.mu.Unlock()
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, answer := range b.waiting {
		close(answer)
	}
	b.waiting = nil
}

// note keeps what the page complains of, errors and refusals of its policy, and
// what it asks for.
func (b *browser) note(m message) {
	switch m.Method {
	case "Audits.issueAdded": // of which most are advice
		if !strings.Contains(string(m.Params), "ContentSecurityPolicy") {
			return
		}
		fallthrough
	case "Runtime.exceptionThrown", "Log.entryAdded", "Runtime.consoleAPICalled", "Network.requestWillBeSent":
		b.told = append(b.told, m.Method+" "+string(m.Params))
	}
}

// complaints returns what the page complained of.
func (b *browser) complaints() (all []string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, s := range b.told {
		if !strings.HasPrefix(s, "Network.") {
			all = append(all, s)
		}
	}
	return all
}

// asked returns the addresses that the page asked for.
func (b *browser) asked() (all []string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, s := range b.told {
		raw, found := strings.CutPrefix(s, "Network.requestWillBeSent ")
		var sent struct{ Request struct{ URL string } }
		if found && json.Unmarshal([]byte(raw), &sent) == nil {
			all = append(all, sent.Request.URL)
		}
	}
	return all
}

func (b *browser) send(m message) error {
	raw, err := json.Marshal(m)
	if err != nil {
		return err
	}
	_, err = b.to.Write(append(raw, 0))
	return err
}

func (b *browser) call(method string, params, result any) {
	b.t.Helper()
	if err := b.try(method, params, result); err != nil {
		b.t.Fatal(err)
	}
}

// try is call for what a page that is left does not answer any more.
func (b *browser) try(method string, params, result any) error {
	raw, err := json.Marshal(params)
	if err != nil {
		return err
	}
	answer := make(chan message, 1)
	b.mu.Lock()
	if b.waiting == nil {
		b.mu.Unlock()
		return fmt.Errorf("%s: the browser is gone", method)
	}
	b.next++
	m := message{ID: b.next, SessionID: b.session, Method: method}
	if params != nil {
		m.Params = raw
	}
	b.waiting[m.ID] = answer
	b.mu.Unlock()
	if err := b.send(m); err != nil {
		return err
	}
	got, ok := <-answer
	if !ok || got.Error != nil {
		return fmt.Errorf("%s: %s", method, got.Error)
	}
	if result == nil {
		return nil
	}
	return json.Unmarshal(got.Result, result)
}

// run evaluates a script in the page and returns what it comes to, as text.
func (b *browser) run(script string) string {
	b.t.Helper()
	var out struct {
		Result           struct{ Value any }
		ExceptionDetails json.RawMessage
	}
	b.call("Runtime.evaluate", map[string]any{"expression": script, "awaitPromise": true, "returnByValue": true, "allowUnsafeEvalBlockedByCSP": false}, &out)
	if out.ExceptionDetails != nil {
		b.t.Fatalf("%s: %s\nasked for %s, complains of %s", script, out.ExceptionDetails, b.asked(), b.complaints())
	}
	return fmt.Sprint(out.Result.Value)
}

// until waits for a condition on what the page shows to come true.
func (b *browser) until(what, condition string) {
	b.t.Helper()
	came := b.run(`new Promise(resolve => {
		const holds = () => ` + condition + `;
		if (holds()) { resolve(true); return; }
		const watch = new MutationObserver(() => { if (holds()) { watch.disconnect(); resolve(true); } });
		watch.observe(document, {childList: true, subtree: true, attributes: true, characterData: true});
		setTimeout(() => resolve(false), 60_000);
	})`)
	if came != "true" {
		b.t.Fatalf("%s: not in a minute; the page says %.2000s\nand complains of %s", what, b.run("document.body.innerText"), b.complaints())
	}
}
