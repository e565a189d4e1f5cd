// MobiFone's answers, on the wire of the default contract, and one plain answer for clients
// that speak no contract; and the fake that gives them in memory at nearly no cost. Each
// answer repeats the ids of its request, so that a contender shows it decoded its own. The
// server on loopback gives the same bytes. In a call that is only looked at, the fake judges
// the request as the real server would: signature and every field.

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"github.com/fptshop/mobifone-go/mobifone/telco"
	"github.com/fptshop/mobifone-go/packages/catalog"
)

// plainPath is where the plain exchange goes.
const plainPath = "/v2/orders"

// Where an answer repeats the request: MobiFone's id, or the number where there is none,
// and our own id.
const (
	// transMark stands for the request's MobiFone id, or for the number where a request has none.
	transMark = "TRANS-GOES-HERE"
	// ownMark stands for our own id.
	ownMark = "OWN-GOES-HERE"
)

// moment is what all answers of one second have in common.
type moment struct {
	second int64
	// header is shared by all replies of the second; nobody may write into it.
	header http.Header
	// bodies are the answers by path.
	bodies map[string][]piece
}

// piece is a part of an answer: text, and then the mark that follows it.
type piece struct{ text, mark string }

// answers writes the answers, and brings their times up to date once a second.
type answers struct{ now atomic.Pointer[moment] }

// at returns what the answers of this second have in common.
func (a *answers) at(now time.Time) (*moment, error) {
	// Two callers may make the same moment at once; either is right.
	m := a.now.Load()
	if m != nil && m.second == now.Unix() {
		return m, nil
	}
	m, err := newMoment(now)
	if err == nil {
		a.now.Store(m)
	}
	return m, err
}

// newMoment makes the answers of one second.
func newMoment(now time.Time) (*moment, error) {
	now = now.Truncate(time.Second)
	m := &moment{
		second: now.Unix(), bodies: map[string][]piece{},
		header: http.Header{"Content-Type": {"application/json"}, "Date": {now.UTC().Format(http.TimeFormat)}},
	}
	at := func(t time.Time) string { return t.In(hanoi).Format(stampLayout) }
	// The paths and fields are those of the default contract, written out here: the benchmark
	// must not lean on the code that it measures.
	for path, data := range map[string]object{
		"/partner/v1/packages": {"subscriberType": "PREPAID", "packages": offers()},
		"/partner/v1/otp": {
			"transId": transMark, "otpExpiredAt": at(now.Add(3 * time.Minute)), "otpTtl": 180, "resendAfter": 60, "otpLength": 6,
		},
		"/partner/v1/register": {
			"transId": transMark, "partnerTransId": ownMark, "status": "SUCCESS",
			"registeredAt": at(now), "effectiveFrom": at(now), "expiredAt": at(now.AddDate(0, 0, 30)),
		},
		"/partner/v1/transaction": {"transaction": object{
			"transId": transMark, "partnerTransId": "W1WK9-5R4A8-S65BX-BT7AA-D3D9Y", "isdn": "84901234567",
			"packageCode": code, "amount": price, "status": "SUCCESS", "resultCode": "0000", "resultMessage": "Đăng ký gói cước thành công.",
			"shopCode": shop, "createdAt": at(now.Add(-time.Minute)), "updatedAt": at(now),
		}},
	} {
		body, err := json.Marshal(object{
			"errorCode": "0000", "message": "Thành công.", "success": true, "requestId": "7f0c3a52b1e94d6c8a1f5e2d3c4b5a69",
			"responseTime": at(now), "data": data,
		})
		if err != nil {
			return nil, err
		}
		m.bodies[path] = cut(string(body))
	}
	// The plain answer has about as many members as a transaction, so that the codecs have the
	// same work.
	plain, err := json.Marshal(order{
		Code: "0000", Message: "The order was accepted and will be carried out.", Shop: shop, Employee: employee,
		POS: pos, Package: code, TransID: transMark, PartnerTransID: "W1WK9-5R4A8-S65BX-BT7AA-D3D9Y", Amount: price,
		Status: "SUCCESS", CreatedAt: now.Add(-time.Minute).UTC().Format(time.RFC3339), UpdatedAt: now.UTC().Format(time.RFC3339),
		Note: "The customer's package renews by itself on the day after its last one.",
	})
	m.bodies[plainPath] = cut(string(plain))
	return m, err
}

// object is JSON as Go holds it.
type object = map[string]any

