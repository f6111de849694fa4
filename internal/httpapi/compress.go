package httpapi

import (
	"bytes"
	"io"
	"sync"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// A coding is how a body is compressed (RFC 9110, section 8.4.1).
type coding int

// The codings of answers that are compressed when they are made.
const (
	plain coding = iota
	gzipped
	zstandard
	codings // how many there are
)

func (c coding) String() string { return [codings]string{"", "gzip", "zstd"}[c] }

// offeredCodings are those that clients are offered, the one we like best first.
var (
	offeredCodings = []string{"zstd", "gzip"}
	codingOf       = map[string]coding{"": plain, "gzip": gzipped, "zstd": zstandard}
)

// minCompressed is from how many bytes on compressing a body saves a packet.
const minCompressed = 1 << 10

const gzipLevel = 6

// Writers are kept for others: each has some hundred kilobytes of tables.
var (
	gzipWriters = sync.Pool{New: func() any { w, _ := gzip.NewWriterLevel(nil, gzipLevel); return w }}
	zstdWriters = sync.Pool{New: func() any {
		w, _ := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithLowerEncoderMem(true))
		return w
	}}
)

// compress returns body in a coding.
func compress(c coding, body []byte) []byte {
	switch c {
	case zstandard:
		w := zstdWriters.Get().(*zstd.Encoder)
		defer zstdWriters.Put(w)
		return w.EncodeAll(body, make([]byte, 0, len(body)/4))
	case gzipped:
		out := bytes.NewBuffer(make([]byte, 0, len(body)/4))
		w := gzipWriters.Get().(*gzip.Writer)
		defer gzipWriters.Put(w)
		w.Reset(out)
		_, _ = w.Write(body) // into memory
		_ = w.Close()
		w.Reset(nil) // so that it does not hold the body
		return out.Bytes()
	}
	return body
}

// A packer compresses what is written as it comes.
type packer interface {
	Write([]byte) (int, error)
	Close() error
}

// newPacker returns what compresses a long answer into w. It is not used again.
func newPacker(c coding, w io.Writer) packer {
	if c == zstandard {
		p, _ := zstd.NewWriter(w, zstd.WithEncoderConcurrency(1), zstd.WithLowerEncoderMem(true)) // fails only for other options
		return p
	}
	p, _ := gzip.NewWriterLevel(w, gzipLevel)
	return p
}
