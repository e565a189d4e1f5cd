package contract

import (
	"encoding/json"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fptshop/mobifone-go/mobifone/partner"
)

// randomAnswers makes answers that carry only what a contract's operation lists.
type randomAnswers struct {
	rng *rand.Rand
	c   *Contract
}

func (g *randomAnswers) maybe() bool { return g.rng.IntN(2) == 0 }

func (g *randomAnswers) text() string {
	words := []string{"", "T-1", "Đã đăng ký gói C120 thành công", `"quoted" \ <b>&amp;</b>`, "line\nbreak\ttab", "😀\u2028", "0", "007", "120.000"}
	return words[g.rng.IntN(len(words))]
}

func (g *randomAnswers) time() time.Time {
	if g.maybe() {
		return time.Time{}
	}
	return time.Unix(946_684_800+g.rng.Int64N(3_187_296_000), 0).In(g.c.Zone())
}

func (g *randomAnswers) count() int { return g.rng.IntN(3) * g.rng.IntN(1000) }

func (g *randomAnswers) state() (partner.State, string) {
	s := partner.State(g.rng.IntN(int(partner.StateReversed) + 1))
	if s == partner.StateUnlisted {
		return s, []string{"", "PAUSED"}[g.rng.IntN(2)]
	}
	return s, g.c.WireState(s)
}

func (g *randomAnswers) data(plan *replyPlan) Data {
	full := Data{
		SubscriberType: g.text(), TransID: partner.TransID([]string{"", "T1", "88"}[g.rng.IntN(3)]), PartnerTransID: partner.PartnerTransID(g.text()),
		OTPExpiresAt: g.time(), OTPTTL: time.Duration(g.count()) * time.Second, ResendAfter: time.Duration(g.count()) * time.Second,
		OTPLength: g.count(), RegisteredAt: g.time(), EffectiveFrom: g.time(), ExpiresAt: g.time(), Page: g.count(), Size: g.count(),
	}
	full.State, full.WireState = g.state()
	if g.maybe() {
		full.AttemptsLeft, full.Total = new(g.count()), new(g.count())
	}
	var d Data
	w := &writer{c: g.c}
	for i, p := range plan.data {
		if p.set && w.dataField(dataSlots[i].name, &full) != nil {
			copyData(dataSlots[i].name, &d, &full)
		}
	}
	if plan.rows.set && g.maybe() {
		d.HasRows = true
		d.Rows = make([]Row, g.rng.IntN(4))
		for i := range d.Rows {
			d.Rows[i] = g.row(plan)
		}
	}
	return d
}

func copyData(name string, to, from *Data) {
	switch name {
	case "subscriberType":
		to.SubscriberType = from.SubscriberType
	case "transId":
		to.TransID = from.TransID
	case "partnerTransId":
		to.PartnerTransID = from.PartnerTransID
	case "status":
		to.State, to.WireState = from.State, from.WireState
	case "otpExpiresAt":
		to.OTPExpiresAt = from.OTPExpiresAt
	case "otpTTL":
		to.OTPTTL = from.OTPTTL
	case "resendAfter":
		to.ResendAfter = from.ResendAfter
	case "otpLength":
		to.OTPLength = from.OTPLength
	case "attemptsLeft":
		to.AttemptsLeft = from.AttemptsLeft
	case "registeredAt":
		to.RegisteredAt = from.RegisteredAt
	case "effectiveFrom":
		to.EffectiveFrom = from.EffectiveFrom
	case "expiresAt":
		to.ExpiresAt = from.ExpiresAt
	case "page":
		to.Page = from.Page
	case "size":
		to.Size = from.Size
	case "total":
		to.Total = from.Total
	}
}

