//go:build !linux

package transport

// This file stands in for socket_linux.go where the kernel cannot be asked. Nothing depends on
// the answers: they only make a dead connection show sooner.

import (
	"net"
	"time"
)

// somethingWaits cannot tell here; reading under a short deadline can, nearly as well.
func somethingWaits(net.Conn) (waits, known bool) { return false, false }

// setUserTimeout does nothing: only Linux has the option.
func setUserTimeout(*net.TCPConn, time.Duration) {}
