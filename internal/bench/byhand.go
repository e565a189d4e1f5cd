package main

// This file does the four operations by hand, as a careful programmer would write them against the default
// contract without an SDK: signed, with a timeout, every field of the answer read and checked. It proves
// nothing about what was sent and repeats nothing, which is what the SDK's cost is compared with.

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// The default contract's layout of times, and the bound of a reply.
const (
	// stampLayout is how the contract writes times.
	stampLayout = "20060102150405"
	// replyMax bounds what is read of an answer.
	replyMax = 1 << 20
)

// hanoi is MobiFone's zone.
var hanoi = time.FixedZone("+07:00", 7*60*60)

// hand does the work by hand.
type hand struct {
	client            *http.Client
	base, key, secret string
}

// newHand makes it for a server and an HTTP client.
func newHand(base string, client *http.Client) hand {
	return hand{client: client, base: base, key: credentials.APIKey.Reveal(), secret: credentials.Secret.Reveal()}
}

// envelope is what is around every answer.
type envelope[T any] struct {
	Code      string `json:"errorCode"`
	Message   string `json:"message"`
	RequestID string `json:"requestId"`
	Time      string `json:"responseTime"`
	Data      T      `json:"data"`
}

// exchange sends one request and reads the data of its answer into out.
func exchange[T any](ctx context.Context, h hand, timeout time.Duration, method, target string, in any, out *T) error {
	// Every call has a deadline, as the SDK's have.
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	var body []byte
	var reader io.Reader
	if in != nil {
		var err error
		if body, err = json.Marshal(in); err != nil {
			return err
		}
		reader = bytes.NewReader(body)
	}
	req, err := http.NewRequestWithContext(ctx, method, h.base+target, reader)
	if err != nil {
		return err
	}
	if in != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	req.Header.Set("Accept", "application/json")
	h.sign(req, target, body)
	resp, err := h.client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	// The reply is bounded, as the SDK's is.
	text, err := io.ReadAll(io.LimitReader(resp.Body, replyMax))
	if err != nil {
		return err
	}
	var answer envelope[T]
	if err := json.Unmarshal(text, &answer); err != nil {
		return err
	}
	// Both the status and the code must say success.
	if resp.StatusCode != http.StatusOK || answer.Code != "0000" {
		return fmt.Errorf("HTTP %d, code %s: %s", resp.StatusCode, answer.Code, answer.Message)
	}
	*out = answer.Data
	return nil
}

// sign sets the headers of the default contract.
func (h hand) sign(req *http.Request, target string, body []byte) {
	// The default contract's timestamp is in milliseconds; nonce and id are 16 random bytes.
	stamp := strconv.FormatInt(time.Now().UnixMilli(), 10)
	nonce, id := randomHex(), randomHex()
	req.Header.Set("Api-Key", h.key)
	req.Header.Set("X-Timestamp", stamp)
	req.Header.Set("X-Nonce", nonce)
	req.Header.Set("X-Request-ID", id)
	req.Header.Set("X-Signature", signature(h.secret, req.Method, target, stamp, nonce, id, body))
}

// signature is what the default contract asks for: a MAC over the parts of the request and the
// hash of the body.
func signature(secret, method, target, stamp, nonce, id string, body []byte) string {
	// The text that is signed has the default contract's parts and separator.
	sum := sha256.Sum256(body)
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(strings.Join([]string{method, target, stamp, nonce, id, hex.EncodeToString(sum[:])}, "|")))
	return hex.EncodeToString(mac.Sum(nil))
}

// randomHex makes a nonce or an id.
func randomHex() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}

// readTime reads a time as the contract writes it; an empty text is the zero time.
func readTime(text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	return time.ParseInLocation(stampLayout, text, hanoi)
}

// otp asks for an OTP and checks every field of the answer.
func (h hand) otp(ctx context.Context, t *ticket) error {
	var data struct {
		TransID   string `json:"transId"`
		ExpiresAt string `json:"otpExpiredAt"`
		TTL       int    `json:"otpTtl"`
		Resend    int    `json:"resendAfter"`
		Length    int    `json:"otpLength"`
		Left      *int   `json:"attemptsLeft"`
	}
	in := struct {
		Number   string `json:"isdn"`
		Shop     string `json:"shopCode"`
		Employee string `json:"employeeCode"`
		Package  string `json:"packageCode"`
	}{t.digits, shop, employee, code}
	if err := exchange(ctx, h, 20*time.Second, http.MethodPost, "/partner/v1/otp", in, &data); err != nil {
		return err
	}
	// The checks are those that the SDK's contender makes on its result.
	expires, err := readTime(data.ExpiresAt)
	if err != nil || data.TransID != t.digits || expires.IsZero() || data.Length != 6 {
		return errAnswer
	}
	return nil
}

