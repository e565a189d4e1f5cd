package transport

import (
	"io"
	"net"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The end comes with the reply's last bytes when more is there already, so that net/http
// never keeps such a connection: a call that found it in the pool would fail.
func TestSurplusEndsWithTheReply(t *testing.T) {
	t.Parallel()
	const reply = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
	for surplus, want := range map[string]error{"": nil, "x": io.EOF, behind: io.EOF} {
		near, far := net.Pipe()
		var wg sync.WaitGroup
		wg.Go(func() {
			_, _ = far.Read(make([]byte, 64))
			_, _ = io.WriteString(far, reply+surplus)
		})
		q := newQuietConn(near)
		_, err := io.WriteString(q, "POST /x HTTP/1.1\r\n\r\n")
		require.NoError(t, err)
		got := make([]byte, 4096)
		n, err := q.Read(got)
		assert.Equal(t, reply, string(got[:n]))
		assert.Equal(t, want, err)
		if want != nil {
			_, err = q.Read(got)
			assert.Equal(t, io.EOF, err, "for ever")
		}
		wg.Wait()
		require.NoError(t, near.Close())
	}
}

// A gateway that refuses before it has read the body takes the body for a request and
// answers that too: nobody asked for it.
func TestReplyToABodyIsNone(t *testing.T) {
	t.Parallel()
	const reply = "HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n"
	near, far := net.Pipe()
	var wg sync.WaitGroup
	wg.Go(func() {
		for _, say := range []string{reply, behind} {
			_, _ = far.Read(make([]byte, 64))
			_, _ = io.WriteString(far, say)
		}
	})
	q := newQuietConn(near)
	_, err := io.WriteString(q, "POST /x HTTP/1.1\r\nContent-Length: 2\r\n\r\n")
	require.NoError(t, err)
	got := make([]byte, 4096)
	n, err := q.Read(got)
	require.NoError(t, err)
	assert.Equal(t, reply, string(got[:n]))
	_, err = io.WriteString(q, "{}")
	require.NoError(t, err)
	n, err = q.Read(got)
	assert.Equal(t, io.EOF, err)
	assert.Zero(t, n)
	wg.Wait()
	require.NoError(t, near.Close())
}
