package sheet

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
)

// A form is how a file has its text.
type form struct {
	name   string
	bom    int64             // bytes to leave out
	coding encoding.Encoding // nil is UTF-8
	big    bool              // UTF-16 with the high byte first
	cr     bool              // lines end in CR alone, as on an old Macintosh
}

const (
	patternHead = 4 << 10  // bytes in which the NULs of UTF-16 are looked for
	passBuffer  = 64 << 10 // bytes of the first pass that are held at a time
)

// examine finds out how a file has its text. It reads all of it, for one letter
// near the end may be the only one that tells; a file whose lines are too long
// is refused at the first of them.
func examine(src io.ReaderAt, size int64, want string) (form, error) {
	head := make([]byte, min(size, patternHead))
	n, err := src.ReadAt(head, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return form{}, fmt.Errorf("read: %w", err)
	}
	head = head[:n]
	switch want = strings.ToLower(want); want {
	case "", "utf-8", "windows-1250", "windows-1252", "utf-16":
	default:
		return form{}, ErrFile.Say("an encoding is utf-8, utf-16, windows-1250 or windows-1252")
	}
	if wide, ok := utf16Form(head, want); ok {
		return examineWide(src, size, wide)
	}
	f := form{}
	if bytes.HasPrefix(head, []byte("\xef\xbb\xbf")) && (want == "" || want == "utf-8") {
		f.bom, want = 3, "utf-8"
	}
	s, err := survey(section(src, f.bom, size))
	if err != nil {
		return form{}, err
	}
	f.cr = s.lf == 0 && s.cr > 0
	return s.choose(f, want)
}

func section(src io.ReaderAt, from, size int64) io.Reader {
	return io.NewSectionReader(src, from, max(0, size-from))
}

// A tally is what the first pass over a file of single bytes or UTF-8 finds.
type tally struct {
	lines
	count   [256]int   // how often each byte above 0x7F is there
	first   [256]place // and where first
	multi   place      // the first character of UTF-8 of several bytes
	invalid place      // the first byte that is none of UTF-8
}

func survey(r io.Reader) (*tally, error) {
	s, in := &tally{}, bufio.NewReaderSize(r, passBuffer)
	for {
		c, n, err := in.ReadRune()
		switch {
		case errors.Is(err, io.EOF):
			return s, nil
		case err != nil:
			return nil, fmt.Errorf("read: %w", err)
		case c < utf8.RuneSelf:
		case c == utf8.RuneError && n == 1:
			if err := in.UnreadRune(); err != nil {
				return nil, fmt.Errorf("read: %w", err)
			}
			b, _ := in.ReadByte()
			s.note(&s.invalid)
			s.high(b)
		default:
			s.note(&s.multi)
			s.high(utf8.AppendRune(nil, c)...)
		}
		if err := s.pass(c, n, maxRow); err != nil {
			return nil, err
		}
	}
}

func (s *tally) high(bytes ...byte) {
	for _, b := range bytes {
		s.count[b]++
		s.note(&s.first[b])
	}
}

// choose decides between the encodings that are left when it is not UTF-16.
func (s *tally) choose(f form, want string) (form, error) {
	switch {
	case want == "" && !s.invalid.seen, want == "utf-8":
		if f.name = "UTF-8"; s.invalid.seen {
			return form{}, refuse(s.line(s.invalid), "has a character that is not UTF-8: choose the encoding, or save the file as UTF-8")
		}
		return f, nil
	case want == "" && s.multi.seen:
		return form{}, refuse(s.line(s.invalid), "is not in the encoding of other lines (UTF-8): save the file as UTF-8, or choose the encoding")
	case want == "windows-1252", want == "" && s.western():
		f.name, f.coding = "Windows-1252", charmap.Windows1252
		return f, s.defined(f.name, undefined1252)
	}
	f.name, f.coding = "Windows-1250", charmap.Windows1250
	return f, s.defined(f.name, undefined1250)
}

// Bytes that mean nothing in one of the two encodings. (Decoders make control
// characters of them.)
var (
	undefined1250 = []byte{0x81, 0x83, 0x88, 0x90, 0x98}
	undefined1252 = []byte{0x81, 0x8d, 0x8f, 0x90, 0x9d}
)

// The letters that tell the two encodings apart. Where Windows-1250 has č ć đ,
// 1252 has è æ ð; where 1252 has à ê ñ å ø ã õ, 1250 has ŕ ę ń ĺ ř ă ő, which
// Bosnian, Croatian and Serbian do not use. (š and ž are the same bytes in both.)
var (
	southern    = []byte{0xe8, 0xe6, 0xf0, 0xc8, 0xc6, 0xd0}
	westernOnly = []byte{0xe0, 0xea, 0xf1, 0xe5, 0xf8, 0xe3, 0xf5, 0xc0, 0xca, 0xd1, 0xc5, 0xd8, 0xc3, 0xd5}
)

// western decides for Windows-1252 if a byte is there that only it defines, or
// if its own letters are more than č, ć and đ would be in 1250. Without any
// evidence it is 1250: that is what the offices here have.
func (s *tally) western() bool {
	not1250, not1252 := s.sum(undefined1250), s.sum(undefined1252)
	if (not1250 > 0) != (not1252 > 0) {
		return not1250 > 0
	}
	return s.sum(westernOnly) > s.sum(southern)
}

func (s *tally) sum(bytes []byte) (n int) {
	for _, b := range bytes {
		n += s.count[b]
	}
	return n
}

// defined refuses a file that has one of the bytes that mean nothing.
func (s *tally) defined(name string, undefined []byte) error {
	for _, b := range undefined {
		if s.first[b].seen {
			return refuse(s.line(s.first[b]), "has a character that "+name+" does not have: choose another encoding")
		}
	}
	return nil
}

// decode returns the text behind the mark of its encoding, in UTF-8.
func (f form) decode(src io.Reader) io.Reader {
	if f.coding != nil {
		src = f.coding.NewDecoder().Reader(src)
	}
	if f.cr {
		src = &newlines{src}
	}
	return src
}

// newlines makes LF of CR.
type newlines struct{ r io.Reader }

func (n *newlines) Read(b []byte) (int, error) {
	k, err := n.r.Read(b)
	for i := range b[:k] {
		if b[i] == '\r' {
			b[i] = '\n'
		}
	}
	return k, err
}
