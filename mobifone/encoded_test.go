package mobifone_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fptshop/mobifone-go/internal/field"
	"github.com/fptshop/mobifone-go/internal/transid"
	"github.com/fptshop/mobifone-go/internal/wire"
	"github.com/fptshop/mobifone-go/internal/wiretest"
	"github.com/fptshop/mobifone-go/mobifone/telco"
)

// A reply that any Content-Encoding line calls encoded is not read, whatever its bytes
// look like: a registration is Unknown then, though the body says success or refusal.
func TestEncodedReplyIsNotRead(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		lines []string
		read  bool
	}{
		"none":                 {nil, true},
		"empty":                {[]string{""}, true},
		"identity":             {[]string{"identity"}, true},
		"identity, loud":       {[]string{"IDENTITY", " identity , "}, true},
		"gzip":                 {[]string{"gzip"}, false},
		"the second line":      {[]string{"identity", "gzip"}, false},
		"behind an empty one":  {[]string{"", "br"}, false},
		"two in one line":      {[]string{"identity, gzip"}, false},
		"twice":                {[]string{"gzip", "gzip"}, false},
		"of nobody's knowing":  {[]string{"x-custom"}, false},
		"begins like identity": {[]string{"identity2"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := wiretest.New(t, finalRefusals(t))
			client := newClient(t, p, quick(1))
			req := toOTP(t, client)
			refused := p.Says(telco.OpRegister, 200, wire.Answer{Code: telco.InvalidISDN})
			for kind, answer := range map[string]wiretest.Handler{"success": p.Registered(), "refusal": refused} {
				p.On(telco.OpRegister, func(w http.ResponseWriter, r *http.Request, f field.Request) {
					if tc.lines != nil {
						w.Header()["Content-Encoding"] = tc.lines
					}
					answer(w, r, f)
				})
				req.PartnerTransID = transid.Random()
				req.TransID = telco.TransID("T-" + kind)
				_, err := client.Registration.Register(t.Context(), req)
				switch {
				case !tc.read:
					assert.Equal(t, telco.Unknown, telco.OutcomeOf(err), "%s: %v", kind, err)
					require.ErrorIs(t, err, telco.ReplyUnreadable)
				case kind == "success":
					require.NoError(t, err)
				default:
					assert.Equal(t, telco.Rejected, telco.OutcomeOf(err), "%v", err)
				}
			}
			offers := p.Offers(120_000)
			p.On(telco.OpEligible, func(w http.ResponseWriter, r *http.Request, f field.Request) {
				if tc.lines != nil {
					w.Header()["Content-Encoding"] = tc.lines
				}
				offers(w, r, f)
			})
			if err := eligible(t.Context(), client); tc.read {
				require.NoError(t, err)
			} else {
				require.ErrorIs(t, err, telco.ReplyUnreadable)
			}
		})
	}
}

// Two lengths of one reply: net/http does not choose, and neither do we.
func TestTwoLengthsAreUnknown(t *testing.T) {
	t.Parallel()
	p := wiretest.New(t, finalRefusals(t))
	client := newClient(t, p, quick(1))
	req := toOTP(t, client)
	success := `{"errorCode":"0000","data":{"transId":"T-1","status":"SUCCESS"}}`
	p.On(telco.OpRegister, wiretest.Hangup("HTTP/1.1 200 OK\r\nContent-Length: 64\r\nContent-Length: 9999\r\n\r\n"+success+strings.Repeat(" ", 99)))
	_, err := client.Registration.Register(t.Context(), req)
	assert.Equal(t, telco.Unknown, telco.OutcomeOf(err), "%v", err)
	assert.Equal(t, 1, p.OnWire(telco.OpRegister))
}
