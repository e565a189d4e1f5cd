package main

// This file chooses the language. Each sentence is written twice where it is said, so that
// whoever changes one sees the other.

import (
	"strings"

	"github.com/fptshop/mobifone-go/mobifone/sale"
	"github.com/fptshop/mobifone-go/mobifone/telco"
)

// english says that English was chosen; Vietnamese otherwise.
func english(args []string, env map[string]string) (bool, error) {
	// The help is written before flags are read, so --lang is looked for by hand.
	for i, arg := range args {
		value, found := strings.CutPrefix(arg, "--lang=")
		if arg == "--lang" && i+1 < len(args) {
			value, found = args[i+1], true
		}
		if arg == "--" {
			break
		}
		if !found {
			continue
		}
		switch value {
		case "en":
			return true, nil
		case "vi":
			return false, nil
		default:
			return false, &failure{what: "--lang " + value, todo: "--lang vi | --lang en", code: exitUsage}
		}
	}
	// The order is that of POSIX: the first one that is set counts.
	for _, name := range []string{"LC_ALL", "LC_MESSAGES", "LANG"} {
		if value := env[name]; value != "" {
			return strings.HasPrefix(value, "en"), nil
		}
	}
	return false, nil
}

// t is the sentence in the language chosen.
func (a *app) t(vi, en string) string {
	if a.english {
		return en
	}
	return vi
}

// text is a sentence of the SDK's in the language chosen.
func (a *app) text(t telco.Text) string { return a.t(t.VI, t.EN) }

// stateWords are the states of a sale in the shop's words.
var stateWords = map[sale.State]telco.Text{
	sale.Open:        {VI: "Mới mở", EN: "Open"},
	sale.Paid:        {VI: "Đã thu tiền", EN: "Paid"},
	sale.OTPSent:     {VI: "Đã gửi OTP", EN: "OTP sent"},
	sale.Registering: {VI: "Đang đăng ký", EN: "Registering"},
	sale.Resolving:   {VI: "Đang kiểm tra", EN: "Resolving"},
	sale.Registered:  {VI: "Đã đăng ký", EN: "Registered"},
	sale.RefundDue:   {VI: "Phải hoàn tiền", EN: "Refund due"},
	sale.Refunding:   {VI: "Đang hoàn tiền", EN: "Refunding"},
	sale.Refunded:    {VI: "Đã hoàn tiền", EN: "Refunded"},
	sale.Review:      {VI: "Chờ quyết định", EN: "Review"},
	sale.Cancelled:   {VI: "Đã hủy", EN: "Cancelled"},
	sale.Closed:      {VI: "Đã đóng", EN: "Closed"},
}

// state is a state in the language chosen, coloured by how urgent it is.
func (a *app) state(s sale.State) string {
	word := a.text(stateWords[s])
	switch s {
	case sale.Registered, sale.Refunded:
		return a.green.on(word)
	case sale.Review, sale.RefundDue, sale.Refunding:
		return a.red.on(word)
	case sale.Resolving, sale.Registering:
		return a.yellow.on(word)
	default:
		return word
	}
}
