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
