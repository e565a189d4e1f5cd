package mobifone

// This file holds what a client must be told: where MobiFone is, who we are, and the credentials.

import (
	"context"
	"errors"
	"net/http"
	"net/netip"
	"net/url"
	"strings"

	"github.com/fptshop/mobifone-go/internal/text"
	"github.com/fptshop/mobifone-go/mobifone/contract"
	"github.com/fptshop/mobifone-go/mobifone/telco"
)

// Config is what every client needs.
type Config struct {
	// BaseURL is MobiFone's address, https only (http for loopback addresses), without
	// user, query or fragment. The contract's paths are put behind its path. Unless
	// WithHTTPClient brings a transport, it is reached through the proxy that the
	// environment names (HTTPS_PROXY, HTTP_PROXY, NO_PROXY, as net/http reads them);
	// a transport without a Proxy goes straight.
	BaseURL string
	// PartnerCode is our name at MobiFone, 1 to 64 bytes of
	// printable ASCII or letters of the Vietnamese alphabet; it
	// enters every partnerTransId and must never change.
	PartnerCode string
	// Channel is the sales channel every request names, 1 to 32 bytes.
	Channel string
	// Credentials yields our credentials at MobiFone; see [StaticCredentials] for those that stay as
	// they are. It is called before the first call, half a minute before
	// [telco.Credentials.ExpiresAt], and when MobiFone refused what it gave: once for all callers
	// who wait, with a deadline of 10 s. It must be safe for concurrent use, and may be nil only if
	// the contract's authentication scheme is "none".
	Credentials func(ctx context.Context) (telco.Credentials, error)
	// IDKey keys partnerTransIds and fingerprints: at least 16 bytes, the same on every
	// host, for ever. Without it order ids that contain a phone number are refused,
	// because an unkeyed id gives such a number away.
	IDKey telco.Secret
}

// StaticCredentials is the [Config.Credentials] of credentials that stay as they are.
func StaticCredentials(c telco.Credentials) func(context.Context) (telco.Credentials, error) {
	return func(context.Context) (telco.Credentials, error) { return c, nil }
}

// check lists every fault of the configuration at once.
func (c Config) check(with *contract.Contract) (*url.URL, []telco.FieldError) {
	var faults []telco.FieldError
	add := func(field, problem string) {
		faults = append(faults, telco.FieldError{Field: "Config." + field, Problem: problem})
	}
	base, problem := checkBaseURL(c.BaseURL)
	if problem != "" {
		add("BaseURL", problem)
	}
	if c.PartnerCode == "" || len(c.PartnerCode) > 64 {
		add("PartnerCode", "must have 1 to 64 bytes: our name at MobiFone")
	} else {
		if problem := text.CheckID(c.PartnerCode); problem != "" { // the code goes into every id
			add("PartnerCode", problem)
		}
	}
	if c.Channel == "" || len(c.Channel) > 32 {
		add("Channel", "must have 1 to 32 bytes: the sales channel agreed with MobiFone")
	}
	if c.Credentials == nil && with.Scheme() != "none" {
		add("Credentials", "missing; the contract authenticates with "+with.Scheme())
	}
	if n := len(c.IDKey.Reveal()); n > 0 && n < 16 {
		add("IDKey", "shorter than 16 bytes; make it with 32 random bytes")
	}
	return base, faults
}

func checkBaseURL(s string) (*url.URL, string) {
	u, err := url.Parse(s)
	switch {
	case s == "":
		return nil, "missing; give MobiFone's https address"
	case err != nil:
		return nil, "is no URL" // the parser's error repeats the text, which may hold a password
	case u.Scheme != "https" && u.Scheme != "http":
		return nil, "must begin with https://"
	case u.Host == "" || u.Hostname() == "":
		return nil, "names no host"
	case u.User != nil:
		return nil, "must not hold a user or password; pass Credentials"
	case u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		return nil, "must not have a query or a fragment"
	case u.Scheme == "http" && !loopback(u.Hostname()):
		return nil, "must be https; plain http is for loopback addresses only"
	case strings.Contains(u.Path, "..") || u.RawPath != "":
		return nil, "must have a plain path"
	}
	return u, ""
}

// insecure refuses a transport that takes anybody for MobiFone. On loopback it may:
// what answers there is this machine.
func insecure(rt http.RoundTripper, base *url.URL) []telco.FieldError {
	t, own := rt.(*http.Transport)
	if !own || t == nil || t.TLSClientConfig == nil || !t.TLSClientConfig.InsecureSkipVerify ||
		t.TLSClientConfig.VerifyConnection != nil || (base != nil && loopback(base.Hostname())) {
		return nil
	}
	return fault("WithHTTPClient", "does not check MobiFone's certificate (InsecureSkipVerify), so that anybody on the way gets key and OTP; "+
		"put MobiFone's authority into TLSClientConfig.RootCAs, or pin the certificate in VerifyConnection")
}

func loopback(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.IsLoopback()
}

func badConfig(faults []telco.FieldError) error {
	return &telco.Error{
		Outcome: telco.NotSent, Code: telco.InvalidInput, Fields: faults,
		Err: errors.New("the client was not made; no request was sent"),
	}
}
