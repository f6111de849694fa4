//go:build unix

package app

import (
	"errors"
	"net"
	"os"
	"syscall"
)

// lastCall accepts those who wait at a listener, and lets nobody else come.
// Whoever connects between the two is cut off, so nothing else may happen there:
// to close a listener takes much longer, since it waits for who is accepting.
// Where there is no shutdown for listeners, only closing it keeps others out.
func lastCall(ln net.Listener) (waiting []net.Conn, err error) {
	raw, err := ln.(syscall.Conn).SyscallConn()
	if err != nil {
		return nil, err
	}
	var all []int
	err = raw.Control(func(fd uintptr) {
		for {
			one, _, err := syscall.Accept(int(fd))
			if err != nil && err != syscall.EINTR && err != syscall.ECONNABORTED {
				break
			}
			if err == nil {
				all = append(all, one)
			}
		}
		_ = syscall.Shutdown(int(fd), syscall.SHUT_RD)
	})
	for _, fd := range all {
		conn, madeErr := connection(fd)
		if err = errors.Join(err, madeErr); madeErr == nil {
			waiting = append(waiting, conn)
		}
	}
	return waiting, err
}

// connection returns what a descriptor is of.
func connection(fd int) (net.Conn, error) {
	syscall.CloseOnExec(fd)
	f := os.NewFile(uintptr(fd), "connection")
	defer f.Close()
	return net.FileConn(f)
}
