package transport

import (
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The kernel tells what waits without waiting, and reads nothing away.
func TestWhatWaitsOnAConnection(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	pair := func() (near, far net.Conn) {
		near, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", l.Addr().String())
		require.NoError(t, err)
		far, err = l.Accept()
		require.NoError(t, err)
		return near, far
	}
	tell := func(conn net.Conn) [2]bool {
		waits, known := somethingWaits(conn)
		return [2]bool{waits, known}
	}
	near, far := pair()
	assert.Equal(t, [2]bool{false, true}, tell(near))
	_, err = io.WriteString(far, "x")
	require.NoError(t, err)
	eventually(t, func() bool { return tell(near) == [2]bool{true, true} })
	_, err = near.Read(make([]byte, 1))
	require.NoError(t, err)
	assert.Equal(t, [2]bool{false, true}, tell(near))
	assert.Equal(t, [2]bool{false, false}, tell(struct{ net.Conn }{near}))
	require.NoError(t, far.Close())
	eventually(t, func() bool { return tell(near) == [2]bool{true, true} })
	require.NoError(t, near.Close())
	assert.False(t, tell(near)[1])

	near, far = pair()
	require.NoError(t, far.(*net.TCPConn).SetLinger(0))
	require.NoError(t, far.Close())
	eventually(t, func() bool { return tell(near) == [2]bool{true, true} })
	require.NoError(t, near.Close())
	require.NoError(t, l.Close())
}

// The kernel is told to give up on a money connection whose bytes nobody acknowledges,
// and not on one for reads.
func TestUserTimeoutIsSet(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(server.Close)
	c := &core{}
	c.buildWires()
	for i, want := range []int{0, int(deadPath.Milliseconds())} {
		conn, err := c.wires[i].DialContext(t.Context(), "tcp", server.Listener.Addr().String())
		require.NoError(t, err)
		raw, err := tcpOf(conn).SyscallConn()
		require.NoError(t, err)
		var got int
		var optErr error
		require.NoError(t, raw.Control(func(fd uintptr) {
			got, optErr = syscall.GetsockoptInt(int(fd), syscall.IPPROTO_TCP, tcpUserTimeout)
		}))
		require.NoError(t, optErr)
		assert.Equal(t, want, got)
		require.NoError(t, conn.Close())
	}
}
