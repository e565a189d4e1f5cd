// Package mobifone is the client: with it a shop chain sells MobiFone's prepaid
// packages the way the customer paid for them, never twice and never silently lost.
//
//	client, err := mobifone.New(mobifone.Config{
//		BaseURL: "https://mobifone.example", PartnerCode: "FPT", Channel: "SHOP",
//		Credentials: mobifone.StaticCredentials(credentials), IDKey: key,
//	})
//
// The four steps of a sale are four services: [Client.Packages] says what a subscriber
// may buy, [Client.OTP] sends a one-time code, [Client.Registration] registers, and
// [Client.Transactions] looks up what became of it. Every error of theirs is a
// *telco.Error; telco.OutcomeOf and telco.ActionFor turn it into what is known
// and what the teller does.
//
// A client never changes after [New] and is safe for concurrent use; make one per
// MobiFone and share it. Nothing is global, and nothing is read from the environment but
// the proxy that net/http finds there; [WithHTTPClient] says how to go without.
package mobifone
