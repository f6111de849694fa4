package httpapi

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"

	"github.com/klauspost/compress/zstd"
)

// A content is what an answer has to say, ready to be written to many: each of
// its forms and header values is made once.
type content struct {
	body  []byte
	tag   string // the opaque part of the ETag without the coding; "" for none
	forms [codings]form
}

// A form is the body in one coding. The values of its headers are shared by all
// answers: nobody changes them.
type form struct {
	once   sync.Once
	body   []byte
	length []string
	etag   []string
}

// newContent returns the content with this body.
func newContent(body []byte, tag string) *content {
	c := &content{body: body, tag: tag}
	if tag != "" {
		for k := range codings {
			c.forms[k].etag = []string{etag(tag, k.String())}
		}
	}
	return c
}

// readyContent returns the content whose body is in this coding already.
func readyContent(body []byte, tag, coding string) *content {
	c := &content{body: body, tag: tag}
	c.forms[plain].etag = []string{etag(tag, coding)}
	return c
}

func etag(tag, coding string) string {
	if coding == "" {
		return `"` + tag + `"`
	}
	return `"` + tag + "-" + coding + `"`
}

// hash is what an ETag tells of a body.
func hash(body []byte) string {
	sum := sha256.Sum256(body)
	return hex.EncodeToString(sum[:8])
}

// form returns the content in a coding.
func (c *content) form(k coding) *form {
	f := &c.forms[k]
	f.once.Do(func() {
		f.body = compress(k, c.body)
		f.length = []string{strconv.Itoa(len(f.body))}
	})
	return f
}

// weight is how many bytes the content takes with all of its forms, at most
// about: those that are compressed are made when somebody wants them.
func (c *content) weight() int {
	if len(c.body) < minCompressed {
		return len(c.body) + 500
	}
	return 2*len(c.body) + 500
}

var (
	errContent   = errors.New("httpapi: what another process made cannot be read")
	contentCodec = sync.OnceValues(func() (*zstd.Decoder, error) {
		return zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(64<<20))
	})
)

// encodeContent returns a content as other processes are given it: its tag and
// its compressed body.
func encodeContent(c *content) ([]byte, error) {
	small := c.form(zstandard).body
	out := binary.AppendUvarint(make([]byte, 0, len(small)+len(c.tag)+8), uint64(len(c.tag)))
	return append(append(out, c.tag...), small...), nil
}

func decodeContent(b []byte) (*content, error) {
	n, read := binary.Uvarint(b)
	if read <= 0 || n > uint64(len(b)-read) {
		return nil, errContent
	}
	tag, small := string(b[read:read+int(n)]), b[read+int(n):]
	d, err := contentCodec()
	if err != nil {
		return nil, err
	}
	body, err := d.DecodeAll(small, nil)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errContent, err)
	}
	return newContent(body, tag), nil
}

// matches reports whether an If-None-Match names the tag, in any coding. A weak
// comparison is what it asks for (RFC 9110, section 13.1.2).
func matches(h http.Header, tag string) bool {
	for _, line := range h["If-None-Match"] {
		for t := range strings.SplitSeq(line, ",") {
			if t = opaque(t); t == "*" || t == tag {
				return true
			}
		}
	}
	return false
}

// opaque returns the opaque part of an entity tag (RFC 9110, section 8.8.3),
// without weakness and coding, or "*".
func opaque(t string) string {
	t = strings.TrimPrefix(strings.TrimSpace(t), "W/")
	if t == "*" {
		return t
	}
	if t = strings.Trim(t, `"`); t == "*" {
		return "" // in quotes it is a tag like any other, and none of ours
	}
	return strings.TrimSuffix(strings.TrimSuffix(strings.TrimSuffix(t, "-gzip"), "-zstd"), "-br")
}

// etags returns the opaque parts of the entity tags in a header.
func etags(header string) []string {
	var out []string
	for t := range strings.SplitSeq(header, ",") {
		if t = opaque(t); t != "" {
			out = append(out, t)
		}
	}
	return out
}
