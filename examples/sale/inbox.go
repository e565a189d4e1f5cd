package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/fptshop/mobifone-go/mobifone/sale"
	"github.com/fptshop/mobifone-go/mobifone/telco"
)

// ask puts a question to the sandbox's own endpoints, which no real MobiFone has.
func (t *till) ask(ctx context.Context, what string, number telco.MSISDN, answer any) error {
	body := fmt.Sprintf(`{"msisdn":%q}`, number.Reveal(telco.Form84))
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, t.at.URL+"/_sandbox/"+what, strings.NewReader(body)) //nolint:gosec // of MobiFone we started
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := (&http.Client{Timeout: 5 * time.Second}).Do(req) //nolint:gosec // of MobiFone we started
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	return json.NewDecoder(resp.Body).Decode(answer)
}

// customerReadsOTP looks where a customer's phone would be.
func (t *till) customerReadsOTP(ctx context.Context, number telco.MSISDN) (telco.OTP, error) {
	if t.at.PID == 0 { // a real phone: somebody reads it out
		fmt.Fprint(t.out, "   OTP: ")
		typed, err := t.in.ReadString('\n')
		if err != nil && typed == "" {
			return telco.OTP{}, fmt.Errorf("no OTP on standard input: %w", err)
		}
		return telco.ParseOTP(typed)
	}
	var inbox []struct {
		OTP string `json:"otp"`
	}
	if err := t.ask(ctx, "inbox", number, &inbox); err != nil {
		return telco.OTP{}, err
	}
	if len(inbox) == 0 {
		return telco.OTP{}, errors.New("no SMS arrived")
	}
	return telco.ParseOTP(inbox[len(inbox)-1].OTP)
}

// countAtPartner shows how often MobiFone registered the sale: what the customer pays.
func (t *till) countAtPartner(ctx context.Context, s sale.Sale) error {
	if t.at.PID == 0 {
		return nil
	}
	var count struct {
		Executed int `json:"executed"`
	}
	if err := t.ask(ctx, "executed", s.Order.MSISDN, &count); err != nil {
		return err
	}
	fmt.Fprintf(t.out, "            MobiFone đã đăng ký %d lần | MobiFone registered it %d time(s)\n", count.Executed, count.Executed)
	return nil
}
