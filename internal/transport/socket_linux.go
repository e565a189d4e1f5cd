package transport

// This file asks and tells the kernel about a TCP connection: whether something waits on it, and
// how long unacknowledged data may stay. Other systems get socket_other.go.

import (
	"errors"
	"net"
	"syscall"
	"time"
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

const tcpUserTimeout = 0x12 // TCP_USER_TIMEOUT of linux/tcp.h

// setUserTimeout makes the kernel give up on a path that has not acknowledged data for d.
func setUserTimeout(conn *net.TCPConn, d time.Duration) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return
	}
	_ = raw.Control(func(fd uintptr) {
		_ = syscall.SetsockoptInt(int(fd), syscall.IPPROTO_TCP, tcpUserTimeout, int(d.Milliseconds()))
	})
}
