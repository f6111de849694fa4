package engine

// A Frame is one message, encoded once for however many clients.
type Frame struct {
	data   []byte
	binary bool
}

// Text makes a Frame of a text, which must be UTF-8 and is the frame's from now on.
func Text(data []byte) *Frame { return &Frame{data: data} }

// Binary makes a Frame of bytes, which are the frame's from now on.
func Binary(data []byte) *Frame { return &Frame{data: data, binary: true} }
