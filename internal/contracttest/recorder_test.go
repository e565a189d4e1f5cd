package contracttest

import (
	"bytes"
	"io"
	"net/http"
	"net/url"
	"sync"
)

// exchange is one HTTP request and its whole reply, kept so that it can be judged again
// and again, under other documents too.
type exchange struct {
	scene    string
	method   string
	url      *url.URL
	header   http.Header
	body     []byte
	status   int
	reply    http.Header
	answer   []byte
	unlawful bool // sent wrong on purpose: the document must refuse the request
}

func (e *exchange) request() *http.Request {
	address := *e.url
	return &http.Request{
		Method: e.method, URL: &address, Host: e.url.Host, Header: e.header.Clone(), RequestURI: e.url.RequestURI(),
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Body: io.NopCloser(bytes.NewReader(e.body)), ContentLength: int64(len(e.body)),
	}
}

func (e *exchange) response(req *http.Request) *http.Response {
	return &http.Response{
		StatusCode: e.status, Status: http.StatusText(e.status), Header: e.reply.Clone(), Request: req,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Body: io.NopCloser(bytes.NewReader(e.answer)), ContentLength: int64(len(e.answer)),
	}
}

// recorder keeps every exchange that passes, in the order of the replies. It reads the
// request's body once, as a wire does, and hands on exactly those bytes.
type recorder struct {
	next http.RoundTripper

	mu       sync.Mutex
	scene    string
	unlawful bool
	seen     []*exchange
}

func (r *recorder) RoundTrip(req *http.Request) (*http.Response, error) {
	e := &exchange{method: req.Method, url: req.URL, header: req.Header.Clone()}
	out := req.Clone(req.Context())
	if req.Body != nil {
		body, err := io.ReadAll(req.Body)
		_ = req.Body.Close()
		if err != nil {
			return nil, err
		}
		e.body, out.Body, out.ContentLength = body, io.NopCloser(bytes.NewReader(body)), int64(len(body))
	}
	resp, err := r.next.RoundTrip(out)
	if err != nil {
		return nil, err
	}
	answer, err := io.ReadAll(resp.Body)
	_ = resp.Body.Close()
	if err != nil {
		return nil, err
	}
	e.status, e.reply, e.answer = resp.StatusCode, resp.Header.Clone(), answer
	resp.Body = io.NopCloser(bytes.NewReader(answer))
	r.mu.Lock()
	defer r.mu.Unlock()
	e.scene, e.unlawful = r.scene, r.unlawful
	r.seen = append(r.seen, e)
	return resp, nil
}

func (r *recorder) all() []*exchange {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]*exchange(nil), r.seen...)
}

func (e *exchange) success() bool {
	return e.status == http.StatusOK && bytes.Contains(e.answer, []byte(`"errorCode":"0000"`))
}
