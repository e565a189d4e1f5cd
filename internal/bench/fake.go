// The fake is a MobiFone in the same process, at nearly no cost: it reads the request's
// body and hands the answer back. In a call that is only looked at, it judges the request
// as the real server would: signature and every field.

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/fptshop/mobifone-go/mobifone/telco"
)

var credentials = telco.Credentials{
	APIKey: telco.NewSecret("bench-key-0123456789"), Secret: telco.NewSecret("bench-secret-0123456789abcdef0123456789"),
}

// fake is an http.RoundTripper for one caller at a time.
type fake struct {
	answers   answers
	requests  int
	judging   bool
	out, back int // bytes of the last bodies; of a GET its query counts as what went out
	body      []byte
}

// reply is a response with its body in one piece.
type reply struct {
	http.Response
	bytes.Reader

	text [1024]byte
}

// Close has nothing to close.
func (*reply) Close() error { return nil }

// RoundTrip answers.
func (f *fake) RoundTrip(req *http.Request) (*http.Response, error) {
	f.requests++
	f.body = f.body[:0]
	if req.Body != nil {
		var err error
		if f.body, err = readInto(f.body, req.Body); err != nil {
			return nil, err
		}
		_ = req.Body.Close()
	}
	if f.judging {
		if err := judge(req, f.body); err != nil {
			return nil, err
		}
	}
	m, err := f.answers.at(time.Now())
	if err != nil {
		return nil, err
	}
	r := &reply{}
	text := m.write(r.text[:0], req.URL.Path, req.URL.RawQuery, f.body)
	if text == nil {
		return nil, errors.New("nobody serves " + req.URL.Path)
	}
	f.out, f.back = len(f.body)+len(req.URL.RawQuery), len(text)
	r.Reset(text)
	r.Response = http.Response{
		Status: "200 OK", StatusCode: http.StatusOK, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: m.header, Body: r, ContentLength: int64(len(text)), Request: req,
	}
	return &r.Response, nil
}

// readInto reads to the end without a buffer of its own.
func readInto(dst []byte, from io.Reader) ([]byte, error) {
	for {
		if len(dst) == cap(dst) {
			dst = append(dst, 0)[:len(dst)]
		}
		n, err := from.Read(dst[len(dst):cap(dst)])
		dst = dst[:len(dst)+n]
		if errors.Is(err, io.EOF) {
			return dst, nil
		}
		if err != nil {
			return dst, err
		}
	}
}

// judge refuses what a real server would refuse.
func judge(req *http.Request, body []byte) error {
	if req.URL.Path == plainPath {
		return nil
	}
	target := req.URL.EscapedPath()
	if req.URL.RawQuery != "" {
		target += "?" + req.URL.RawQuery
	}
	h := req.Header
	want := signature(credentials.Secret.Reveal(), req.Method, target, h.Get("X-Timestamp"), h.Get("X-Nonce"), h.Get("X-Request-ID"), body)
	if h.Get("Api-Key") != credentials.APIKey.Reveal() || h.Get("X-Signature") != want {
		return fmt.Errorf("the signature of %s is wrong", target)
	}
	if _, timed := req.Context().Deadline(); !timed {
		return fmt.Errorf("%s has no deadline", target)
	}
	if req.Method == http.MethodGet {
		return nil
	}
	var sent struct {
		Number   string `json:"isdn"`
		Shop     string `json:"shopCode"`
		Employee string `json:"employeeCode"`
	}
	if err := json.Unmarshal(body, &sent); err != nil {
		return err
	}
	if sent.Number == "" || sent.Shop != shop || sent.Employee != employee {
		return fmt.Errorf("%s lacks a field", target)
	}
	return nil
}

// prove makes one call of each contender before judging eyes, and notes what it moves.
func (f *fake) prove(ctx context.Context, all []*contender) (map[string]string, error) {
	tickets, err := makeTickets(len(all))
	if err != nil {
		return nil, err
	}
	f.judging = true
	defer func() { f.judging = false }()
	moved := map[string]string{}
	for i, c := range all {
		f.out, f.back = 0, 0
		if err := c.call(ctx, &tickets[i]); err != nil {
			return nil, fmt.Errorf("%s: %w", c.name, err)
		}
		moved[c.name] = fmt.Sprintf("%d / %d", f.out, f.back)
	}
	return moved, nil
}

// counted makes a contender answer for one request per call, none left out, none twice.
func (f *fake) counted(all []*contender) {
	before := f.requests
	for _, c := range all {
		c.after = func(_ context.Context, n int) error {
			got := f.requests - before
			before = f.requests
			if got != n {
				return fmt.Errorf("%d requests for %d calls", got, n)
			}
			if len(f.answers.now.Load().header) != 2 {
				return errors.New("somebody wrote into the answer's header")
			}
			return nil
		}
	}
}
