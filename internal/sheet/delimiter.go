package sheet

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strings"
)

const (
	sampleSize = 64 << 10 // bytes
	sampleRows = 20
	candidates = ";,\t|" // the first of equals wins
)

var delimiterNames = map[byte]string{',': "commas", ';': "semicolons", '\t': "tabs", '|': "bars"}

// delimiter returns what separates the cells. A first line such as "sep=;",
// which Excel writes and heeds, is read away: told says so. The size of the
// buffer of in bounds how far it looks.
func delimiter(in *bufio.Reader, want string) (mark byte, told bool, err error) {
	sample, err := in.Peek(sampleSize)
	if err != nil && !errors.Is(err, io.EOF) {
		return 0, false, fmt.Errorf("read: %w", err)
	}
	mark, length := sepLine(sample)
	told = length > 0
	if _, err := in.Discard(length); err != nil {
		return 0, false, fmt.Errorf("read: %w", err)
	}
	switch want = strings.ToLower(want); {
	case want == "tab":
		return '\t', told, nil
	case len(want) == 1 && strings.Contains(candidates, want):
		return want[0], told, nil
	case want != "":
		return 0, false, ErrFile.Say("a delimiter is a comma, a semicolon, a tab or a bar")
	case told:
		return mark, told, nil
	}
	return guess(sample), false, nil
}

// sepLine returns what a first line "sep=;" says, and how many bytes it has.
func sepLine(sample []byte) (mark byte, length int) {
	line, _, _ := strings.Cut(string(sample[:min(len(sample), 8)]), "\n")
	text := strings.TrimSuffix(line, "\r")
	if len(text) != 5 || !strings.EqualFold(text[:4], "sep=") || !strings.Contains(candidates, text[4:]) {
		return 0, 0
	}
	return text[4], min(len(line)+1, len(sample))
}

// guess chooses the candidate that the header has, weighed by how many rows have
// it as often as the header: a decimal comma is in some rows, but seldom there.
func guess(sample []byte) byte {
	counts := countRows(sample)
	best, score := byte(','), 0
	for i := range len(candidates) {
		same := 0
		for _, row := range counts {
			if row[i] == counts[0][i] {
				same++
			}
		}
		if len(counts) > 0 && same*counts[0][i] > score {
			best, score = candidates[i], same*counts[0][i]
		}
	}
	return best
}

// countRows counts each candidate in each row of the sample, outside of quotes.
// A row that the sample cuts off counts only if it is the only one.
func countRows(sample []byte) (counts [][len(candidates)]int) {
	var row [len(candidates)]int
	quoted, begins, empty := false, true, true
	for i := 0; i < len(sample) && len(counts) < sampleRows; i++ {
		b := sample[i]
		which := strings.IndexByte(candidates, b)
		switch {
		case quoted && b == '"' && i+1 < len(sample) && sample[i+1] == '"':
			i++
		case b == '"' && (quoted || begins):
			quoted = !quoted
		case quoted:
		case b == '\n' && !empty:
			counts, row = append(counts, row), [len(candidates)]int{}
		case which >= 0:
			row[which]++
		}
		begins = !quoted && (which >= 0 || b == '\n')
		empty = !quoted && (b == '\n' || empty && b == '\r')
	}
	if !empty && (len(counts) == 0 || len(sample) < sampleSize && len(counts) < sampleRows) {
		counts = append(counts, row)
	}
	return counts
}
