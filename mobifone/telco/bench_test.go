package telco_test

import (
	"testing"

	"github.com/fptshop/mobifone-go/mobifone/telco"
)

func BenchmarkParseMSISDN(b *testing.B) {
	for name, written := range map[string]string{
		"national": "0912345678", "spaced": "+84 912 345 678", "old": "01201234567", "full-width": "０９１２３４５６７８",
	} {
		b.Run(name, func(b *testing.B) {
			kept := telco.MustParseMSISDN(written) // keeps the number known, as a sale in progress does
			b.ReportAllocs()
			for b.Loop() {
				if m, _ := telco.ParseMSISDN(written); m != kept {
					b.Fatal("another number")
				}
			}
		})
	}
}

func BenchmarkParseMSISDNFirstSight(b *testing.B) {
	b.ReportAllocs()
	buf := []byte("0900000000")
	for b.Loop() {
		for i := len(buf) - 1; i > 1; i-- {
			if buf[i]++; buf[i] <= '9' {
				break
			}
			buf[i] = '0'
		}
		if _, err := telco.ParseMSISDN(string(buf)); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkMSISDNReveal(b *testing.B) {
	m := telco.MustParseMSISDN("0912345678")
	b.ReportAllocs()
	for b.Loop() {
		_ = m.Reveal("84")
	}
}
