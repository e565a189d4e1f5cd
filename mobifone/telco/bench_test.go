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
		_ = m.Reveal(telco.Form84)
	}
}

func BenchmarkPartnerTransID(b *testing.B) {
	maker := telco.NewIDMaker(telco.NewSecret("a key of the length of a real one"), "FPT")
	b.Run("ID", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			_, _ = maker.ID("SHOP001", "DH-0000012345", 1)
		}
	})
	b.Run("Append", func(b *testing.B) {
		b.ReportAllocs()
		buf := make([]byte, 0, 64)
		for b.Loop() {
			_, _ = maker.Append(buf, "SHOP001", "DH-0000012345", 1)
		}
	})
	b.Run("parallel", func(b *testing.B) {
		b.ReportAllocs()
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				_, _ = maker.ID("SHOP001", "DH-0000012345", 1)
			}
		})
	})
	b.Run("Derive", func(b *testing.B) {
		b.ReportAllocs()
		key := telco.NewSecret("a key of the length of a real one")
		for b.Loop() {
			_, _ = telco.DerivePartnerTransID(key, "FPT", "SHOP001", "DH-0000012345", 1)
		}
	})
	b.Run("Parse", func(b *testing.B) {
		b.ReportAllocs()
		id := string(telco.RandomPartnerTransID())
		for b.Loop() {
			_, _ = telco.ParsePartnerTransID(id)
		}
	})
	b.Run("Random", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			_ = telco.RandomPartnerTransID()
		}
	})
}
