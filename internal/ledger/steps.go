package ledger

// This file is the three steps of a sale as MobiFone sees them: what a subscriber may buy, the
// OTP that reaches the phone, and the registration, which is checked (admit) and carried out
// (execute), at once or when its time has come. Every way to be refused is here. Only succeed
// charges a customer; Executed counts what it does.

import (
	"fmt"
	"strconv"
	"time"

	"github.com/fptshop/mobifone-go/internal/field"
	"github.com/fptshop/mobifone-go/internal/wire"
	"github.com/fptshop/mobifone-go/mobifone/telco"
)

// Eligible is step 1: it lists every package on offer and whether the subscriber may register it.
func (m *Model) Eligible(now time.Time, f field.Request) wire.Answer {
	m.tick(now)
	if !f.MSISDN.IsValid() {
		return refuse(field.InvalidISDN)
	}
	sub := m.customer(f.MSISDN)
	if code := sub.refusal(); code != "" {
		return refuse(code)
	}
	a := wire.Answer{Code: telco.Success}
	a.Data.SubscriberType = "PREPAID"
	a.Data.HasRows = true
	a.Data.Rows = make([]field.Row, 0, len(m.offers))
	for _, pkg := range m.offers {
		reason := sub.bars(pkg.Code)
		eligible, renew := reason == "", pkg.AutoRenew
		row := field.Row{
			Package: pkg.Code, Name: pkg.Name, Price: pkg.Price, CycleDays: pkg.CycleDays, ResetDays: pkg.ResetDays,
			AutoRenew: &renew, Eligible: &eligible, Description: pkg.words,
		}
		if !eligible {
			row.ReasonCode = m.wire[need{telco.OpEligible, string(reason)}]
		}
		a.Data.Rows = append(a.Data.Rows, row)
	}
	return a
}

// Message is one SMS on the customer's phone. Its time is in the contract's zone.
type Message struct {
	At      time.Time
	OTP     telco.OTP
	TransID telco.TransID
	Package telco.PackageCode
}

// RequestOTP is step 2: it sends a new six-digit code to the subscriber's inbox and opens a
// transaction for it. A refusal opens none and counts no OTP.
func (m *Model) RequestOTP(now time.Time, f field.Request) wire.Answer {
	now = m.tick(now)
	if code := m.staffed(telco.OpOTP, f); code != "" {
		return refuse(code)
	}
	if !f.MSISDN.IsValid() {
		return refuse(field.InvalidISDN)
	}
	cust := m.customer(f.MSISDN)
	if code := cust.refusal(); code != "" {
		return refuse(code)
	}
	price, _, ok := m.offer(f.Package)
	if !ok {
		return refuse(field.PackageInvalid)
	}
	sub := m.subscriber(f.MSISDN)
	if wait := sub.lastOTP.Add(m.cfg.ResendAfter).Sub(now); !sub.lastOTP.IsZero() && wait > 0 {
		a := refuse(telco.OTPResendTooSoon)
		a.Data.ResendAfter = (wait + time.Second - 1).Truncate(time.Second)
		return a
	}
	if day := businessDay(now); sub.otpDay != day {
		sub.otpDay, sub.otpCount = day, 0
	}
	if int(sub.otpCount) >= m.cfg.OTPPerDay {
		return refuse(telco.OTPLimitExceeded)
	}
	if cust.NoSMS {
		return refuse(telco.OTPNotDelivered)
	}
	sub.lastOTP = now
	sub.otpCount++
	if m.rules.voids {
		m.voidEarlier(now, sub)
	}
	m.seq++
	r, _ := m.add(now, row{
		msisdn: f.MSISDN, trans: m.chance.transID(m.seq), pid: f.PartnerTransID, pidAtOTP: f.PartnerTransID != "",
		pkg: f.Package, amount: price, shop: f.Shop, otp: m.chance.code(), attempts: m.cfg.OTPAttempts,
		expires: now.Add(m.cfg.OTPTTL),
	})
	left := r.attempts
	return wire.Answer{Code: telco.Success, Data: field.Data{
		TransID: r.trans, PartnerTransID: f.PartnerTransID, StateSaid: field.StateSaid{State: telco.StateInit},
		MSISDN: r.msisdn, Package: r.pkg, Amount: r.amount,
		OTPExpiresAt: r.expires.In(m.zone), OTPTTL: m.cfg.OTPTTL, ResendAfter: max(0, m.cfg.ResendAfter),
		OTPLength: 6, AttemptsLeft: &left,
	}}
}

