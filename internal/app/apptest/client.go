package apptest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"cartracker/internal/record"
)

// JSON is an object to be sent.
type JSON = map[string]any

// A Client is somebody who uses the API.
type Client struct {
	ID     record.UserID
	Token  string // of access; "" for nobody
	Cookie string // the refresh token

	t    testing.TB
	url  string
	http *http.Client
}

// At returns nobody in particular who uses the program at url.
func At(t testing.TB, url string) *Client {
	transport := &http.Transport{MaxIdleConnsPerHost: 256, ExpectContinueTimeout: time.Minute, DisableCompression: true}
	t.Cleanup(transport.CloseIdleConnections)
	return &Client{t: t, url: url, http: &http.Client{Transport: transport}}
}

// SignIn signs a user in.
func (c *Client) SignIn(name string) *Client {
	c.t.Helper()
	res := c.Do("POST", "/api/auth/login", JSON{"username": name, "password": Password})
	if res.Status != http.StatusOK {
		c.t.Fatalf("sign-in of %s: %s", name, res)
	}
	in := *c
	in.Token, in.ID, in.Cookie = res.Text("accessToken"), record.UserID(res.Text("id")), res.Cookie("refreshToken")
	return &in
}

// With returns a client of where c is who is signed in as another is elsewhere.
func (c *Client) With(other *Client) *Client {
	in := *c
	in.Token, in.ID, in.Cookie = other.Token, other.ID, other.Cookie
	return &in
}

// Do sends a request with body as JSON, unless it is nil, and headers such as
// "If-Match: *". A body of type string is sent as it is.
func (c *Client) Do(method, path string, body any, headers ...string) Response {
	c.t.Helper()
	res, err := c.Try(method, path, body, headers...)
	if err != nil {
		c.t.Errorf("%s %s: %v", method, path, err)
	}
	return res
}

// Insist is Do for a test that sends more than can be done at once: it sends
// what was refused again, when it is told to.
func (c *Client) Insist(method, path string, body any, headers ...string) Response {
	c.t.Helper()
	for range 20 {
		res := c.Do(method, path, body, headers...)
		after, err := strconv.Atoi(res.Header.Get("Retry-After"))
		if res.Text("code") != "overloaded" || err != nil {
			return res
		}
		time.Sleep(time.Duration(after) * time.Second)
	}
	c.t.Errorf("%s %s: refused again and again", method, path)
	return Response{}
}

// Try is Do for a test in which the program may be gone.
func (c *Client) Try(method, path string, body any, headers ...string) (Response, error) {
	var raw []byte
	switch b := body.(type) {
	case nil:
	case string:
		raw = []byte(b)
	default:
		var err error
		if raw, err = json.Marshal(b); err != nil {
			return Response{}, err
		}
	}
	req, err := http.NewRequest(method, c.url+path, bytes.NewReader(raw))
	if err != nil {
		return Response{}, err
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if c.Token != "" {
		req.Header.Set("Authorization", "Bearer "+c.Token)
	}
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		if req.Header.Del(name); value != "" {
			req.Header.Set(name, value)
		}
	}
	res, err := c.http.Do(req)
	if err != nil {
		return Response{}, err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	return Response{Status: res.StatusCode, Header: res.Header, Body: text, cookies: res.Cookies()}, err
}

// A Response is what was answered.
type Response struct {
	Status int
	Header http.Header
	Body   []byte

	cookies []*http.Cookie
}

func (r Response) String() string { return fmt.Sprintf("%d %s", r.Status, r.Body) }

// At returns the value at a path such as "data.id" or "errors.0.field"; nil if there is none.
func (r Response) At(path string) any {
	d := json.NewDecoder(bytes.NewReader(r.Body))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return nil
	}
	for name := range strings.SplitSeq(path, ".") {
		switch in := v.(type) {
		case map[string]any:
			v = in[name]
		case []any:
			var i int
			if _, err := fmt.Sscan(name, &i); err != nil || i < 0 || i >= len(in) {
				return nil
			}
			v = in[i]
		default:
			return nil
		}
	}
	return v
}

// Text returns the value at a path as text: "" if there is none or it is null.
func (r Response) Text(path string) string {
	if v := r.At(path); v != nil {
		return fmt.Sprint(v)
	}
	return ""
}

// Number returns the number at a path, -1 if there is none.
func (r Response) Number(path string) float64 {
	n, ok := r.At(path).(json.Number)
	f, err := n.Float64()
	if !ok || err != nil {
		return -1
	}
	return f
}

// Len returns how long the list at a path is.
func (r Response) Len(path string) int {
	list, _ := r.At(path).([]any)
	return len(list)
}

// Cookie returns the value of a cookie that was set; "" if none was.
func (r Response) Cookie(name string) string {
	for _, c := range r.cookies {
		if c.Name == name {
			return c.Value
		}
	}
	return ""
}

// Car returns a new car with this license plate, as an admin writes it.
func Car(plate string) JSON {
	return JSON{
		"manufacturer": "Škoda", "model": "Octavia", "year": 2022, "licensePlate": plate, "fuelType": "diesel",
		"transmission": "manual", "pricePerDay": 55.5, "category": "family",
	}
}

// Customer returns a new customer with these papers.
func Customer(papers string) JSON {
	return JSON{"name": "Šaćir Đurić", "driverLicenseNumber": "DL" + papers, "passportNumber": "B" + papers, "countryOfOrigin": "Bosnia and Herzegovina"}
}

// Contract returns a new contract.
func Contract(car, customer, start, end string) JSON {
	return JSON{"carId": car, "customerId": customer, "startDate": start, "endDate": end}
}

// Make posts a new record and returns its id.
func (c *Client) Make(path string, body any) string {
	c.t.Helper()
	res := c.Do("POST", path, body)
	if res.Status != http.StatusCreated {
		c.t.Fatalf("POST %s: %s", path, res)
	}
	return res.Text("data.id")
}

// Day returns the day n days after the one that it is for the business at the moment now.
func Day(now time.Time, n int) string {
	zone, err := time.LoadLocation("Europe/Sarajevo")
	if err != nil {
		panic(err) // the program embeds all zones
	}
	return now.In(zone).AddDate(0, 0, n).Format(time.DateOnly)
}

// URL returns where the program is that c uses.
func (c *Client) URL() string { return c.url }

// Leave ends the connections of c that are not in use.
func (c *Client) Leave() { c.http.CloseIdleConnections() }
