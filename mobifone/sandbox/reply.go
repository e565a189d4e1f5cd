package sandbox

import (
	"net/http"
	"strconv"
	"time"
)

// ending is how a reply ends.
type ending uint8

const (
	whole   ending = iota
	dropped        // the connection ends without a byte
	silent         // nothing comes until the client goes
	cutOff         // the body ends after keep bytes
	endless        // the body goes on with spaces
)

// reply is what goes back to the client, for both edges.
type reply struct {
	status   int
	header   http.Header
	body     []byte
	wait     time.Duration // before the first byte
	end      ending
	reset    bool // of dropped and cutOff: RST
	keep     int  // of cutOff
	declared int  // Content-Length; the body's length unless it lies
	drip     time.Duration
	interim  int // 1xx replies before this one
}

func newReply(status int, contentType string, body []byte) *reply {
	r := &reply{status: status, header: http.Header{}, body: body, declared: len(body)}
	if contentType != "" {
		r.header.Set("Content-Type", contentType)
	}
	return r
}

// bare is a reply without an envelope, as a proxy gives it.
func (s *Sandbox) bare(status int) *reply {
	text := strconv.Itoa(status) + " " + http.StatusText(status)
	body := []byte("<html><head><title>" + text + "</title></head><body><h1>" + text + "</h1></body></html>\n")
	if status == http.StatusNoContent || status == http.StatusNotModified {
		body = nil
	}
	r := newReply(status, "text/html; charset=utf-8", body)
	r.header.Set("Date", s.now().UTC().Format(http.TimeFormat))
	return r
}

func ended(end ending, reset bool) *reply {
	return &reply{end: end, reset: reset, header: http.Header{}}
}

// setBody replaces the body and tells its true length.
func (r *reply) setBody(b []byte) { r.body, r.declared = b, len(b) }