// voidEarlier makes the subscriber's open codes useless.
func (m *Model) voidEarlier(now time.Time, sub *subscriber) {
	for n := sub.lastRow; n != 0; n = m.rows[n-1].prevSub {
		r := &m.rows[n-1]
		if r.void {
			return // those before it were voided with it
		}
		if r.last().state == telco.StateInit {
			r.void = true
			r.set(now, telco.StateExpired, "")
		}
	}
}

// staffed refuses a request without the shop or employee that the contract makes it name.
func (m *Model) staffed(op telco.Operation, f field.Request) telco.Code {
	if m.needs[need{op, "shop"}] && f.Shop == "" || m.needs[need{op, "employee"}] && f.Employee == "" {
		return telco.ShopOrEmployeeInvalid
	}
	return ""
}

// Inbox returns what the subscriber's phone shows, oldest first.
func (m *Model) Inbox(n telco.MSISDN) []Message {
	sub := m.subs[n]
	if sub == nil {
		return nil
	}
	var out []Message
	for i := sub.lastRow; i != 0; i = m.rows[i-1].prevSub {
		if r := &m.rows[i-1]; !r.again {
			out = append(out, m.message(r))
		}
	}
	for i, j := 0, len(out)-1; i < j; i, j = i+1, j-1 {
		out[i], out[j] = out[j], out[i]
	}
	return out
}

// message is the SMS that the row's OTP request sent.
func (m *Model) message(r *row) Message {
	otp, _ := telco.ParseOTP(fmt.Sprintf("%06d", r.otp)) // six digits always parse
	return Message{At: r.created().In(m.zone), OTP: otp, TransID: r.trans, Package: r.pkg}
}

// Recent returns the newest messages of all subscribers, newest first.
func (m *Model) Recent(most int) (to []telco.MSISDN, out []Message) {
	for i := len(m.rows) - 1; i >= 0 && len(out) < most; i-- {
		if r := &m.rows[i]; !r.again {
			to, out = append(to, r.msisdn), append(out, m.message(r))
		}
	}
	return to, out
}

// Register is step 3: it carries out a registration as it arrives. Kind E accepts it with
// PROCESSING and carries it out later; the ledger shows nothing of it until then.
func (m *Model) Register(now time.Time, f field.Request) wire.Answer {
	now = m.tick(now)
	f = m.Order(f)
	if !m.rules.queue {
		return m.execute(now, now, f)
	}
	if _, _, refusal := m.admit(now, now, f); refusal != nil {
		return *refusal
	}
	// Most waits are short, and the longest is the queue's whole length.
	u := m.chance.fraction()
	m.park(now, now.Add(time.Duration(u*u*u*u*float64(m.cfg.Queue))), f)
	a := refuse(telco.Processing)
	a.Data.TransID, a.Data.PartnerTransID, a.Data.State = f.TransID, f.PartnerTransID, telco.StatePending
	return a
}

