package main

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fptshop/mobifone-go/mobifone"
	"github.com/fptshop/mobifone-go/mobifone/contract"
	"github.com/fptshop/mobifone-go/mobifone/partner"
	"github.com/fptshop/mobifone-go/mobifone/sale"
	"github.com/fptshop/mobifone-go/mobifone/sandbox"
)

// The simulated edge makes of every code what the real client makes of it, with both
// meanings of a 429; were it otherwise, the loop would prove another protocol.
func TestCodeTableIsTheClients(t *testing.T) {
	t.Parallel()
	for _, limited := range []bool{false, true} {
		served := contract.Default()
		if limited {
			served = limitedContract(served)
		}
		cfg := sandbox.Config{Kind: sandbox.KindC, Contract: served, ResendAfter: -1, OTPPerDay: 1000}
		sb, err := sandbox.New(cfg)
		require.NoError(t, err)
		known := sb.Contract()
		if limited {
			known = limitedContract(known)
		}
		client, err := mobifone.New(mobifone.Config{
			BaseURL: "https://partner.test", Partner: "FPT", Channel: "POS",
			Credentials: mobifone.StaticCredentials(sb.Credentials()), IDKey: partner.NewSecret("an-id-key-of-enough-length"),
		}, mobifone.WithContract(known), mobifone.WithHTTPClient(&http.Client{Transport: sb.RoundTripper()}))
		require.NoError(t, err)
		t.Cleanup(func() { _ = client.Close(context.WithoutCancel(t.Context())) })
		table := newCodeTable(known)
		seen := 0
		for _, rule := range known.Document().Codes {
			if rule.Name == partner.Success {
				continue
			}
			seen++
			id, err := client.NewPartnerTransID("HN001", "D"+string(rule.Name), 1)
			require.NoError(t, err)
			answer := sendAnswered(t, client, sb, id, rule.Name)
			ours := table.result(contract.Answer{Code: rule.Name}, contract.Fields{})
			assert.Equal(t, answer.Outcome, ours.Outcome, "%s, 429 means not executed: %v", rule.Name, limited)
			assert.Equal(t, answer.Refusal, ours.Refusal, "%s, 429 means not executed: %v", rule.Name, limited)
			assert.Equal(t, answer.NotOurs, ours.NotOurs, "%s, 429 means not executed: %v", rule.Name, limited)
			assert.Equal(t, rule.Name, answer.Code)
		}
		assert.Greater(t, seen, 30)
	}
}

// sendAnswered registers through the real client and has the partner answer with a code.
func sendAnswered(t *testing.T, client *mobifone.Client, sb *sandbox.Sandbox, id partner.PartnerTransID, code partner.Code) sale.SendResult {
	t.Helper()
	p := sale.ClientPartner(client)
	o := sale.Order{
		Shop: "HN001", ID: "D", MSISDN: partner.MustParseMSISDN("0770000477"), Package: theOffer, Price: thePrice,
		Staff: partner.Staff{Shop: "HN001", Employee: "NV1"},
	}
	ticket, _, err := p.AskOTP(t.Context(), o, id)
	require.NoError(t, err)
	otp, ok := sb.Code(o.MSISDN)
	require.True(t, ok)
	require.NoError(t, sb.Script(sandbox.Fault{Operation: partner.OpRegister, Kind: sandbox.Override, When: sandbox.Before, Code: code}))
	prepared, err := p.Prepare(t.Context(), sale.Sale{Order: o, Attempt: 1, PartnerTransID: id, Ticket: &ticket}, otp)
	require.NoError(t, err)
	res := prepared.Send(t.Context())
	assert.WithinDuration(t, time.Now(), res.PartnerTime, time.Hour, string(code))
	return res
}

// The simulated clock estimate is never ahead of what the client would allow: both bounds
// hold whatever one of the two clocks does.
func TestPartnerNowIsNeverEarly(t *testing.T) {
	t.Parallel()
	for seed := range uint64(3000) {
		w := &world{dice: dice{seed: seed}, start: time.Unix(1_800_000_000, 0).UTC()}
		h := &host{w: w}
		w.now = w.between(drawClock, 0, time.Hour)
		written := h.read()
		w.now += w.between(drawClock, 0, 5*time.Second)
		said := w.core().Truncate(time.Second)
		w.now += w.between(drawClock, 0, 5*time.Second)
		h.heard(said, written)
		switch w.below(drawClock, 4) {
		case 1:
			h.wallOff += w.between(drawClock, -time.Hour, time.Hour)
		case 2:
			h.monoOff += w.between(drawClock, 0, time.Hour)
			w.now += h.monoOff
		case 3:
			h.frozen = w.now
		}
		w.now += w.between(drawClock, 0, 9*time.Minute)
		earliest, latest, ok := h.partnerNow()
		if !ok {
			continue
		}
		assert.False(t, latest.Before(w.core()), "seed %d: the estimate is %v early", seed, w.core().Sub(latest))
		assert.False(t, earliest.After(w.core()), "seed %d", seed)
	}
}
