package wire

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fptshop/mobifone-go/internal/field"
	"github.com/fptshop/mobifone-go/mobifone/contract"
	"github.com/fptshop/mobifone-go/mobifone/telco"
)

// What a server writes, the client reads back, whole.
func TestDecodeReadsWhatWriteAnswerWrites(t *testing.T) {
	t.Parallel()
	contracts := wireContracts(t)
	contracts["numbers"] = altered(t, func(d *contract.Document) {
		d.Envelope.CodeAsNumber = true
		d.Time.Layout = "epochSeconds"
	})
	contracts["formats"] = altered(t, func(d *contract.Document) {
		d.Operations[telco.OpOTP].Formats = map[string]string{"otpTTL": "ms", "resendAfter": "min", "otpExpiresAt": "rfc3339"}
		d.Operations[telco.OpGet].Formats = map[string]string{"amount": "0.00", "createdAt": "iso8601"}
		d.Operations[telco.OpGet].Rows.Extra = []string{"note", "who.name"}
		d.Operations[telco.OpRegister].Extra = []string{"bonus", "$.trace"}
		d.Time.Accept = append(d.Time.Accept, "iso8601")
	})
	for name, c := range contracts {
		for _, o := range c.w.ops {
			if o == nil {
				continue
			}
			op := o.op
			t.Run(name+"/"+string(op), func(t *testing.T) {
				t.Parallel()
				g := &randomAnswers{rng: rand.New(rand.NewPCG(7, 11)), c: c}
				frame := &c.w.frame
				codes := c.Document().Codes
				for range 300 {
					rule := codes[g.rng.IntN(len(codes))]
					if len(rule.Wire) == 0 {
						continue
					}
					a := Answer{Code: rule.Name, Data: g.data(o)}
					wire, err := c.w.wireCode(o, &a)
					if err != nil {
						continue // the row does not speak for this operation
					}
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
						want.WireCode, want.Rule = wire, c.w.byName[rule.Name]
						want.Class = o.codes[want.WireCode].class
					} else {
						want.WireCode = a.WireCode
					}
					require.Equal(t, want, got, "%s", body)

					if len(frame.success) == 0 {
						continue
					}
					a.Contradict = true
					_, body, err = c.WriteAnswer(op, a)
					require.NoError(t, err)
					_, err = c.Decode(op, body)
					var bad *Error
					require.ErrorAs(t, err, &bad)
					require.Equal(t, frame.success[0].text, bad.Path)
				}
			})
		}
	}
}

// randomAnswers makes answers that carry only what a contract's operation lists.
type randomAnswers struct {
	rng *rand.Rand
	c   *compiled
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

// fill gives a field a random value, by its type alone.
func (g *randomAnswers) fill(at any, format string) {
	switch at := at.(type) {
	case *string:
		*at = g.text()
	case *telco.TransID:
		*at = telco.TransID(g.text())
	case *telco.PartnerTransID:
		*at = telco.PartnerTransID(g.text())
	case *telco.PackageCode:
		*at = telco.PackageCode(g.text())
	case *telco.MSISDN:
		if g.maybe() {
			*at = telco.MustParseMSISDN("0901234567")
		}
	case *telco.VND:
		*at = telco.VND(g.rng.Int64())
	case *field.StateSaid:
		s := telco.State(g.rng.IntN(int(telco.StateReversed) + 1))
		*at = field.StateSaid{State: s, WireState: g.c.w.wireState[s]}
		if s == telco.StateUnlisted {
			at.WireState = []string{"", "PAUSED"}[g.rng.IntN(2)]
		}
	case *int:
		*at = g.rng.IntN(3) * g.rng.IntN(1000)
	case **int:
		if g.maybe() {
			*at = new(g.rng.IntN(1000))
		}
	case **bool:
		if g.maybe() {
			*at = new(g.maybe())
		}
	case *time.Time:
		if *at = g.time(); field.IsDay(format) && !at.IsZero() {
			*at = time.Date(at.Year(), at.Month(), at.Day(), 0, 0, 0, 0, at.Location())
		}
	case *time.Duration:
		*at = time.Duration(g.rng.IntN(1000)) * unit(format)
	default:
		panic(fmt.Sprintf("no random %T", at))
	}
}

func (g *randomAnswers) extra(places []place) telco.Extra {
	return telco.NewExtra(func(yield func(string, string) bool) {
		for _, p := range places {
			if text := g.text(); text != "" && !yield(p.text, text) {
				return
			}
		}
	})
}

func (g *randomAnswers) data(o *operation) field.Data {
	var d field.Data
	for i := range o.data {
		g.fill(o.data[i].At(&d), o.data[i].format)
	}
	d.Extra = g.extra(o.extra)
	if o.hasRows && g.maybe() {
		d.HasRows = true
		d.Rows = make([]field.Row, g.rng.IntN(4))
		for i := range d.Rows {
			for j := range o.row {
				g.fill(o.row[j].At(&d.Rows[i]), o.row[j].format)
			}
			d.Rows[i].Extra = g.extra(o.rowExtra)
		}
	}
	return d
}

func TestWriteAnswerForms(t *testing.T) {
	t.Parallel()
	numbers := altered(t, func(d *contract.Document) {
		d.Envelope.CodeAsNumber = true
		d.Envelope.Success = nil
	})
	row := field.Row{TransID: "T1", StateSaid: field.StateSaid{State: telco.StateSuccess}, Amount: 120_000, MSISDN: telco.MustParseMSISDN("0901234567"), ResultCode: "2001"}
	for name, tc := range map[string]struct {
		c    *compiled
		op   telco.Operation
		a    Answer
		want string
	}{
		"one transaction is an object": {
			byDefault(), telco.OpGet,
			Answer{Code: telco.Success, Data: field.Data{Rows: []field.Row{row}}},
			`{"errorCode":"0000","success":true,"data":{"transaction":{"transId":"T1","isdn":"84901234567","amount":120000,"status":"SUCCESS","resultCode":"2001"}}}`,
		},
		"one of a list is a list": {
			numbers, telco.OpList,
			Answer{Code: telco.Success, Data: field.Data{Rows: []field.Row{{ResultCode: "2001"}}, Total: new(0)}},
			`{"errorCode":"0000","data":{"items":[{"resultCode":2001}],"total":0}}`,
		},
		"an empty list":    {byDefault(), telco.OpList, Answer{Code: telco.Success, Data: field.Data{HasRows: true}}, `{"errorCode":"0000","success":true,"data":{"items":[]}}`},
		"a whole number":   {numbers, telco.OpRegister, Answer{Code: field.InvalidISDN}, `{"errorCode":2001}`},
		"a code overrides": {numbers, telco.OpRegister, Answer{Code: telco.Success, WireCode: "0x1"}, `{"errorCode":"0x1"}`},
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
	c := byDefault()
	_, _, err := c.WriteAnswer("packages.cancel", Answer{Code: telco.Success})
	require.ErrorIs(t, err, telco.OperationAbsent)
	_, _, err = c.WriteAnswer(telco.OpRegister, Answer{})
	require.Error(t, err)
	_, _, err = c.WriteAnswer(telco.OpRegister, Answer{Code: "NO_SUCH_ROW"})
	require.Error(t, err)
	_, _, err = c.WriteAnswer(telco.OpRegister, Answer{Code: telco.Success, Data: field.Data{RegisteredAt: time.Unix(0, 0)}})
	require.Error(t, err)
}
