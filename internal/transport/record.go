package transport

import (
	"context"
	"sync"
	"time"

	"github.com/fptshop/mobifone-go/internal/field"
	"github.com/fptshop/mobifone-go/internal/wire"
	"github.com/fptshop/mobifone-go/mobifone/contract"
	"github.com/fptshop/mobifone-go/mobifone/partner"
)

// record follows one call through all its tries; it travels in the context, so that
// nothing a library drops on the way (attempts, sends, statuses) is lost.
type record struct {
	op     partner.Operation
	lane   partner.Lane
	fields field.Request
	wire   wire.Request
	login  bool      // the bearer scheme's own login: it carries no credentials
	known  []string  // what must not stand in any text
	sendBy time.Time // of a money call; zero otherwise
	began  time.Time

	mu          sync.Mutex
	shot        *shot // body guard of the current try; of a money call the only one
	tries       int
	status      int // of the last reply
	sends       int
	firstSend   time.Time
	lastSend    time.Time
	requestID   string
	granted     grant          // what the last try authenticated with
	stamp       contract.Stamp // of the last try
	limitWait   time.Duration
	tryBegan    time.Time
	onWire      bool  // the current try reached the wire
	letOut      bool  // and its body was let out
	refusal     error // why one of our own stages refused the current try
	written     instant
	refreshed   bool      // credentials were refreshed for this call once
	partnerTime time.Time // in the last well-formed reply
	taken       bool      // a middleware read the body of a money call
}

// money reports whether the call may be sent once only.
func (r *record) money() bool { return r.op == partner.OpRegister }

// guarded reports whether the body's way out is watched: it decides NotSent.
func (r *record) guarded() bool { return r.op == partner.OpRegister || r.op == partner.OpOTP }

type recordKey struct{}

func withRecord(ctx context.Context, r *record) context.Context {
	return context.WithValue(ctx, recordKey{}, r)
}

func recordFrom(ctx context.Context) *record {
	r, _ := ctx.Value(recordKey{}).(*record)
	return r
}

func (r *record) beginTry(now time.Time, id string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.tries++
	r.requestID = id
	r.limitWait, r.tryBegan = 0, now
	r.onWire, r.letOut, r.refusal = false, false, nil
	r.written = instant{}
}

// refuse remembers why a stage of ours stopped the try: it comes back as the cause,
// whatever the layers above make of the error.
func (r *record) refuse(err error) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.refusal == nil {
		r.refusal = err
	}
	return err
}

// sent counts a try whose body (or, without a body, whose head) was let out.
func (r *record) sent(now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.sends++
	r.letOut = true
	if r.firstSend.IsZero() {
		r.firstSend = now
	}
	r.lastSend = now
}

func (r *record) wasSent() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.sends > 0
}

func (r *record) evidence(status int) partner.Evidence {
	r.mu.Lock()
	defer r.mu.Unlock()
	if status != 0 {
		r.status = status
	}
	return partner.Evidence{
		Tries: r.tries, Sends: r.sends, FirstSend: r.firstSend, LastSend: r.lastSend,
		HTTPStatus: r.status, RequestID: r.requestID, PartnerTime: r.partnerTime,
	}
}

// secrets are what must not stand in any text about this call.
func (r *record) secrets() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append(r.granted.secrets(), r.known...)
}

func (r *record) id() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.requestID
}

// spent reports whether the body of this try has been to its guard: a request that
// comes now is a middleware's second, and only the first may leave.
func (r *record) spent() bool {
	r.mu.Lock()
	s := r.shot
	r.mu.Unlock()
	return s != nil && s.wasPassed()
}

// bypassed reports whether a money call may have left another way than through its
// guard: a middleware answered it, or read the body it was shown, and nothing came to
// the guard.
func (r *record) bypassed(answered bool) bool {
	spent := r.spent() // not under the lock: a shot that is read takes both the other way round
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.money() && !spent && (answered || r.taken)
}

// writtenAt is when the current try was handed to the wire; zero when it was not.
func (r *record) writtenAt() instant {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.written
}

func (r *record) heard(partnerTime time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.partnerTime = partnerTime
}

// rewrite replaces what is sent by this try's own request.
func (r *record) rewrite(encoded wire.Request) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.wire = encoded
	if r.shot != nil {
		r.shot.load(encoded.Body)
	}
}

// body is what this try sends.
func (r *record) body() []byte {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.wire.Body
}

// try is what the last try authenticated with.
func (r *record) try() *wire.Try {
	r.mu.Lock()
	defer r.mu.Unlock()
	return &wire.Try{Credentials: r.granted.credentials, Key: r.granted.key, Stamp: r.stamp}
}
