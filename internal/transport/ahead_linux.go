package transport

import (
	"errors"
	"net"
	"syscall"
)

// somethingWaits asks the kernel, without waiting, whether a connection has ended or has
// bytes that were not read.
func somethingWaits(conn net.Conn) (waits, known bool) {
	tcp := tcpOf(conn)
	if tcp == nil {
		return false, false
	}
	raw, err := tcp.SyscallConn()
	if err != nil {
		return false, false
	}
	err = raw.Control(func(fd uintptr) {
		_, _, got := syscall.Recvfrom(int(fd), make([]byte, 1), syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
		waits = !errors.Is(got, syscall.EAGAIN)
	})
	return waits, err == nil
}
