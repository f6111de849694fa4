package engine

import "syscall"

// try writes frames as far as that needs no waiting. If something is left, it
// returns the frames that are still to be sent, none but not nil if only the rest
// of one is. An error is left to who sends them.
func (l *line) try(frames []*Frame) (left []*Frame) {
	if l.raw == nil || !l.mu.TryLock() { // who holds it may be waiting for the client
		return frames
	}
	defer l.mu.Unlock()
	n := l.tryAll(frames)
	for i, f := range frames {
		switch {
		case n == 0:
			return frames[i:]
		case n < len(f.whole):
			l.rest = f.whole[n:]
			return frames[i+1:]
		}
		n -= len(f.whole)
	}
	return nil
}

// tryAll writes frames in one write and returns how many bytes of them went.
func (l *line) tryAll(frames []*Frame) (n int) {
	if len(frames) == 1 {
		return l.tryBytes(frames[0].whole)
	}
	together, _ := l.buffers.Get().(*[]byte)
	for _, f := range frames {
		if len(*together)+len(f.whole) > held {
			break
		}
		*together = append(*together, f.whole...)
	}
	n = l.tryBytes(*together)
	*together = (*together)[:0]
	if cap(*together) <= room {
		l.buffers.Put(together)
	}
	return n
}

func (l *line) tryBytes(p []byte) (n int) {
	_ = l.raw.Write(func(fd uintptr) bool {
		n, _ = syscall.Write(int(fd), p)
		return true // it is not to be waited for
	})
	return max(n, 0)
}
