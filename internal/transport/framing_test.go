package transport

import (
	"bufio"
	"bytes"
	"io"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

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
