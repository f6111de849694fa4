package pages

import (
	"bytes"
	_ "embed" // the style sheet
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"cartracker/internal/identity"
	"cartracker/internal/record"
)

//go:embed pages.css
var style string

// TestLooks writes every page with texts that try to be more than text.
func TestLooks(t *testing.T) {
	all, err := parsed()()
	if err != nil {
		t.Fatal(err)
	}
	const hostile = `"'><script>alert(1)</script>{{.Token}}` + "\r\n"
	name := hostile
	for _, l := range []identity.Language{identity.English, identity.Bosnian} {
		v := view{
			Settings: Settings{AppName: hostile, Style: "/assets/pages.css"}, Lang: l, Words: wordsIn(l), Client: "javascript:alert(1)",
			Title: hostile, Problem: hostile, Login: hostile, Email: hostile, Token: hostile, ID: hostile,
			Errors: map[string]string{"username": hostile, "password": hostile, "email": hostile, "repeat": hostile},
			Person: record.Person{Username: hostile, Name: &name}, To: hostile, Back: hostile, Again: true,
			Status: newStatusView(hostileStatus(hostile), l),
		}
		for look, tmpl := range all {
			var out bytes.Buffer
			if err := tmpl.Execute(&out, v); err != nil {
				t.Errorf("%s: %v", look, err)
			}
			if text := out.String(); strings.Contains(text, "<script") || strings.Contains(text, `"'>`) || strings.Contains(text, `"javascript:`) || !strings.Contains(text, `<html lang="`+string(l)+`">`) {
				t.Errorf("%s: %s", look, text)
			}
		}
	}
	if len(all) != 9 {
		t.Errorf("%d looks", len(all))
	}
}

// TestContrast holds the colours to what people with weak eyes can read: 4.5
// for text, 3 for the border of a field and what has the focus (WCAG 2.2).
func TestContrast(t *testing.T) {
	light, dark, ok := strings.Cut(style, "prefers-color-scheme: dark")
	if !ok {
		t.Fatal("there is no dark style")
	}
	for scheme, text := range map[string]string{"light": light, "dark": dark} {
		colours := map[string]float64{}
		for _, m := range regexp.MustCompile(`--([a-z-]+): #([0-9a-f]{3,6});`).FindAllStringSubmatch(text, -1) {
			colours[m[1]] = luminance(t, m[2])
		}
		for pair, least := range map[[2]string]float64{
			{"ink", "card"}: 4.5, {"quiet", "card"}: 4.5, {"main", "card"}: 4.5, {"on-main", "main"}: 4.5, {"bad", "card"}: 4.5, {"bad", "bad-paper"}: 4.5,
			{"good", "card"}: 4.5, {"warn", "card"}: 4.5, {"quiet", "paper"}: 4.5, {"main", "paper"}: 4.5, {"main", "area"}: 3, {"line", "card"}: 3, {"focus", "card"}: 3, {"focus", "paper"}: 3,
		} {
			a, b := colours[pair[0]], colours[pair[1]]
			if got := (math.Max(a, b) + 0.05) / (math.Min(a, b) + 0.05); got < least {
				t.Errorf("%s: %s on %s has a contrast of %.2f, want %.1f", scheme, pair[0], pair[1], got, least)
			}
		}
	}
}

// luminance returns how light a colour is, from 0 to 1.
func luminance(t *testing.T, hex string) (sum float64) {
	t.Helper()
	if len(hex) == 3 {
		hex = fmt.Sprintf("%c%c%c%c%c%c", hex[0], hex[0], hex[1], hex[1], hex[2], hex[2])
	}
	for i, weight := range []float64{0.2126, 0.7152, 0.0722} {
		n, err := strconv.ParseUint(hex[2*i:2*i+2], 16, 8)
		if err != nil {
			t.Fatal(err)
		}
		c := float64(n) / 255
		if c <= 0.04045 {
			c /= 12.92
		} else {
			c = math.Pow((c+0.055)/1.055, 2.4)
		}
		sum += weight * c
	}
	return sum
}

// hostileStatus has a text wherever one can be.
func hostileStatus(text string) Status {
	curve := []float64{1, math.NaN(), 3, math.Inf(1)}
	return Status{
		Zone: text, Version: text, Alone: text, Redis: Redis{State: text, Calls: &Timing{}},
		Database: Database{Kind: text, Pools: []Pool{{Name: text}}}, Replicas: []Replica{{Name: text, Why: text}},
		Queue: &Queue{}, Company: &Company{Cars: map[string]int{text: 1}, Currency: text},
		Instances: []Instance{{Name: text, Version: text, State: text, This: true}}, Routes: []Timing{{Method: text, Route: text}},
		Statements: []Statement{{Text: text}}, Errors: []Trouble{{Place: text, What: text, RequestID: text, TraceID: text}},
		Hour: Hour{Requests: curve, Failed: curve, Limited: curve, Hits: curve, Misses: curve, P95: curve, Lag: curve, Waiting: curve, Connections: curve},
	}
}