func (g *randomAnswers) row(plan *replyPlan) Row {
	r := Row{
		Package: "C120", Name: g.text(), Price: partner.VND(g.rng.Int64()), CycleDays: g.count(), ResetDays: g.count(), Description: g.text(),
		ReasonCode: g.text(), ReasonText: g.text(), TransID: partner.TransID(g.text()), PartnerTransID: partner.PartnerTransID(g.text()),
		Amount: partner.VND(g.count()), ResultCode: g.text(), ResultMessage: g.text(), Shop: g.text(), CreatedAt: g.time(), UpdatedAt: g.time(),
	}
	r.State, r.WireState = g.state()
	if g.maybe() {
		r.MSISDN = partner.MustParseMSISDN("0901234567")
		r.AutoRenew, r.Eligible = new(g.maybe()), new(g.maybe())
	}
	var out Row
	for i, p := range plan.row {
		if p.set {
			copyRow(rowSlots[i].name, &out, &r)
		}
	}
	return out
}

func copyRow(name string, to, from *Row) {
	switch name {
	case "package":
		to.Package = from.Package
	case "name":
		to.Name = from.Name
	case "price":
		to.Price = from.Price
	case "cycleDays":
		to.CycleDays = from.CycleDays
	case "resetDays":
		to.ResetDays = from.ResetDays
	case "autoRenew":
		to.AutoRenew = from.AutoRenew
	case "description":
		to.Description = from.Description
	case "eligible":
		to.Eligible = from.Eligible
	case "reasonCode":
		to.ReasonCode = from.ReasonCode
	case "reasonText":
		to.ReasonText = from.ReasonText
	case "transId":
		to.TransID = from.TransID
	case "partnerTransId":
		to.PartnerTransID = from.PartnerTransID
	case "msisdn":
		to.MSISDN = from.MSISDN
	case "amount":
		to.Amount = from.Amount
	case "status":
		to.State, to.WireState = from.State, from.WireState
	case "resultCode":
		to.ResultCode = from.ResultCode
	case "resultMessage":
		to.ResultMessage = from.ResultMessage
	case "shop":
		to.Shop = from.Shop
	case "createdAt":
		to.CreatedAt = from.CreatedAt
	case "updatedAt":
		to.UpdatedAt = from.UpdatedAt
	}
}

// What a server writes, the client reads back, whole.
func TestDecodeReadsWhatWriteAnswerWrites(t *testing.T) {
	t.Parallel()
	contracts := wireContracts(t)
	contracts["numbers"] = altered(t, func(d *Document) {
		d.Envelope.CodeAsNumber = true
		d.Time.Layout = "epochSeconds"
	})
	for name, c := range contracts {
		for op, e := range c.wire.ops {
			t.Run(name+"/"+string(op), func(t *testing.T) {
				t.Parallel()
				g := &randomAnswers{rng: rand.New(rand.NewPCG(7, 11)), c: c}
				frame := &e.reply.frame
				for range 300 {
					rule := c.doc.Codes[g.rng.IntN(len(c.doc.Codes))]
					if len(rule.Wire) == 0 {
						continue
					}
					a := Answer{Code: rule.Name, Data: g.data(&e.reply)}
					if len(frame.message) > 0 {
						a.Message = g.text()
					}
					if len(frame.requestID) > 0 {
						a.RequestID = g.text()
					}
					if len(frame.responseTime) > 0 {
						a.Time = g.time()
					}
					if g.rng.IntN(5) == 0 {
						a.WireCode = "31337"
					}
					contentType, body, err := c.WriteAnswer(op, a)
					require.NoError(t, err)
					require.Equal(t, "application/json", contentType)
					require.True(t, json.Valid(body), "%s", body)
					got, err := c.Decode(op, body)
					require.NoError(t, err, "%s", body)
					want := &Reply{Message: a.Message, RequestID: a.RequestID, Time: a.Time, Data: a.Data}
					if a.WireCode == "" {
						want.WireCode, want.Rule = rule.Wire[0], rule
						if rule.Name == partner.Success {
							want.WireCode = c.doc.Envelope.SuccessCodes[0]
						}
						want.Class = c.ClassOf(op, rule)
					} else {
						want.WireCode, want.Class = a.WireCode, ClassUnknown
					}
					require.Equal(t, want, got, "%s", body)

					if len(frame.success) == 0 {
						continue
					}
					a.Contradict = true
					_, body, err = c.WriteAnswer(op, a)
					require.NoError(t, err)
					_, err = c.Decode(op, body)
					var fault *DecodeError
					require.ErrorAs(t, err, &fault)
					require.Equal(t, frame.success[0].text, fault.Path)
				}
			})
		}
	}
}

