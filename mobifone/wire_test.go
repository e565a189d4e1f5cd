package mobifone_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"flag"
	"fmt"
	"io"
	"log"
	"maps"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fptshop/mobifone-go/internal/wiretest"
	"github.com/fptshop/mobifone-go/mobifone"
	"github.com/fptshop/mobifone-go/mobifone/contract"
	"github.com/fptshop/mobifone-go/mobifone/telco"
	"github.com/fptshop/mobifone-go/transactions"
)

var update = flag.Bool("update", false, "write the golden files anew")

// anew are the headers that no two requests share.
var anew = []string{"X-Timestamp", "X-Nonce", "X-Request-Id", "X-Signature", "Content-Length"}

// The head of each request as MobiFone's socket has it: the reads ask that no cache
// answers, and nothing else stands there that the contract does not name.
func TestRequestHeads(t *testing.T) {
	t.Parallel()
	p := wiretest.New(t, contract.Default())
	var mu sync.Mutex
	heads := map[string]string{}
	server := p.Server.Config.Handler
	p.Server.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var head strings.Builder
		for _, name := range slices.Sorted(maps.Keys(r.Header)) {
			value := strings.Join(r.Header.Values(name), " | ")
			if slices.Contains(anew, name) {
				value = "…"
			}
			fmt.Fprintf(&head, "%s: %s\n", name, value)
		}
		mu.Lock()
		heads[r.Method+" "+r.URL.Path] = head.String()
		mu.Unlock()
		server.ServeHTTP(w, r)
	})
	client := newClient(t, p, mobifone.WithMiddleware(func(next http.RoundTripper) http.RoundTripper {
		return roundTripper(func(r *http.Request) (*http.Response, error) {
			if r.Method == http.MethodGet {
				r.Header.Set("Cache-Control", "max-stale=600") // a middleware's wish does not count
			}
			return next.RoundTrip(r)
		})
	}))
	_, err := client.Registration.Register(t.Context(), toOTP(t, client))
	require.NoError(t, err)
	for _, read := range reads() {
		_ = read(t.Context(), client)
	}
	_, _ = client.Transactions.Search(transactions.SearchQuery{
		MSISDN: telco.MustParseMSISDN(canaryMSISDN), Query: transactions.Query{From: time.Now().Add(-time.Hour), To: time.Now()},
	}).Page(t.Context(), 1)
	for op, ep := range p.Contract.Document().Operations {
		assert.Contains(t, heads, ep.Method+" "+ep.Path, op)
	}
	var got strings.Builder
	for _, line := range slices.Sorted(maps.Keys(heads)) {
		fmt.Fprintf(&got, "%s\n%s\n", line, heads[line])
	}
	golden := filepath.Join("testdata", "heads.golden")
	if *update {
		require.NoError(t, os.WriteFile(golden, []byte(got.String()), 0o600))
	}
	want, err := os.ReadFile(golden)
	require.NoError(t, err)
	assert.Equal(t, string(want), strings.ReplaceAll(got.String(), "mobifone-go/"+telco.Version, "mobifone-go/…"))
}

// talker is a MobiFone who says more than he was asked. It speaks by hand: net/http's
// server would not.
type talker struct {
	answers func(path string) string // to a request, with all that goes with it at once
	greets  string                   // before any request
	early   bool                     // answers before it has read the body
	later   string                   // after the reply, when the test says so
	now     chan struct{}

	mu     sync.Mutex
	conns  int
	closed chan struct{} // one for each connection that the client ended
}

func (s *talker) serve(conn net.Conn) {
	defer conn.Close()
	_, _ = io.WriteString(conn, s.greets)
	in := bufio.NewReader(conn)
	for {
		req, err := http.ReadRequest(in)
		if err != nil {
			break
		}
		if !s.early {
			_, _ = io.Copy(io.Discard, req.Body)
		}
		_, _ = io.WriteString(conn, s.answers(req.URL.Path))
		if s.early {
			_, _ = io.Copy(io.Discard, req.Body)
		}
		if s.later != "" {
			<-s.now
			_, _ = io.WriteString(conn, s.later)
		}
	}
	s.closed <- struct{}{}
}

func (s *talker) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.conns
}

// listen starts the talker on loopback, over TLS when cfg is given.
func (s *talker) listen(t *testing.T, cfg *tls.Config) string {
	t.Helper()
	s.closed, s.now = make(chan struct{}, 100), make(chan struct{}, 100)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	if cfg != nil {
		l = tls.NewListener(l, cfg)
	}
	var wg sync.WaitGroup
	t.Cleanup(func() { _ = l.Close(); wg.Wait() })
	wg.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			s.mu.Lock()
			s.conns++
			s.mu.Unlock()
			wg.Go(func() { s.serve(conn) })
		}
	})
	return l.Addr().String()
}

func reply(status, headers, body string) string {
	return fmt.Sprintf("HTTP/1.1 %s\r\nDate: %s\r\n%s\r\n%s", status, time.Now().UTC().Format(http.TimeFormat), headers, body)
}

func sized(body string) string {
	return reply("200 OK", fmt.Sprintf("Content-Length: %d\r\n", len(body)), body)
}

