package sandbox

// This file is the sandbox on a socket: it listens, reads whole requests and passes them on. It
// also has the endpoints below /_sandbox/, for people and for tests in other languages: the
// inbox, the number of registrations, the statement and the faults. They answer this machine
// only and never put a phone number into a URL. deliver.go writes the replies.

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"html/template"
	"io"
	"log"
	"mime"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/fptshop/mobifone-go/internal/ledger"
	"github.com/fptshop/mobifone-go/mobifone/telco"
)

// Server is a sandbox on a socket, with all that a client needs to talk to it. Ask the embedded
// Sandbox what happened. Close or Shutdown ends it; without one its port and goroutine stay.
type Server struct {
	*Sandbox
	// URL is the client's base URL: http://127.0.0.1:port.
	URL string

	http *http.Server
	done chan struct{}
}

// Start runs a sandbox on a free loopback port, for tests: Start(Config{}) is the default
// one. Its error names every problem of the config. The caller must Close the server.
func Start(cfg Config) (*Server, error) {
	s, err := New(cfg)
	if err != nil {
		return nil, err
	}
	return s.Listen("127.0.0.1:0")
}

// Listen serves the sandbox on an address until the server is closed. On an address that is not
// loopback everybody who reaches it is served; the admin endpoints still answer to this machine
// only.
func (s *Sandbox) Listen(addr string) (*Server, error) {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("sandbox: %w", err)
	}
	srv := &Server{
		Sandbox: s, URL: "http://" + l.Addr().String(), done: make(chan struct{}),
		http: &http.Server{Handler: s, ErrorLog: log.New(io.Discard, "", 0), ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 60 * time.Second},
	}
	go func() {
		defer close(srv.done)
		_ = srv.http.Serve(l) // ends with ErrServerClosed, or the listener is gone
	}()
	return srv, nil
}

// Close stops listening, ends every connection and lets go of requests held back. It returns when
// the port is free.
func (s *Server) Close() error {
	s.Sandbox.Close()
	err := s.http.Close()
	<-s.done
	return err
}

// Shutdown stops listening and waits for requests under way until ctx ends; then it breaks them
// off. Requests held back are let go at once.
func (s *Server) Shutdown(ctx context.Context) error {
	s.Sandbox.Close()
	err := s.http.Shutdown(ctx)
	if err != nil {
		err = errors.Join(err, s.http.Close())
	}
	<-s.done
	return err
}

// Code returns the newest OTP on the subscriber's phone; false when there is none. It does not
// wait for one.
func (s *Sandbox) Code(n telco.MSISDN) (telco.OTP, bool) {
	box := s.Inbox(n)
	if len(box) == 0 {
		return telco.OTP{}, false
	}
	return box[len(box)-1].OTP, true
}

// ServeHTTP takes MobiFone's requests at any base path, and those of the admin endpoints below
// /_sandbox/. A request whose body breaks off was not received: it is neither counted nor
// executed.
func (s *Sandbox) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if strings.HasPrefix(r.URL.Path, adminPath) {
		s.serveAdmin(w, r)
		return
	}
	body, status := s.readBody(r.Body)
	switch status {
	case 0:
	case http.StatusRequestEntityTooLarge:
		s.deliver(w, r, s.tooLarge())
		return
	default:
		panic(http.ErrAbortHandler) // the request broke off: nothing was received
	}
	s.deliver(w, r, s.serve(r.Context(), r, body))
}

// readBody reads a whole request, as far as Config.MaxBody. The status says why there is
// none: 413, or 400 for a body that broke off.
func (s *Sandbox) readBody(r io.Reader) (body []byte, status int) {
	if r == nil {
		return nil, 0
	}
	body, err := io.ReadAll(io.LimitReader(r, s.cfg.MaxBody+1))
	switch {
	case err != nil:
		return nil, http.StatusBadRequest
	case int64(len(body)) > s.cfg.MaxBody:
		return nil, http.StatusRequestEntityTooLarge
	}
	return body, 0
}

// tooLarge is the reply to a request longer than Config.MaxBody.
func (s *Sandbox) tooLarge() *reply {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.bare(http.StatusRequestEntityTooLarge)
}

// adminPath is where the endpoints are that the package's comment lists. A phone number
// is never part of a URL, where logs would keep it. The endpoints answer only to the same
// machine, under a loopback name, and what changes something wants JSON: so no web page can
// reach them through a browser, not even by rebinding a name.
const adminPath = "/_sandbox/"

