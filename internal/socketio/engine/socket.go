package engine

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/coder/websocket"
)

const (
	ahead = 512 // bytes that are read from a websocket in one go: packets are small, and clients many
	least = 16  // bytes of a writer that the line gathers for
)

// A socket is a websocket and the connection under it.
type socket struct {
	conn *websocket.Conn
	line *line
}

// takeSocket takes the connection of a request over as a websocket. If it
// fails, the client has been told.
func (s *Server) takeSocket(w http.ResponseWriter, r *http.Request) (*socket, error) {
	t := &taker{ResponseWriter: w, server: s}
	conn, err := websocket.Accept(t, r, &websocket.AcceptOptions{
		InsecureSkipVerify: true, // Allow decides
		CompressionMode:    websocket.CompressionDisabled,
	})
	if err != nil {
		return nil, err
	}
	conn.SetReadLimit(s.config.MaxPayload)
	return &socket{conn: conn, line: t.line}, nil
}

// A taker takes a connection over with small buffers instead of the server's.
type taker struct {
	http.ResponseWriter
	server *Server
	line   *line
}

// Hijack returns the connection as a line.
func (t *taker) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, rw, err := http.NewResponseController(t.ResponseWriter).Hijack()
	if err != nil {
		return nil, nil, err
	}
	read, _ := rw.Reader.Peek(rw.Reader.Buffered()) // what is buffered is there
	t.line = &line{Conn: conn, ahead: bytes.Clone(read), limit: t.server.config.WriteTimeout, buffers: &t.server.buffers}
	return t.line, bufio.NewReadWriter(bufio.NewReaderSize(t.line, ahead), bufio.NewWriterSize(t.line, least)), nil
}

// receive waits for a message.
func (s *socket) receive() (data []byte, binary bool, err error) {
	kind, data, err := s.conn.Read(context.Background())
	return data, kind == websocket.MessageBinary, err
}

// send writes frames in as few writes as possible.
func (s *socket) send(frames []*Frame) error {
	s.line.hold()
	var err error
	for _, f := range frames {
		kind := websocket.MessageText
		if f.binary {
			kind = websocket.MessageBinary
		}
		if err = s.conn.Write(context.Background(), kind, f.wire); err != nil {
			break
		}
	}
	return errors.Join(err, s.line.release())
}

// bye closes with a code, and gives the client a while to answer.
func (s *socket) bye(code websocket.StatusCode) {
	end := time.AfterFunc(patience, s.cut)
	defer end.Stop()
	_ = s.conn.Close(code, "") // it is closed in any case
}

// cut ends the connection at once.
func (s *socket) cut() {
	if s != nil {
		_ = s.line.Close() // a second time does nothing
	}
}

// reasonFor says what the end of a websocket means.
func reasonFor(err error) string {
	if websocket.CloseStatus(err) != -1 || errors.Is(err, io.EOF) {
		return reasonClosed
	}
	return reasonError
}