// offers are three packages of the catalog, as the catalog has them.
func offers() []object {
	var rows []object
	for _, pkg := range catalog.Default().All()[:3] {
		rows = append(rows, object{
			"packageCode": pkg.Code, "packageName": pkg.Name, "price": pkg.Price, "cycleDays": pkg.CycleDays, "resetDays": pkg.ResetDays,
			"autoRenew": pkg.AutoRenew, "eligible": true, "description": "Ưu đãi 2 GB/ngày và gọi nội mạng miễn phí",
		})
	}
	// The last row carries the number, so that a client must read all of them.
	rows[2]["description"] = transMark
	return rows
}

// cut takes an answer apart where it repeats the request.
func cut(body string) []piece {
	var pieces []piece
	for body != "" {
		// The mark that comes first ends the piece.
		trans, own := strings.Index(body, transMark), strings.Index(body, ownMark)
		mark := transMark
		if trans < 0 || (own >= 0 && own < trans) {
			mark = ownMark
		}
		text, rest, _ := strings.Cut(body, mark)
		if trans < 0 && own < 0 {
			mark = ""
		}
		pieces = append(pieces, piece{text, mark})
		body = rest
	}
	return pieces
}

// write appends the answer to a request. It returns nil for a path that nobody serves.
func (m *moment) write(dst []byte, path, query string, body []byte) []byte {
	pieces := m.bodies[path]
	if pieces == nil {
		return nil
	}
	var trans []byte
	// A GET has its id in the query, a POST in its body; an OTP request has only the number.
	if query != "" {
		_, after, _ := strings.Cut(query, "transId=")
		id, _, _ := strings.Cut(after, "&")
		trans = []byte(id)
	} else if trans = member(body, `"transId":"`); trans == nil {
		trans = member(body, `"isdn":"`)
	}
	own := member(body, `"partnerTransId":"`)
	// Text and ids in turn; a mark of neither kind is the end.
	for _, p := range pieces {
		dst = append(dst, p.text...)
		switch p.mark {
		case transMark:
			dst = append(dst, trans...)
		case ownMark:
			dst = append(dst, own...)
		}
	}
	return dst
}

// member is the text of a JSON member, of compact JSON without escapes.
func member(body []byte, name string) []byte {
	at := bytes.Index(body, []byte(name))
	if at < 0 {
		return nil
	}
	text, _, _ := bytes.Cut(body[at+len(name):], []byte{'"'})
	return text
}

// credentials are what both sides sign with.
var credentials = telco.Credentials{
	APIKey: telco.NewSecret("bench-key-0123456789"), Secret: telco.NewSecret("bench-secret-0123456789abcdef0123456789"),
}

// fake is an http.RoundTripper for one caller at a time.
type fake struct {
	answers answers
	// requests counts the calls that arrived, so that no contender can leave one out.
	requests int
	// judging is on only in calls that are not measured.
	judging bool
	// out and back are the bytes of the last bodies; the query of a GET counts as what went out.
	out, back int
	// body is read into the same memory each time.
	body []byte
}

// reply is a response with its body in one piece.
type reply struct {
	http.Response
	bytes.Reader

	// text is large enough for every answer, so that a reply costs the fake one allocation.
	text [1024]byte
}

// Close has nothing to close.
func (*reply) Close() error { return nil }

// RoundTrip answers without a wire. What it costs by itself is a row of the table.
func (f *fake) RoundTrip(req *http.Request) (*http.Response, error) {
	// One caller at a time, so no lock.
	f.requests++
	f.body = f.body[:0]
	if req.Body != nil {
		var err error
		if f.body, err = readInto(f.body, req.Body); err != nil {
			return nil, err
		}
		_ = req.Body.Close()
	}
	// The judge costs more than the fake, so it is asked outside the measured turns only.
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

// readInto reads to the end, into dst as far as that has room.
func readInto(dst []byte, from io.Reader) ([]byte, error) {
	for {
		// append grows the memory as it grows any slice.
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

// judge refuses what a real server would refuse: a wrong key or signature, and a request without
// a deadline or without a field that has to be there.
func judge(req *http.Request, body []byte) error {
	// The plain exchange is unsigned.
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
	// A call without a deadline would be cheaper than what a careful programmer writes.
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

// prove makes one call of each contender with the judge on, and notes how many bytes it moves.
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

// counted has each contender make exactly one request for each call.
func (f *fake) counted(all []*contender) {
	before := f.requests
	for _, c := range all {
		c.after = func(_ context.Context, n int) error {
			// Each call must have made exactly one request: a cache or a retry would spoil the
			// ratio.
			got := f.requests - before
			before = f.requests
			if got != n {
				return fmt.Errorf("%d requests for %d calls", got, n)
			}
			// The header is shared by all replies, so a contender that writes into it changes the
			// others'.
			if len(f.answers.now.Load().header) != 2 {
				return errors.New("somebody wrote into the answer's header")
			}
			return nil
		}
	}
}