// serveAdmin answers one request to the admin endpoints.
func (s *Sandbox) serveAdmin(w http.ResponseWriter, r *http.Request) {
	if s.cfg.DisableAdmin || !fromHere(r) {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Cache-Control", "no-store")
	switch r.Method + " " + strings.TrimPrefix(r.URL.Path, adminPath) {
	case "GET inbox":
		s.inboxPage(w)
	case "POST inbox":
		s.ask(w, r, func(q question) (any, error) {
			n, err := telco.ParseMSISDN(q.MSISDN)
			return s.inboxOf(n), err // an invalid number has no messages
		})
	case "POST executed":
		s.ask(w, r, func(q question) (any, error) {
			if q.PartnerTransID != "" {
				return map[string]int{"executed": s.ExecutedFor(q.PartnerTransID)}, nil
			}
			n, err := telco.ParseMSISDN(q.MSISDN)
			return map[string]int{"executed": s.Executed(n)}, err
		})
	case "GET statement":
		day, err := time.ParseInLocation("20060102", r.URL.Query().Get("day"), ledger.Vietnam)
		if err != nil {
			http.Error(w, "day: want yyyyMMdd", http.StatusBadRequest)
			return
		}
		w.Header().Set("Content-Type", "text/csv; charset=utf-8")
		w.Header().Set("Content-Disposition", `attachment; filename="`+ledger.StatementName(day)+`"`)
		_, _ = w.Write(s.Statement(day))
	case "GET faults":
		answer(w, s.Scripted())
	case "DELETE faults":
		s.ClearScript()
		w.WriteHeader(http.StatusNoContent)
	case "POST faults":
		s.scriptFaults(w, r)
	default:
		http.NotFound(w, r)
	}
}

// fromHere reports whether the request comes from this machine and was addressed to it.
func fromHere(r *http.Request) bool {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil || !net.ParseIP(host).IsLoopback() {
		return false
	}
	// The name counts too: a web page may point a name of its own at this machine.
	name := r.Host
	if h, _, err := net.SplitHostPort(name); err == nil {
		name = h
	}
	return name == "localhost" || net.ParseIP(strings.Trim(name, "[]")).IsLoopback()
}

// question is the body of "inbox" and "executed".
type question struct {
	MSISDN         string               `json:"msisdn"`
	PartnerTransID telco.PartnerTransID `json:"partnerTransId"`
}

// ask reads a question and writes what f answers. What f refuses is the number: nothing else in a
// question can be wrong.
func (s *Sandbox) ask(w http.ResponseWriter, r *http.Request, f func(question) (any, error)) {
	var q question
	if !readJSON(w, r, &q) {
		return
	}
	a, err := f(q)
	if err != nil {
		http.Error(w, "msisdn is not a number", http.StatusBadRequest)
		return
	}
	answer(w, a)
}

// scriptFaults scripts the fault, or the list of faults, in the body. A misspelt member is
// refused: left out silently, it would make the fault another one. The reply says what is
// wrong.
func (s *Sandbox) scriptFaults(w http.ResponseWriter, r *http.Request) {
	var raw json.RawMessage
	if !readJSON(w, r, &raw) {
		return
	}
	if raw[0] != '[' {
		raw = slices.Concat(json.RawMessage("["), raw, json.RawMessage("]"))
	}
	var faults []Fault
	err := strictly(bytes.NewReader(raw)).Decode(&faults)
	if err != nil {
		err = fmt.Errorf("want a fault or a list of faults: %w", err)
	} else {
		err = s.Script(faults...)
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

// readJSON reads exactly one JSON value of known members. It wants the content type of JSON,
// which a form on somebody's web page cannot send. It reports whether to go on.
func readJSON(w http.ResponseWriter, r *http.Request, to any) bool {
	if media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || media != "application/json" {
		http.Error(w, "want application/json", http.StatusUnsupportedMediaType)
		return false
	}
	d := strictly(http.MaxBytesReader(w, r.Body, 1<<20))
	if err := d.Decode(to); err != nil || !errors.Is(d.Decode(new(any)), io.EOF) {
		http.Error(w, "want one JSON value", http.StatusBadRequest)
		return false
	}
	return true
}

// strictly decodes JSON and refuses members that the value does not have.
func strictly(r io.Reader) *json.Decoder {
	d := json.NewDecoder(r)
	d.DisallowUnknownFields()
	return d
}

// answer writes a value as JSON.
func answer(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v)
}

// sms is a message as the inbox endpoint writes it: the one place where a code leaves
// in clear, as it does on a phone.
type sms struct {
	At      time.Time         `json:"at"`
	OTP     string            `json:"otp"`
	TransID telco.TransID     `json:"transId"`
	Package telco.PackageCode `json:"packageCode"`
	To      string            `json:"-"` // masked
}

// inboxOf is the subscriber's inbox; a list also when it is empty.
func (s *Sandbox) inboxOf(n telco.MSISDN) []sms {
	out := []sms{}
	for _, m := range s.Inbox(n) {
		out = append(out, sms{At: m.At, OTP: m.OTP.Reveal(), TransID: m.TransID, Package: m.Package})
	}
	return out
}

// inboxTemplate is the inbox page, which reloads itself every three seconds. It is read only.
var inboxTemplate = template.Must(template.New("inbox").Parse(`<!doctype html>
<html lang="vi"><head><meta charset="utf-8"><meta http-equiv="refresh" content="3"><title>Hộp thư OTP (sandbox)</title>
<style>body{font:16px system-ui;margin:2em}td,th{padding:.3em 1em;text-align:left}b{font:20px monospace}</style></head>
<body><h1>Hộp thư OTP · OTP inbox</h1>
<p>Máy khách hàng sẽ nhận các mã này. These codes would arrive on the customers' phones.</p>
<table><tr><th>Lúc · At</th><th>Số · Number</th><th>Gói · Package</th><th>OTP</th></tr>
{{range .}}<tr><td>{{.At.Format "15:04:05"}}</td><td>{{.To}}</td><td>{{.Package}}</td><td><b>{{.OTP}}</b></td></tr>
{{else}}<tr><td colspan="4">Chưa có tin nhắn · No messages yet</td></tr>
{{end}}</table></body></html>
`))

// inboxPage shows the newest messages of everybody, with masked numbers.
func (s *Sandbox) inboxPage(w http.ResponseWriter) {
	s.mu.Lock()
	to, messages := s.model.Recent(50)
	s.mu.Unlock()
	page := make([]sms, len(messages))
	for i, m := range messages {
		page[i] = sms{At: m.At, OTP: m.OTP.Reveal(), TransID: m.TransID, Package: m.Package, To: to[i].String()}
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'")
	_ = inboxTemplate.Execute(w, page)
}
