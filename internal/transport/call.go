package transport

import (
	"bytes"
	"context"
	"time"

	"github.com/fptshop/mobifone-go/internal/field"
	"github.com/fptshop/mobifone-go/mobifone/partner"
)

// Call runs eligibility, OTP and lookup operations: a nil error means that the partner
// said success. Every error is a *partner.Error.
func (t *Transport) Call(ctx context.Context, op partner.Operation, f field.Request) (Reply, error) {
	r, err := t.begin(op, f)
	if err != nil {
		return Reply{}, t.finish(ctx, r, verdict{err: err})
	}
	ctx, cancel := t.cfg.Seam.WithTimeout(withRecord(ctx, r), t.cfg.Timeouts.Call)
	defer cancel()
	req, reqErr := t.newRequest(ctx, r.wire)
	if reqErr != nil {
		return Reply{}, t.finish(ctx, r, t.classify(r, nil, reqErr))
	}
	a := &attempt{core: t.core, r: r}
	v := a.run(req)
	if v.status != 0 && !v.again && !v.refresh && a.tries() == 1 {
		t.budget.earn()
	}
	return v.reply, t.finish(ctx, r, v)
}

// Send sends a registration: one wire request at most, its body only before sendBy by
// the partner's clock. Outcome Unknown unless something else is proven.
func (t *Transport) Send(ctx context.Context, f field.Request, sendBy time.Time) (Reply, error) {
	r, err := t.begin(partner.OpRegister, f)
	if err == nil {
		if enterErr := t.drain.enter(); enterErr != nil {
			err = enterErr.(*partner.Error) //nolint:errorlint,forcetypeassert // enter makes no other
			err.Operation = partner.OpRegister
		}
	}
	if err != nil {
		return Reply{}, t.finish(ctx, r, verdict{err: err})
	}
	defer t.drain.leave()
	r.sendBy = sendBy
	t.newShot(r)
	ctx = withRecord(ctx, r)
	req, reqErr := t.newRequest(ctx, r.wire)
	if reqErr != nil {
		return Reply{}, t.finish(ctx, r, t.classify(r, nil, reqErr))
	}
	req.Body = &shownBody{rest: bytes.NewReader(r.wire.Body), r: r}
	resp, doErr := t.money.Do(req)
	v := t.classify(r, resp, doErr)
	t.reportTry(ctx, r, v)
	return v.reply, t.finish(ctx, r, v)
}

// begin encodes the call. A call that cannot be encoded was not sent.
func (t *Transport) begin(op partner.Operation, f field.Request) (*record, *partner.Error) {
	r := &record{op: op, lane: t.lane, fields: f, began: t.cfg.Seam.Now()}
	for _, form := range []partner.MSISDNForm{partner.Form84, partner.Form0, partner.Form9} {
		if f.MSISDN.IsValid() {
			r.known = append(r.known, f.MSISDN.Reveal(form))
		}
	}
	if !f.OTP.IsZero() {
		r.known = append(r.known, f.OTP.Reveal())
	}
	fail := func(code partner.Code, cause error) *partner.Error {
		e := &partner.Error{Operation: op, Outcome: partner.NotSent, Code: code, Err: cause}
		if op.Lookup() {
			e.Outcome = partner.Unknown
		}
		return e
	}
	if t.drain.isClosed() {
		return r, fail(partner.ClientClosed, errClosed)
	}
	if !t.cfg.Contract.Has(op) {
		return r, fail(partner.OperationAbsent, errAbsent)
	}
	encoded, err := t.wire.Encode(op, &f, nil)
	if err != nil {
		return r, fail(partner.InvalidInput, t.redact(r, err))
	}
	r.wire = encoded
	return r, nil
}

// finish tells the hooks how a call ended.
func (t *Transport) finish(ctx context.Context, r *record, v verdict) error {
	outcome, code, wireCode := partner.Succeeded, partner.Success, v.reply.WireCode
	evidence := v.reply.Evidence
	var err error
	if v.err != nil {
		err = v.err
		outcome, code, wireCode, evidence = v.err.Outcome, v.err.Code, v.err.WireCode, v.err.Evidence
	}
	took := t.cfg.Seam.Now().Sub(r.began)
	if t.cfg.OnCall != nil {
		t.cfg.OnCall(ctx, partner.CallEvent{
			Operation: r.op, Lane: r.lane, Outcome: outcome, Code: code, WireCode: wireCode,
			Evidence: evidence, Duration: took, Err: err,
		})
	}
	return err
}

// reportTry tells the hooks of one HTTP request.
func (c *core) reportTry(ctx context.Context, r *record, v verdict) {
	r.mu.Lock()
	ev := partner.TryEvent{
		Operation: r.op, Lane: r.lane, Try: r.tries, RequestID: r.requestID, HTTPStatus: v.status,
		Sent: r.letOut, LimitWait: r.limitWait,
		Duration: max(c.local.read().wall.Sub(r.tryBegan)-r.limitWait, 0),
	}
	r.mu.Unlock()
	if v.err != nil && v.status == 0 {
		ev.Err = v.err
	}
	if c.cfg.OnTry != nil {
		c.cfg.OnTry(ctx, ev)
	}
}
