package redis

import (
	"slices"
	"strings"
	"testing"
)

// scanned returns the messages in text, read in pieces of a size.
func scanned(text string, size int) (all []message, err error) {
	var f frames
	for piece := range slices.Chunk([]byte(text), size) {
		if err = f.scan(piece, func(m message) bool { all = append(all, m); return true }); err != nil {
			return all, err
		}
	}
	return all, nil
}

func TestFrames(t *testing.T) {
	for text, want := range map[string]string{
		"+OK\r\n-ERR x\r\n:12\r\n,1.5\r\n_\r\n#t\r\n#f\r\n": "+-:,_##",
		"+\r\n": "+",
		"$3\r\nabc\r\n$0\r\n\r\n$-1\r\n=7\r\ntxt:abc\r\n":         "$$$=",
		"$7\r\n\r\n+OK\r\n\r\n":                                   "$",
		"*0\r\n*-1\r\n~0\r\n%0\r\n":                               "**~%",
		"*2\r\n:1\r\n*2\r\n$1\r\na\r\n_\r\n:1\r\n":                "*:",
		"%2\r\n+a\r\n*0\r\n+b\r\n%1\r\n:1\r\n*1\r\n*0\r\n+OK\r\n": "%+",
		">3\r\n$7\r\nmessage\r\n$1\r\na\r\n$1\r\nb\r\n+OK\r\n":    ">+",
		">1\r\n$1\r\na\r\n":                                       ">",
		"*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n:1\r\n":                    "*",
		"+OK\r\n$5\r\nab":                                         "+",
		"*2\r\n:1\r\n":                                            "",
		"+" + strings.Repeat("a", 10_000) + "\r\n":                "+",
		"OK\r\n":                               "!",
		"\r\n":                                 "!",
		"\n":                                   "!",
		"+OK\n":                                "!",
		":x\r\n":                               "!",
		":\r\n":                                "!",
		":+1\r\n":                              "!",
		"$\r\n":                                "!",
		"$-2\r\n":                              "!",
		"$99999999999999999999\r\n":            "!",
		"$67108865\r\n":                        "!",
		"*-2\r\n":                              "!",
		"*65537\r\n":                           "!",
		"%32769\r\n":                           "!",
		"%-1\r\n":                              "!",
		"%9223372036854775807\r\n":             "!",
		"_x\r\n":                               "!",
		"#x\r\n":                               "!",
		"*?\r\n":                               "!",
		"|1\r\n":                               "!",
		"(1\r\n":                               "!",
		"+QUEUED\r\n":                          "!",
		">0\r\n":                               "!",
		">-1\r\n":                              "!",
		">1\r\n+a\r\n":                         "!",
		">1\r\n$0\r\n\r\n":                     "!",
		">1\r\n$-1\r\n":                        "!",
		"*1\r\n>1\r\n$1\r\na\r\n":              "!",
		"*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n": "!",
		"+" + strings.Repeat("a", 20_000):      "!",
		">2\r\n$9\r\nsubscribe\r\n$2\r\nab\r\n>1\r\n$4\r\npong\r\n:\r": ">>",
	} {
		for _, size := range []int{1, 2, 7, 1 << 20} {
			all, err := scanned(text, size)
			got := ""
			for _, m := range all {
				got += string(m.kind)
			}
			if err != nil {
				got += "!"
			}
			if got != want {
				t.Errorf("%.60q by %d: %q, want %q", text, size, got, want)
			}
		}
	}
}

func TestNamesOfPushes(t *testing.T) {
	all, err := scanned(">2\r\n$9\r\nsubscribe\r\n$2\r\nab\r\n>2\r\n$7\r\nmessage\r\n$2\r\nab\r\n+a\r\n", 3)
	if want := []message{{'>', 9}, {'>', 7}, {'+', 0}}; err != nil || !slices.Equal(all, want) {
		t.Errorf("%v %v", all, err)
	}
}

func FuzzFrames(f *testing.F) {
	f.Add("+OK\r\n*2\r\n$1\r\na\r\n:1\r\n", 3)
	f.Add(">2\r\n$9\r\nsubscribe\r\n$2\r\nab\r\n", 1)
	f.Fuzz(func(t *testing.T, text string, size int) {
		if size < 1 {
			return
		}
		whole, err := scanned(text, len(text)+1)
		pieces, err2 := scanned(text, size)
		if !slices.Equal(whole, pieces) || (err == nil) != (err2 == nil) {
			t.Errorf("whole %v %v, in pieces %v %v", whole, err, pieces, err2)
		}
	})
}
