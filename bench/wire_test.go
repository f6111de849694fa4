package bench

import (
	"bufio"
	"context"
	"crypto/rand"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// A listener is a client of Socket.IO over a websocket, as small as can be: it
// connects, answers pings and gives each event to whoever made it.
type listener struct {
	conn net.Conn
	in   *bufio.Reader
	acks int
}

// listen connects a listener to the server at addr, with headers and what CONNECT
// shall carry, "" for nothing.
func listen(ctx context.Context, addr, auth string, headers ...string) (*listener, error) {
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, err
	}
	l := &listener{conn: conn, in: bufio.NewReaderSize(conn, 2048)}
	if deadline, ok := ctx.Deadline(); ok {
		_ = conn.SetDeadline(deadline)
	}
	if err := l.greet(addr, auth, headers); err != nil {
		conn.Close()
		return nil, err
	}
	return l, conn.SetDeadline(time.Time{})
}

func (l *listener) greet(addr, auth string, headers []string) error {
	more := ""
	for _, h := range headers {
		more += h + "\r\n"
	}
	_, err := fmt.Fprintf(l.conn, "GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: %s\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"+
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n%s\r\n", addr, more)
	if err != nil {
		return err
	}
	res, err := http.ReadResponse(l.in, nil)
	if err != nil {
		return err
	}
	if res.StatusCode != http.StatusSwitchingProtocols {
		return errors.New(res.Status)
	}
	if open, err := l.read(); err != nil || open[0] != '0' {
		return fmt.Errorf("%.100q is no open packet (%w)", open, err)
	}
	if err := l.write("40" + auth); err != nil {
		return err
	}
	if connected, err := l.packet(); err != nil || !strings.HasPrefix(string(connected), "40") {
		return fmt.Errorf("%.100q does not tell of a connection (%w)", connected, err)
	}
	return nil
}

// packet returns the next packet that is no ping.
func (l *listener) packet() ([]byte, error) {
	for {
		packet, err := l.read()
		if err != nil || string(packet) != "2" {
			return packet, err
		}
		if err := l.write("3"); err != nil {
			return nil, err
		}
	}
}

// read reads a frame. A server does not mask, and ours and the other one send a
// packet in one frame.
func (l *listener) read() ([]byte, error) {
	var head [10]byte
	if _, err := io.ReadFull(l.in, head[:2]); err != nil {
		return nil, err
	}
	size := uint64(head[1] & 0x7f)
	switch size {
	case 126:
		if _, err := io.ReadFull(l.in, head[2:4]); err != nil {
			return nil, err
		}
		size = uint64(binary.BigEndian.Uint16(head[2:]))
	case 127:
		if _, err := io.ReadFull(l.in, head[2:10]); err != nil {
			return nil, err
		}
		size = binary.BigEndian.Uint64(head[2:])
	}
	if head[0] != 0x81 || size > 1<<20 {
		return nil, fmt.Errorf("a frame begins with %#x and has %d bytes", head[0], size)
	}
	packet := make([]byte, size)
	_, err := io.ReadFull(l.in, packet)
	return packet, err
}

// write writes a packet of at most 64 KB in a frame with a mask, as a client does.
func (l *listener) write(packet string) error {
	frame := []byte{0x81}
	if n := len(packet); n < 126 {
		frame = append(frame, 0x80|byte(n))
	} else {
		frame = binary.BigEndian.AppendUint16(append(frame, 0x80|126), uint16(n))
	}
	var mask [4]byte
	_, _ = rand.Read(mask[:])
	frame = append(frame, mask[:]...)
	for i := range len(packet) {
		frame = append(frame, packet[i]^mask[i%4])
	}
	_, err := l.conn.Write(frame)
	return err
}

// emit sends an event that wants an answer, and gives events that come before
// that to hear.
func (l *listener) emit(hear func(packet []byte), name string, args ...any) ([]byte, error) {
	text, err := json.Marshal(append([]any{name}, args...))
	if err != nil {
		return nil, err
	}
	id := strconv.Itoa(l.acks)
	l.acks++
	if err := l.write("42" + id + string(text)); err != nil {
		return nil, err
	}
	for {
		packet, err := l.packet()
		if err != nil {
			return nil, err
		}
		if answer, ok := strings.CutPrefix(string(packet), "43"+id); ok {
			return []byte(answer), nil
		}
		hear(packet)
	}
}
