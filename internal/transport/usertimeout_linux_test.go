package transport

import (
	"net/http"
	"net/http/httptest"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

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
