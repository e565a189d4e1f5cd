package transport

import (
	"bufio"
	"bytes"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"strconv"
	"strings"
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

const behind = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n0908123477"

// replies are whole replies as servers write them.
func replies() []string {
	long := strings.Repeat("x", 9000)
	return []string{
		"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}",
		"HTTP/1.1 200 OK\r\ncontent-length:  2 \r\nX: y\r\n\r\n{}",
		"HTTP/1.1 200 OK\nContent-Length: 2\n\n{}",
		"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\n{}",
		"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\n{}",
		"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
		"HTTP/1.1 200 OK\r\nX-Long: " + long + "\r\nContent-Length: 9000\r\n\r\n" + long,
		"HTTP/1.1 204 No Content\r\n\r\n",
		"HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n",
		"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n",
		"HTTP/1.1 304 Not Modified\r\nTransfer-Encoding: chunked\r\n\r\n",
		"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\nContent-Length: 3\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\nTrailer: A\r\n\r\n1;ext=1\r\n{\r\n001 \r\n}\r\n0\r\nA: b\r\nC: d\r\n\r\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 700\r\n\r\n2328\r\n" + long + "\r\n0\r\n\r\n",
		"HTTP/1.1 429 \r\nContent-Length: 2\r\n\r\nno",
		"HTTP/1.1 503\r\nContent-Length: 2\r\n\r\nno",
	}
}

// A reply ends for us where it ends for net/http, in whatever pieces it comes.
func TestFramingEndsWithNetHTTP(t *testing.T) {
	t.Parallel()
	for _, reply := range replies() {
		random := rand.New(rand.NewPCG(uint64(len(reply)), 5))
		in := bytes.NewReader([]byte(reply + behind))
		br := bufio.NewReaderSize(in, 1<<16)
		resp, err := http.ReadResponse(br, nil)
		require.NoError(t, err, "%.60q", reply)
		for resp.StatusCode < 200 {
			resp, err = http.ReadResponse(br, nil)
			require.NoError(t, err)
		}
		_, err = io.Copy(io.Discard, resp.Body)
		require.NoError(t, err, "%.60q", reply)
		require.NoError(t, resp.Body.Close())
		require.Equal(t, len(behind), br.Buffered()+in.Len(), "net/http reads %.60q to its end", reply)

		for range 200 {
			var f framing
			f.begin()
			rest, passed := []byte(reply+behind), 0
			for f.at != ended {
				piece := rest[:min(len(rest), 1+random.IntN(40))]
				n := f.take(piece)
				require.LessOrEqual(t, n, len(piece))
				require.Positive(t, n)
				rest, passed = rest[n:], passed+n
				require.LessOrEqual(t, passed, len(reply), "%.60q", reply)
			}
			require.Equal(t, len(reply), passed, "%.60q", reply)
		}
	}
}

// What can be read in two ways is passed on byte by byte, and a reply without a length to
// the connection's end.
func TestUnclearFraming(t *testing.T) {
	t.Parallel()
	for head, at := range map[string]part{
		"HTTP/1.1 200 OK\r\n\r\n":                                                toTheClose,
		"HTTP/1.1 101 Switching Protocols\r\n\r\n":                               unclear,
		"HTTP/2.0 200 OK\r\nContent-Length: 2\r\n\r\n":                           unclear,
		"ICY 200 OK\r\nContent-Length: 2\r\n\r\n":                                unclear,
		"HTTP/1.1 20 OK\r\nContent-Length: 2\r\n\r\n":                            unclear,
		"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n":      unclear,
		"HTTP/1.1 200 OK\r\nContent-Length: -2\r\n\r\n":                          unclear,
		"HTTP/1.1 200 OK\r\nContent-Length: 2, 2\r\n\r\n":                        unclear,
		"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n 0\r\n\r\n":                     unclear,
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n":            unclear,
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n":             unclear,
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}x\r\n":      unclear,
		"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n":                  unclear,
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: " + strings.Repeat("x", 999) + "": inHead,
	} {
		var f framing
		f.begin()
		n := f.take([]byte(head))
		assert.Equal(t, len(head), n, "%.90q", head)
		assert.Equal(t, at, f.at, "%.90q", head)
		if at == unclear {
			assert.Equal(t, 1, f.take([]byte(behind)))
		}
	}
}