// admit checks a registration that arrived at one time and is executed at another. It returns the
// transaction and its row number, or the answer that refuses. A wrong code is the one refusal
// that changes something: it counts an entry.
func (m *Model) admit(now, arrived time.Time, f field.Request) (*row, int32, *wire.Answer) {
	no := func(code telco.Code) (*row, int32, *wire.Answer) {
		a := refuse(code)
		a.Data.TransID, a.Data.PartnerTransID = f.TransID, f.PartnerTransID
		return nil, 0, &a
	}
	// The order of these checks decides which code is heard when several things are wrong.
	if code := m.staffed(telco.OpRegister, f); code != "" {
		return no(code)
	}
	if !f.MSISDN.IsValid() && !m.needs[need{telco.OpRegister, "msisdn"}] {
		// Order found no transaction that would give the number: nobody opened this order.
		return no(field.TransactionExpired)
	}
	if !f.MSISDN.IsValid() {
		return no(field.InvalidISDN)
	}
	cust := m.customer(f.MSISDN)
	if code := cust.refusal(); code != "" {
		return no(code)
	}
	price, _, ok := m.offer(f.Package)
	if !ok {
		return no(field.PackageInvalid)
	}
	// A repetition gets its answer before its amount and code are checked.
	if m.rules.dedupe && f.PartnerTransID != "" {
		if code := m.duplicate(f); code != "" {
			return no(code)
		}
	}
	if m.needs[need{telco.OpRegister, "amount"}] && f.Amount != price {
		return no(field.AmountMismatch)
	}
	n := m.find(f)
	if n == 0 {
		return no(field.TransactionExpired)
	}
	r := &m.rows[n-1]
	if r.msisdn != f.MSISDN || r.pkg != f.Package {
		return no(field.TransactionConflict)
	}
	switch {
	case r.void, m.rules.oneTime && r.executedOnce() && r.last().code != field.OTPAttemptsExceeded:
		return no(field.TransactionExpired)
	case r.attempts <= 0:
		return no(field.OTPAttemptsExceeded)
	case cust.Result == OTPTooOld,
		m.rules.expiryArrival && !r.expires.After(arrived),
		m.rules.expiryLate && !r.expires.After(now):
		return no(telco.OTPExpired)
	}
	if cust.Result == OTPWrong || m.needs[need{telco.OpRegister, "otp"}] && !r.opens(f.OTP) {
		return nil, 0, m.wrongOTP(now, r, n, f)
	}
	return r, n, nil
}

// Order fills in what a registration leaves to the transaction it names: where the
// contract's register carries no number or no package, they are those of its OTP request.
func (m *Model) Order(f field.Request) field.Request {
	bare := !m.needs[need{telco.OpRegister, "msisdn"}] || !m.needs[need{telco.OpRegister, "package"}]
	if n := m.firstOf(f.TransID); bare && n != 0 {
		r := &m.rows[n-1]
		if !m.needs[need{telco.OpRegister, "msisdn"}] {
			f.MSISDN = r.msisdn
		}
		if !m.needs[need{telco.OpRegister, "package"}] {
			f.Package = r.pkg
		}
	}
	return f
}

// find returns the row that the OTP request of the request's transId opened; where the contract's
// register carries no transId, the newest one of the subscriber and package. 0 is none.
func (m *Model) find(f field.Request) int32 {
	if m.needs[need{telco.OpRegister, "transId"}] {
		return m.firstOf(f.TransID)
	}
	sub := m.subs[f.MSISDN]
	if sub == nil {
		return 0
	}
	for n := sub.lastRow; n != 0; n = m.rows[n-1].prevSub {
		if r := &m.rows[n-1]; r.pkg == f.Package && !r.again {
			return n
		}
	}
	return 0
}

// firstOf returns the row that the OTP request opened: later ones of the same transId
// are repetitions.
func (m *Model) firstOf(id telco.TransID) int32 {
	n := m.byTrans[id]
	for n != 0 && m.rows[n-1].nextTrans != 0 {
		n = m.rows[n-1].nextTrans
	}
	return n
}

// duplicate is what a MobiFone that dedupes says to a partnerTransId that it has carried out; "" when
// it has not. The same id with another subscriber or package is a conflict.
func (m *Model) duplicate(f field.Request) telco.Code {
	for n := m.byPID[f.PartnerTransID]; n != 0; n = m.rows[n-1].nextPID {
		r := &m.rows[n-1]
		if !r.executedOnce() || r.last().code == field.OTPAttemptsExceeded {
			continue // nothing was carried out: the same id may come again with another OTP
		}
		switch {
		case r.msisdn != f.MSISDN || r.pkg != f.Package:
			return field.TransactionConflict
		case r.last().state == telco.StatePending:
			return telco.Processing
		}
		return telco.DuplicateTransaction
	}
	return ""
}

