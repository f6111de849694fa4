package sheet

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"unicode/utf16"

	"golang.org/x/text/encoding/unicode"
)

// utf16Form reports whether a file is UTF-16: by its mark, by the NULs that every
// second byte of it is, or because it is said to be.
func utf16Form(head []byte, want string) (f form, ok bool) {
	if want != "" && want != "utf-16" {
		return form{}, false
	}
	f.name = "UTF-16"
	switch {
	case bytes.HasPrefix(head, []byte("\xff\xfe")):
		f.bom = 2
	case bytes.HasPrefix(head, []byte("\xfe\xff")):
		f.bom, f.big = 2, true
	default:
		var little bool
		little, f.big = nulPattern(head)
		ok = little || f.big || want == "utf-16"
		return f.wide(), ok
	}
	return f.wide(), true
}

// wide returns f with the coding that it has as UTF-16.
func (f form) wide() form {
	f.coding = unicode.UTF16(unicode.LittleEndian, unicode.IgnoreBOM)
	if f.big {
		f.coding = unicode.UTF16(unicode.BigEndian, unicode.IgnoreBOM)
	}
	return f
}

// nulPattern reports whether two thirds of the bytes at odd or at even places
// are NUL, and none at the others, as of UTF-16 in a Latin script. A NUL in a
// cell makes no such pattern.
func nulPattern(head []byte) (little, big bool) {
	var nuls [2]int
	for i, b := range head {
		if b == 0 {
			nuls[i%2]++
		}
	}
	many := max(1, (len(head)+2)/3)
	return nuls[0] == 0 && nuls[1] >= many, nuls[1] == 0 && nuls[0] >= many
}

// examineWide passes over a file of UTF-16, which must be whole characters.
func examineWide(src io.ReaderAt, size int64, f form) (form, error) {
	in := bufio.NewReaderSize(section(src, f.bom, size), passBuffer)
	var l lines
	var unit [2]byte
	for high := false; ; {
		_, err := io.ReadFull(in, unit[:])
		switch {
		case errors.Is(err, io.EOF) && !high:
			f.cr = l.lf == 0 && l.cr > 0
			return f, nil
		case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
			return form{}, ErrFile.Say("the file ends in the middle of a character: it is not all there, or not UTF-16")
		case err != nil:
			return form{}, fmt.Errorf("read: %w", err)
		}
		c := rune(unit[1])<<8 | rune(unit[0])
		if f.big {
			c = rune(unit[0])<<8 | rune(unit[1])
		}
		if low := c >= 0xdc00 && c < 0xe000; low != high {
			return form{}, refuse(l.line(place{lf: l.lf, cr: l.cr}), "has half a character of UTF-16")
		}
		high = utf16.IsSurrogate(c) && !high
		if err := l.pass(c, 2, 2*maxRow); err != nil {
			return form{}, err
		}
	}
}
