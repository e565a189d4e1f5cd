package mobifone_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fptshop/mobifone-go/internal/wiretest"
	"github.com/fptshop/mobifone-go/mobifone"
	"github.com/fptshop/mobifone-go/mobifone/contract"
	"github.com/fptshop/mobifone-go/mobifone/telco"
)

// tunnel is a proxy that lets TLS through, and notes what it was asked for.
type tunnel struct {
	url *url.URL

	mu    sync.Mutex
	asked []string
}

func newTunnel(t *testing.T) *tunnel {
	t.Helper()
	p := &tunnel{}
	server := httptest.NewServer(p)
	t.Cleanup(server.Close)
	var err error
	p.url, err = url.Parse(server.URL)
	require.NoError(t, err)
	return p
}

func (p *tunnel) hosts() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]string(nil), p.asked...)
}

// ServeHTTP connects, or refuses what is not on this machine.
func (p *tunnel) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	p.asked = append(p.asked, r.Method+" "+r.Host)
	p.mu.Unlock()
	if host, _, err := net.SplitHostPort(r.Host); err != nil || host != "127.0.0.1" {
		http.Error(w, "not from here", http.StatusForbidden)
		return
	}
	out, err := (&net.Dialer{}).DialContext(r.Context(), "tcp", r.Host)
	if err != nil {
		http.Error(w, "nobody there", http.StatusBadGateway)
		return
	}
	in, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		_ = out.Close()
		return
	}
	_, _ = io.WriteString(in, "HTTP/1.1 200 Connection established\r\n\r\n")
	pipe := func(to, from net.Conn) {
		_, _ = io.Copy(to, from)
		_ = to.Close()
		_ = from.Close()
	}
	go pipe(out, in)
	go pipe(in, out)
}

// A sale goes through a proxy, by a connection for each call: net/http would print what
// a kept one brings between two calls, and nothing can stand above the TLS inside.
func TestThroughAProxy(t *testing.T) {
	t.Parallel()
	_, server, asked := protocols(t)
	proxy := newTunnel(t)
	client, err := mobifone.New(config(server.URL), mobifone.WithHTTPClient(&http.Client{Transport: &http.Transport{
		TLSClientConfig: trusting(server), Proxy: http.ProxyURL(proxy.url),
	}}))
	require.NoError(t, err)
	_, err = client.Registration.Register(t.Context(), toOTP(t, client))
	require.NoError(t, err)
	require.NoError(t, eligible(t.Context(), client))
	assert.Equal(t, "HTTP/1.1", asked(telco.OpRegister))
	line := "CONNECT " + server.Listener.Addr().String()
	assert.Equal(t, []string{line, line, line, line}, proxy.hosts())
	require.NoError(t, client.Close(context.WithoutCancel(t.Context())))
}

// A proxy whose address cannot be told is no reason to go without, nothing leaves, and a
// password in it is not repeated.
func TestProxyThatCannotBeFound(t *testing.T) {
	t.Parallel()
	errNone := errors.New("cannot read http://user:" + canarySecret + "@proxy")
	client, err := mobifone.New(config("https://partner.test"), quick(1), mobifone.WithHTTPClient(&http.Client{Transport: &http.Transport{
		Proxy: func(*http.Request) (*url.URL, error) { return nil, errNone },
	}}))
	require.NoError(t, err)
	err = eligible(t.Context(), client)
	require.ErrorIs(t, err, errNone)
	require.ErrorIs(t, err, telco.ConnectFailed)
	assert.Equal(t, telco.NotSent, telco.OutcomeOf(err))
	assert.NotContains(t, fmt.Sprintf("%v %+v %#v", err, err, err), canarySecret)
	require.NoError(t, client.Close(context.WithoutCancel(t.Context())))
}

// inChild names how TestMain's one call goes out, when the test binary is started for it.
const inChild = "MOBIFONE_TEST_CALL"

