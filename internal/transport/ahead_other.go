//go:build !linux

package transport

import "net"

// somethingWaits cannot tell here; reading under a short deadline can, nearly as well.
func somethingWaits(net.Conn) (waits, known bool) { return false, false }