// opens reports whether the code is that of the row.
func (r *row) opens(otp telco.OTP) bool {
	code := otp.Reveal()
	v, err := strconv.ParseUint(code, 10, 32)
	return err == nil && len(code) == 6 && uint32(v) == r.otp
}

// wrongOTP counts an entry; the last one ends the transaction.
func (m *Model) wrongOTP(now time.Time, r *row, n int32, f field.Request) *wire.Answer {
	r.attempts--
	left := r.attempts
	a := refuse(telco.OTPInvalid)
	if left <= 0 {
		a.Code = field.OTPAttemptsExceeded
		if r.last().state == telco.StateInit {
			m.rename(r, n, f.PartnerTransID)
			r.set(now, telco.StateFailed, field.OTPAttemptsExceeded)
		}
	}
	a.Data = field.Data{TransID: r.trans, PartnerTransID: f.PartnerTransID, AttemptsLeft: &left}
	return &a
}

// execute carries a registration out, or refuses it. A transId that is used again gets a row of
// its own, so that the ledger shows both charges.
func (m *Model) execute(now, arrived time.Time, f field.Request) wire.Answer {
	r, n, refusal := m.admit(now, arrived, f)
	if refusal != nil {
		return *refusal
	}
	cust := m.customer(f.MSISDN)
	if r.last().state != telco.StateInit {
		// Kinds D and F let a transId register again: a second charge, with a row of its own.
		again := *r
		again.history, again.changes, again.again = [4]change{}, 0, true
		again.pid, again.pidAtOTP, again.nextPID, again.parked = "", false, 0, 0
		r, n = m.add(now, again)
	}
	m.rename(r, n, f.PartnerTransID)
	if f.Shop != "" {
		r.shop = f.Shop
	}
	if f.Amount > 0 {
		r.amount = f.Amount
	}
	// A refused package ends the transaction too: where a transId registers once, the OTP is
	// used up.
	if code := cust.bars(f.Package); code != "" {
		r.set(now, telco.StateFailed, code)
		a := refuse(code)
		a.Data.TransID, a.Data.PartnerTransID, a.Data.State = r.trans, f.PartnerTransID, telco.StateFailed
		return a
	}
	if cust.Result == PendingThenOK || cust.Result == PendingThenFailed {
		r.set(now, telco.StatePending, telco.Processing)
		m.due.add(event{at: now.Add(m.cfg.PendingFor), row: n, fails: cust.Result == PendingThenFailed})
		a := refuse(telco.Processing)
		a.Data.TransID, a.Data.PartnerTransID, a.Data.State = r.trans, f.PartnerTransID, telco.StatePending
		return a
	}
	m.succeed(now, r)
	_, days, _ := m.offer(f.Package)
	at := now.In(m.zone)
	return wire.Answer{Code: telco.Success, Data: field.Data{
		TransID: r.trans, PartnerTransID: f.PartnerTransID, StateSaid: field.StateSaid{State: telco.StateSuccess},
		MSISDN: r.msisdn, Package: r.pkg, Amount: r.amount,
		RegisteredAt: at, EffectiveFrom: at, ExpiresAt: at.AddDate(0, 0, days),
	}}
}

// succeed registers the package: the one place where a customer is charged.
func (m *Model) succeed(now time.Time, r *row) {
	r.set(now, telco.StateSuccess, telco.Success)
	m.subscriber(r.msisdn).executed++
	if r.pid != "" {
		m.executed[r.pid]++
	}
}

// Reverse takes a registration back, as MobiFone's operator might: SUCCESS becomes REVERSED. It
// reports whether there was one to take back.
func (m *Model) Reverse(now time.Time, id telco.TransID) bool {
	now = m.tick(now)
	for n := m.byTrans[id]; n != 0; n = m.rows[n-1].nextTrans {
		if r := &m.rows[n-1]; r.last().state == telco.StateSuccess {
			r.set(now, telco.StateReversed, telco.Success)
			return true
		}
	}
	return false
}
