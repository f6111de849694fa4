package apptest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
)

// A held body is read once it is let go.
type held struct {
	io.Reader
	free <-chan struct{}
}

func (h held) Read(b []byte) (int, error) {
	<-h.free
	return h.Reader.Read(b)
}

// Begin sends all of a request but its body, and returns once the program
// waits for that: the request is under way. finish sends the rest and returns
// the answer. It has to be called within 15 s.
func (c *Client) Begin(method, path string, body any) (finish func() (Response, error), err error) {
	raw, err := json.Marshal(body)
	if err != nil {
		return nil, err
	}
	free, began := make(chan struct{}), make(chan struct{})
	req, err := http.NewRequest(method, c.url+path, held{bytes.NewReader(raw), free})
	if err != nil {
		return nil, err
	}
	req.ContentLength = int64(len(raw))
	for name, value := range map[string]string{"Content-Type": "application/json", "Authorization": "Bearer " + c.Token, "Expect": "100-continue"} {
		req.Header.Set(name, value)
	}
	req = req.WithContext(httptrace.WithClientTrace(req.Context(), &httptrace.ClientTrace{Got100Continue: func() { close(began) }}))
	type answer struct {
		res Response
		err error
	}
	answers := make(chan answer, 1)
	go func() {
		res, err := c.http.Do(req)
		if err != nil {
			answers <- answer{err: err}
			return
		}
		defer res.Body.Close()
		text, err := io.ReadAll(res.Body)
		answers <- answer{Response{Status: res.StatusCode, Header: res.Header, Body: text}, err}
	}()
	select {
	case <-began:
	case a := <-answers:
		close(free)
		return nil, fmt.Errorf("%s %s was answered before its body came: %s (%w)", method, path, a.res, a.err)
	}
	return func() (Response, error) {
		close(free)
		a := <-answers
		return a.res, a.err
	}, nil
}