// get looks a transaction up.
func (h hand) get(ctx context.Context, t *ticket) error {
	var data struct {
		Transaction struct {
			TransID        string `json:"transId"`
			PartnerTransID string `json:"partnerTransId"`
			Number         string `json:"isdn"`
			Package        string `json:"packageCode"`
			Amount         int64  `json:"amount"`
			Status         string `json:"status"`
			ResultCode     string `json:"resultCode"`
			ResultMessage  string `json:"resultMessage"`
			Shop           string `json:"shopCode"`
			CreatedAt      string `json:"createdAt"`
			UpdatedAt      string `json:"updatedAt"`
		} `json:"transaction"`
	}
	target := "/partner/v1/transaction?" + url.Values{"transId": {t.trans}}.Encode()
	if err := exchange(ctx, h, 10*time.Second, http.MethodGet, target, nil, &data); err != nil {
		return err
	}
	tx := data.Transaction
	created, err := readTime(tx.CreatedAt)
	if err != nil {
		return err
	}
	updated, err := readTime(tx.UpdatedAt)
	if err != nil || tx.TransID != t.trans || tx.Amount != price || tx.Status != "SUCCESS" || updated.Before(created) {
		return errAnswer
	}
	return nil
}

// eligible asks what a number may buy.
func (h hand) eligible(ctx context.Context, t *ticket) error {
	var data struct {
		SubscriberType string `json:"subscriberType"`
		Packages       []struct {
			Code        string `json:"packageCode"`
			Name        string `json:"packageName"`
			Price       int64  `json:"price"`
			CycleDays   int    `json:"cycleDays"`
			ResetDays   int    `json:"resetDays"`
			AutoRenew   *bool  `json:"autoRenew"`
			Description string `json:"description"`
			Eligible    *bool  `json:"eligible"`
			Reason      string `json:"reasonCode"`
		} `json:"packages"`
	}
	in := struct {
		Number   string `json:"isdn"`
		Channel  string `json:"channel"`
		Shop     string `json:"shopCode"`
		Employee string `json:"employeeCode"`
	}{t.digits, "FPTSHOP", shop, employee}
	if err := exchange(ctx, h, 10*time.Second, http.MethodPost, "/partner/v1/packages", in, &data); err != nil {
		return err
	}
	if p := data.Packages; len(p) != 3 || p[2].Description != t.digits || p[0].Price == 0 || p[2].Eligible == nil || !*p[2].Eligible {
		return errAnswer
	}
	return nil
}

// register makes an id and registers.
func (h hand) register(ctx context.Context, t *ticket) error {
	var data struct {
		TransID        string `json:"transId"`
		PartnerTransID string `json:"partnerTransId"`
		Status         string `json:"status"`
		RegisteredAt   string `json:"registeredAt"`
		EffectiveFrom  string `json:"effectiveFrom"`
		ExpiresAt      string `json:"expiredAt"`
		Left           *int   `json:"attemptsLeft"`
	}
	// The id is part of the work: the SDK's contender derives one as well.
	id := handID(shop, t.order, 1)
	in := struct {
		Number         string `json:"isdn"`
		Shop           string `json:"shopCode"`
		Employee       string `json:"employeeCode"`
		POS            string `json:"posCode"`
		Package        string `json:"packageCode"`
		TransID        string `json:"transId"`
		PartnerTransID string `json:"partnerTransId"`
		OTP            string `json:"otp"`
		Amount         int64  `json:"amount"`
	}{t.digits, shop, employee, pos, code, t.trans, id, t.otp.Reveal(), price}
	if err := exchange(ctx, h, 30*time.Second, http.MethodPost, "/partner/v1/register", in, &data); err != nil {
		return err
	}
	for _, text := range []string{data.RegisteredAt, data.EffectiveFrom, data.ExpiresAt} {
		if _, err := readTime(text); err != nil {
			return err
		}
	}
	if data.TransID != t.trans || data.PartnerTransID != id || data.Status != "SUCCESS" || data.ExpiresAt == "" {
		return errAnswer
	}
	return nil
}

// handID derives an id from the sale, each part with its length before it.
func handID(shop, order string, attempt int) string {
	mac := hmac.New(sha256.New, []byte(idKey.Reveal()))
	// The length before each part keeps ("AB", "C") and ("A", "BC") apart.
	for _, part := range []string{"FPT", shop, order} {
		mac.Write([]byte{byte(len(part))})
		mac.Write([]byte(part))
	}
	// The attempt goes into the id, so that a further attempt gets another one.
	mac.Write(binary.BigEndian.AppendUint64(nil, uint64(attempt)))
	return base32.StdEncoding.EncodeToString(mac.Sum(nil)[:15])
}

// contenders are the four operations, in the order of sdk.contenders.
func (h hand) contenders() []*contender {
	return []*contender{
		{name: "by hand: the same as otp.Request", call: h.otp},
		{name: "by hand: the same as transactions.Get", call: h.get},
		{name: "by hand: the same as packages.Eligible", call: h.eligible},
		{name: "by hand: the same as registration.Register", call: h.register},
	}
}