// Whatever comes, a reply is passed on piece by piece without loss, and its end is one.
func FuzzFraming(f *testing.F) {
	for _, reply := range replies() {
		f.Add(reply+behind, 7)
	}
	f.Fuzz(func(t *testing.T, stream string, size int) {
		size = max(1, size%50)
		var whole, pieces framing
		whole.begin()
		pieces.begin()
		all := whole.take([]byte(stream))
		passed := 0
		for passed < len(stream) && pieces.at != ended && pieces.at != unclear {
			n := pieces.take([]byte(stream[passed:min(len(stream), passed+size)]))
			if n < 1 {
				t.Fatalf("nothing of %q is passed", stream[passed:])
			}
			passed += n
		}
		if whole.at == ended && (pieces.at != ended || passed != all) {
			t.Fatalf("in one piece %s, in pieces of %s: %q", strconv.Itoa(all), strconv.Itoa(size)+" "+strconv.Itoa(passed), stream)
		}
	})
}

// A connection that is kept pays for following its replies with time alone.
func BenchmarkFraming(b *testing.B) {
	reply := []byte("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nDate: Sun, 01 Mar 2026 09:00:00 GMT\r\nContent-Length: 2\r\nX-Request-Id: 0123456789abcdef\r\n\r\n{}")
	var f framing
	f.begin()
	b.ReportAllocs()
	for b.Loop() {
		f.begin()
		f.take(reply)
	}
}

// A request begins with a method in capitals and a space, all else is the rest of a body.
func TestBeginsRequest(t *testing.T) {
	t.Parallel()
	for first, begins := range map[string]bool{
		"GET / HTTP/1.1": true, "A /": true, "Z /": true, "AZ ": true,
		"": false, " ": false, " /": false, "GET": false, "get /": false, "G1T /": false, "{\"a\": 1}": false, "@A /": false, "[A /": false, "ÀB /": false,
	} {
		assert.Equal(t, begins, beginsRequest([]byte(first)), "%q", first)
	}
}

// told is a connection that gives these reads, one after the other.
type told struct {
	net.Conn
	reads []told1
}

type told1 struct {
	text string
	err  error
}

func (c *told) Read(p []byte) (int, error) {
	if len(c.reads) == 0 {
		return 0, errGone
	}
	r := c.reads[0]
	c.reads = c.reads[1:]
	return copy(p, r.text), r.err
}

func (*told) Write(p []byte) (int, error) { return len(p), nil }

// What comes with an error is passed on, and then the error; and a reply that has ended
// asks for no further byte.
func TestQuietConnPassesOnWhatCameWithAnError(t *testing.T) {
	t.Parallel()
	const reply = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
	got := make([]byte, 4096)
	q := newQuietConn(&told{reads: []told1{{reply[:20], nil}, {reply[20:], io.ErrUnexpectedEOF}}})
	_, err := io.WriteString(q, "GET / HTTP/1.1\r\n\r\n")
	require.NoError(t, err)
	n, err := q.Read(got)
	require.NoError(t, err)
	m, err := q.Read(got[n:])
	require.NoError(t, err)
	assert.Equal(t, reply, string(got[:n+m]))
	_, err = q.Read(got)
	assert.Equal(t, io.ErrUnexpectedEOF, err)

	q = newQuietConn(&told{reads: []told1{{"", io.ErrUnexpectedEOF}, {reply, nil}}})
	_, err = io.WriteString(q, "GET / HTTP/1.1\r\n\r\n")
	require.NoError(t, err)
	_, err = q.Read(got)
	assert.Equal(t, io.ErrUnexpectedEOF, err)
	n, err = q.Read(got)
	require.NoError(t, err, "a deadline that passed, say")
	assert.Equal(t, reply, string(got[:n]))

	// Bytes that nobody asked for, after the reply: the end, for ever, also of a next request.
	q = newQuietConn(&told{reads: []told1{{reply, nil}, {reply, nil}, {reply, nil}}})
	_, err = io.WriteString(q, "GET / HTTP/1.1\r\n\r\n")
	require.NoError(t, err)
	_, err = q.Read(got)
	require.NoError(t, err)
	n, err = q.Read(got)
	assert.Zero(t, n)
	assert.Equal(t, io.EOF, err)
	_, err = io.WriteString(q, "GET / HTTP/1.1\r\n\r\n")
	require.NoError(t, err)
	n, err = q.Read(got)
	assert.Zero(t, n)
	assert.Equal(t, io.EOF, err)
}

// Two lengths that differ, of which one is none, are no length.
func TestFramingOfTwoLengths(t *testing.T) {
	t.Parallel()
	for _, lengths := range []string{"Content-Length: 0\r\nContent-Length: 5\r\n", "Content-Length: 5\r\nContent-Length: 0\r\n"} {
		var f framing
		f.begin()
		head := "HTTP/1.1 200 OK\r\n" + lengths + "\r\n"
		f.take([]byte(head))
		assert.Equal(t, unclear, f.at, lengths)
	}
}