// Bytes that arrive while no request is under way would be printed by net/http, phone
// number included. They end the connection instead, nothing is printed, and the next
// call has a new connection.
//
//nolint:paralleltest // it captures the process's log
func TestBytesNobodyAskedForAreNotPrinted(t *testing.T) {
	var printed bytes.Buffer
	defer log.SetOutput(log.Writer())
	log.SetOutput(&printed)

	row := `{"errorCode":"9003","msisdn":"` + canaryMSISDN + `"}`
	second := sized(row)
	always := func(s string) func(string) string { return func(string) string { return s } }
	for name, s := range map[string]func() *talker{
		"a second reply": func() *talker { return &talker{answers: always(sized(row) + second)} },
		"a second reply, chunked": func() *talker {
			return &talker{answers: always(reply("200 OK", "Transfer-Encoding: chunked\r\n", fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", len(row), row)) + second)}
		},
		"a second reply, later":   func() *talker { return &talker{answers: always(sized(row)), later: second} },
		"a body behind length 0":  func() *talker { return &talker{answers: always(reply("200 OK", "Content-Length: 0\r\n", row))} },
		"a body behind 204":       func() *talker { return &talker{answers: always(reply("204 No Content", "", row))} },
		"a body behind 304":       func() *talker { return &talker{answers: always(reply("304 Not Modified", "", row))} },
		"more than was announced": func() *talker { return &talker{answers: always(reply("200 OK", "Content-Length: 2\r\n", row))} },
		"a reply to the body": func() *talker {
			return &talker{answers: always(reply("401 Unauthorized", "Content-Length: 0\r\n", "")), early: true, later: reply("400 Bad Request", "Content-Length: 10\r\n", canaryMSISDN)}
		},
		"a greeting": func() *talker { return &talker{greets: second, answers: always(sized(row))} },
	} {
		for _, secure := range []string{"clear", "TLS", "own TLS dialer", "clear, through a proxy", "TLS, through a proxy"} {
			if name == "a greeting" && secure == "TLS, through a proxy" {
				continue // out of reach, and before it was told any number
			}
			for call, act := range map[string]func(context.Context, *mobifone.Client) error{
				"eligible": eligible,
				"get":      reads()[telco.OpGet],
				"otp": func(ctx context.Context, c *mobifone.Client) error {
					_, err := c.OTP.Request(ctx, otpRequest())
					return err
				},
			} {
				t.Run(name+"/"+secure+"/"+call, func(t *testing.T) {
					printed.Reset()
					s := s()
					address, opts := overTo(t, s, secure)
					client, err := mobifone.New(config(address), append(opts, quick(1), mobifone.WithContract(contract.Default()))...)
					require.NoError(t, err)
					for n := 1; n <= 2; n++ {
						_ = act(t.Context(), client)
						s.now <- struct{}{}
						select {
						case <-s.closed:
						case <-t.Context().Done():
						}
						assert.Equal(t, n, s.count(), "each call has its own connection")
					}
					require.NoError(t, client.Close(context.WithoutCancel(t.Context())))
					assert.Empty(t, printed.String())
				})
			}
		}
	}
}

// overTo starts s and returns its URL and the options to reach it.
func overTo(t *testing.T, s *talker, secure string) (string, []mobifone.Option) {
	t.Helper()
	switch secure {
	case "clear":
		return "http://" + s.listen(t, nil), nil
	case "clear, through a proxy": // which is who answers
		transport := &http.Transport{Proxy: http.ProxyURL(&url.URL{Scheme: "http", Host: s.listen(t, nil)})}
		return "http://127.0.0.1:9", []mobifone.Option{mobifone.WithHTTPClient(&http.Client{Transport: transport})}
	}
	cert := selfSigned(t, time.Now().Add(time.Hour))
	leaf, err := x509.ParseCertificate(cert.Certificate[0])
	require.NoError(t, err)
	roots := x509.NewCertPool()
	roots.AddCert(leaf)
	addr := s.listen(t, &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12})
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}}
	switch secure {
	case "TLS, through a proxy":
		transport.Proxy = http.ProxyURL(newTunnel(t).url)
	case "own TLS dialer":
		transport.DialTLSContext = (&tls.Dialer{Config: transport.TLSClientConfig}).DialContext
	}
	return "https://" + addr, []mobifone.Option{mobifone.WithHTTPClient(&http.Client{Transport: transport})}
}

// Replies that end where they say keep their connection: small and large, chunked and
// not, over TLS and not.
func TestQuietConnectionsAreKept(t *testing.T) {
	t.Parallel()
	long := `{"errorCode":"9003","pad":"` + strings.Repeat("x", 100_000) + `"}`
	chunked := reply("200 OK", "Transfer-Encoding: chunked\r\n", fmt.Sprintf("%x\r\n%s\r\n%x\r\n%s\r\n0\r\n\r\n", 70_000, long[:70_000], len(long)-70_000, long[70_000:]))
	for _, secure := range []string{"clear", "TLS", "own TLS dialer"} {
		n := 0
		answers := []string{sized(`{"errorCode":"9003"}`), chunked, sized(long), reply("100 Continue", "", "") + sized(long), reply("204 No Content", "", ""), chunked, sized(long)}
		s := &talker{answers: func(string) string { n++; return answers[n-1] }}
		address, opts := overTo(t, s, secure)
		client, err := mobifone.New(config(address), append(opts, quick(1))...)
		require.NoError(t, err)
		for i := range answers {
			err := eligible(t.Context(), client)
			if i == 4 {
				require.ErrorIs(t, err, telco.ReplyUnreadable)
				continue
			}
			require.ErrorContains(t, err, `code "9003"`, "reply %d", i)
		}
		assert.Equal(t, 1, s.count())
		require.NoError(t, client.Close(context.WithoutCancel(t.Context())))
		<-s.closed
	}
}
