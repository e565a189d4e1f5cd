package telco_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/fptshop/mobifone-go/internal/text"
	"github.com/fptshop/mobifone-go/mobifone/telco"
)

var maskedNumber = regexp.MustCompile(`^84\*{5}\d{3}$`)

func FuzzParseMSISDN(f *testing.F) {
	for _, seed := range []string{
		"", "0912345678", "84912345678", "+84 (0)912 345 678", "0084912345678", "912345678", "841234567", "01201234567", "1201234567",
		"841201234567", "008401201234567", "０９１２３４５６７８", "0912\u00a0345\u202f678", "84*****678", "+", "++84", "\xff", strings.Repeat("0", 40),
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, written string) {
		m, err := telco.ParseMSISDN(written)
		if err != nil {
			if m.IsValid() {
				t.Fatal("an error and a number")
			}
			if e, ok := errors.AsType[*telco.Error](err); !ok || e.Outcome != telco.NotSent || e.Code != telco.InvalidInput {
				t.Fatalf("untyped: %v", err)
			}
			return
		}
		for _, form := range []string{"84", "0", ""} {
			again, err := telco.ParseMSISDN(m.Reveal(form))
			if err != nil || again != m {
				t.Fatalf("prefix %q of %q does not read back", form, written)
			}
		}
		if !maskedNumber.MatchString(m.String()) || !strings.HasSuffix(m.Reveal(""), m.LastThree()) {
			t.Fatalf("masked as %s", m)
		}
		if clean := text.Scrub(written); strings.Contains(clean, m.Reveal("")) {
			t.Fatalf("Scrub leaves %q", clean)
		}
		if _, err := telco.ParseMSISDN(text.Scrub(written)); err == nil {
			t.Fatalf("Scrub leaves a number of %q", written)
		}
	})
}

func FuzzParsePartnerTransID(f *testing.F) {
	for _, seed := range []string{
		"", "TYH6V-85SYP-QWTEF-GX7WM-4BV1E", "ZN8JR-T8BEF-1K36W-9K5WT-7P8EV", "tyh6v-85syp-qwtef-gx7wm-4bv1e",
		"00000-00000-00000-00000-00000", "TYH6V85SYPQWTEFGX7WM4BV1E", "TYH6V-85SYP-QWTEF-GX7WM-4BV1", strings.Repeat("-", 29),
	} {
		f.Add(seed, uint8(3), uint8(7))
	}
	f.Fuzz(func(t *testing.T, s string, at, with uint8) {
		id, err := telco.ParsePartnerTransID(s)
		if (err == nil) != telco.PartnerTransID(s).IsValid() {
			t.Fatal("Parse and IsValid differ")
		}
		if err != nil {
			if id != "" {
				t.Fatal("an error and an id")
			}
			return
		}
		if string(id) != s || !writtenID.MatchString(s) {
			t.Fatalf("%q is accepted", s)
		}
		b := []byte(s)
		if i := int(at) % len(b); b[i] != with {
			b[i] = with
			if telco.PartnerTransID(b).IsValid() {
				t.Fatalf("%q is accepted for %q", b, s)
			}
		}
	})
}

func FuzzHandle(f *testing.F) {
	good, err := fullSend().MarshalBinary()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good, "T", "P", uint32(12345678), int64(120000), int64(0))
	f.Add(good[:20], "", "x", uint32(0), int64(-1), int64(1))
	f.Add([]byte("MFHD\x01"), "", "", uint32(99999999), int64(1)<<62, int64(-1)<<62)
	f.Fuzz(func(t *testing.T, data []byte, transID, id string, number uint32, amount, at int64) {
		var h telco.Handle
		if err := h.UnmarshalBinary(data); err == nil {
			again, err := h.MarshalBinary()
			if err != nil || !bytes.Equal(again, data) {
				t.Fatalf("%x reads as what is written %x (%v)", data, again, err)
			}
		}
		var digits [8]byte
		for i := range digits {
			digits[i] = byte('0' + number%10)
			number /= 10
		}
		m := telco.MustParseMSISDN("09" + string(digits[:]))
		when := time.Unix(at%(1<<40), amount%1_000_000_000).UTC()
		s := telco.Handle{
			SendWindow: telco.SendWindow{IDs: telco.IDs{TransID: telco.TransID(transID), PartnerTransID: telco.PartnerTransID(id)}, PreparedAt: when},
			MSISDN:     m, Amount: telco.VND(amount),
		}
		saved, err := s.MarshalBinary()
		if err != nil {
			return
		}
		var read telco.Handle
		if err := read.UnmarshalBinary(saved); err != nil {
			t.Fatal(err)
		}
		if got := read; got != s {
			t.Fatalf("%+v is read as %+v", s, got)
		}
		// One changed bit is found.
		saved[binary.BigEndian.Uint16(append(bytes.Clone(saved[:1]), saved[len(saved)-1]))%uint16(len(saved))] ^= 1
		if err := read.UnmarshalBinary(saved); err == nil {
			t.Fatal("damaged bytes are read")
		}
	})
}