func TestWriteAnswerForms(t *testing.T) {
	t.Parallel()
	numbers := altered(t, func(d *Document) {
		d.Envelope.CodeAsNumber = true
		d.Envelope.Success = nil
	})
	row := Row{TransID: "T1", State: partner.StateSuccess, Amount: 120_000, MSISDN: partner.MustParseMSISDN("0901234567"), ResultCode: "2001"}
	for name, tc := range map[string]struct {
		c    *Contract
		op   partner.Operation
		a    Answer
		want string
	}{
		"one transaction is an object": {
			Default(), partner.OpGet,
			Answer{Code: partner.Success, Data: Data{Rows: []Row{row}}},
			`{"errorCode":"0000","success":true,"data":{"transaction":{"transId":"T1","isdn":"84901234567","amount":120000,"status":"SUCCESS","resultCode":"2001"}}}`,
		},
		"one of a list is a list": {
			numbers, partner.OpList,
			Answer{Code: partner.Success, Data: Data{Rows: []Row{{ResultCode: "2001"}}, Total: new(0)}},
			`{"errorCode":"0000","data":{"items":[{"resultCode":2001}],"total":0}}`,
		},
		"an empty list":    {Default(), partner.OpList, Answer{Code: partner.Success, Data: Data{HasRows: true}}, `{"errorCode":"0000","success":true,"data":{"items":[]}}`},
		"a whole number":   {numbers, partner.OpRegister, Answer{Code: partner.InvalidISDN}, `{"errorCode":2001}`},
		"a code overrides": {numbers, partner.OpRegister, Answer{Code: partner.Success, WireCode: "0x1"}, `{"errorCode":"0x1"}`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, body, err := tc.c.WriteAnswer(tc.op, tc.a)
			require.NoError(t, err)
			assert.Equal(t, tc.want, string(body))
		})
	}
}

func TestWriteAnswerRefuses(t *testing.T) {
	t.Parallel()
	c := Default()
	_, _, err := c.WriteAnswer("packages.cancel", Answer{Code: partner.Success})
	require.ErrorIs(t, err, partner.OperationAbsent)
	_, _, err = c.WriteAnswer(partner.OpRegister, Answer{})
	require.Error(t, err)
	_, _, err = c.WriteAnswer(partner.OpRegister, Answer{Code: "NO_SUCH_ROW"})
	require.Error(t, err)
	_, _, err = c.WriteAnswer(partner.OpRegister, Answer{Code: partner.Success, Data: Data{RegisteredAt: time.Unix(0, 0)}})
	require.Error(t, err)
	doc := c.Document()
	doc.Operations[partner.OpList].Response["total"] = "items" // validation refuses it first
	clash := *c
	clash.wire, err = compileWire(&doc)
	require.NoError(t, err)
	_, _, err = clash.WriteAnswer(partner.OpList, Answer{Code: partner.Success, Data: Data{HasRows: true, Total: new(1)}})
	require.Error(t, err)
}

// Reading and writing stand in two tables; a field of one alone would be lost in silence.
func TestEveryFieldReadCanBeWritten(t *testing.T) {
	t.Parallel()
	for _, s := range dataSlots {
		w := &writer{c: Default()}
		w.dataField(s.name, &Data{})
		assert.NoError(t, w.err, s.name)
	}
	for _, s := range rowSlots {
		w := &writer{c: Default()}
		w.rowField(s.name, &Row{})
		assert.NoError(t, w.err, s.name)
	}
	w := &writer{c: Default()}
	assert.Nil(t, w.dataField("price", &Data{}))
	assert.Error(t, w.err)
}
