package socketio_test

import (
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/coder/websocket"

	"cartracker/internal/socketio"
)

// BenchmarkBroadcast emits 1 KiB to clients that read it.
func BenchmarkBroadcast(b *testing.B) {
	for _, n := range []int{100, 1000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			s := socketio.New(socketio.Config{})
			space := s.Of("/")
			web := httptest.NewServer(s)
			defer web.Close()
			defer s.Close()
			read := make(chan struct{}, n)
			for range n {
				conn, _, err := websocket.Dial(b.Context(), web.URL+"/socket.io/?EIO=4&transport=websocket", nil)
				if err != nil {
					b.Fatal(err)
				}
				_, _, _ = conn.Read(b.Context())
				_ = conn.Write(b.Context(), websocket.MessageText, []byte("40"))
				_, _, _ = conn.Read(b.Context())
				go func() {
					defer conn.CloseNow()
					for {
						if _, _, err := conn.Read(b.Context()); err != nil {
							return
						}
						read <- struct{}{}
					}
				}()
			}
			text := strings.Repeat("x", 1000)
			b.ReportAllocs()
			for b.Loop() {
				_ = space.To().Emit("news", text)
				for range n {
					<-read
				}
			}
		})
	}
}
