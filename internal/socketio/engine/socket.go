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
	least = 128 // bytes of the longest frame that the websocket writes by itself, so that it is one write
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
	t.line = newLine(conn, t.server)
	t.line.ahead = bytes.Clone(read)
	return t.line, bufio.NewReadWriter(bufio.NewReaderSize(t.line, ahead), bufio.NewWriterSize(t.line, least)), nil
}

// receive waits for a message.
func (s *socket) receive() (data []byte, binary bool, err error) {
	kind, data, err := s.conn.Read(context.Background())
	return data, kind == websocket.MessageBinary, err
}

// send writes frames in as few writes as possible. They are written as they
// are, past the websocket: it would make the same bytes for each client anew.
// What it writes by itself, pongs and the close, is between them and never inside.
func (s *socket) send(frames []*Frame) error {
	if len(frames) == 1 {
		_, err := s.line.Write(frames[0].whole)
		return err
	}
	s.line.hold()
	var err error
	for _, f := range frames {
		if _, err = s.line.Write(f.whole); err != nil {
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