// TestMain makes one call in a process whose environment a test has chosen: net/http reads
// the proxy once per process.
func TestMain(m *testing.M) {
	how := os.Getenv(inChild)
	if how == "" {
		os.Exit(m.Run())
	}
	opts := []mobifone.Option{quick(1)}
	switch how {
	case "no transport":
		opts = append(opts, mobifone.WithHTTPClient(&http.Client{}))
	case "a transport without Proxy":
		straight := &http.Transport{ForceAttemptHTTP2: true, MaxIdleConnsPerHost: 256}
		straight.DialContext = func(_ context.Context, _, addr string) (net.Conn, error) {
			return nil, &net.OpError{Op: "dial", Net: "tcp", Err: errors.New("straight to " + addr)}
		}
		opts = append(opts, mobifone.WithHTTPClient(&http.Client{Transport: straight}))
	}
	client, err := mobifone.New(config("https://partner.test"), opts...)
	if err == nil {
		err = eligible(context.Background(), client)
	}
	_, _ = fmt.Fprint(os.Stdout, err)
}

// What the docs say of the environment: its proxy is used, unless a transport without a
// Proxy is given.
func TestEnvironmentsProxy(t *testing.T) {
	t.Parallel()
	for how, tc := range map[string]struct {
		env, said string
		asked     []string
	}{
		"plain":                     {"HTTPS_PROXY=%s", "Forbidden", []string{"CONNECT partner.test:443"}},
		"no transport":              {"https_proxy=%s", "Forbidden", []string{"CONNECT partner.test:443"}},
		"a transport without Proxy": {"HTTPS_PROXY=%s", "straight to partner.test:443", nil},
	} {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			proxy := newTunnel(t)
			child := exec.CommandContext(t.Context(), os.Args[0]) //nolint:gosec // this very test
			child.Env = []string{inChild + "=" + how, fmt.Sprintf(tc.env, proxy.url)}
			out, err := child.CombinedOutput()
			require.NoError(t, err, "%s", out)
			assert.Contains(t, string(out), "not sent: "+string(telco.ConnectFailed))
			assert.Contains(t, string(out), tc.said)
			assert.Equal(t, tc.asked, proxy.hosts())
		})
	}
}

// A connection is opened ahead after an OTP request that succeeded, if the client was told
// to, and after no other call. The registration then opens none.
func TestDialAhead(t *testing.T) {
	t.Parallel()
	told := []mobifone.Option{mobifone.WithDialAhead()}
	for name, tc := range map[string]struct {
		opts   []mobifone.Option
		status int // 0: a ticket
		answer string
		opens  bool
	}{
		"told to":     {told, 0, "", true},
		"not told to": {nil, 0, "", false},
		"OTP refused": {told, 200, `{"errorCode":"7004"}`, false},
		"OTP unknown": {told, 502, "no", false},
		"no transId":  {told, 200, `{"errorCode":"0000"}`, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := wiretest.New(t, contract.Default())
			client := newClient(t, p, append([]mobifone.Option{quick(1)}, tc.opts...)...)
			require.NoError(t, eligible(t.Context(), client))
			if tc.status != 0 {
				p.On(telco.OpOTP, wiretest.Raw(tc.status, "application/json", tc.answer))
			}
			_, err := client.OTP.Request(t.Context(), otpRequest())
			assert.Equal(t, tc.status == 0, err == nil)
			if tc.opens {
				require.Eventually(t, func() bool { return p.Conns() == 2 }, 5*time.Second, time.Millisecond)
			}
			<-time.After(300 * time.Millisecond) // longer than it is read for
			conns := p.Conns()
			assert.Equal(t, tc.opens, conns == 2, "%d", conns)
			assert.Zero(t, p.OnWire(telco.OpRegister))
			_, err = client.Registration.Register(t.Context(), aRequest(t))
			require.NoError(t, err)
			assert.Equal(t, 2, p.Conns())
			assert.Equal(t, 1, p.OnWire(telco.OpRegister))
		})
	}
}
