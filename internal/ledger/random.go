package ledger

import (
	"crypto/rand"
	"encoding/base32"
	"encoding/binary"
	"math"
	mathrand "math/rand/v2"

	"github.com/fptshop/mobifone-go/mobifone/telco"
)

// Crypto is the default source: nobody can foretell its codes and ids.
type Crypto struct{}

// Uint64 draws 64 bits.
func (Crypto) Uint64() uint64 {
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails: crypto/rand promises so
	return binary.LittleEndian.Uint64(b[:])
}

// chance draws what the model leaves to chance, all from one source.
type chance struct{ src mathrand.Source }

// code draws a six-digit OTP.
func (c chance) code() uint32 {
	const n = 1_000_000
	for { // no modulo bias: a test of codes would otherwise see it
		if v := c.src.Uint64(); v < math.MaxUint64/n*n {
			return uint32(v % n)
		}
	}
}

// fraction draws from [0, 1).
func (c chance) fraction() float64 { return float64(c.src.Uint64()>>11) / (1 << 53) }

var base32Text = base32.StdEncoding.WithPadding(base32.NoPadding)

// transID makes an id that is unique by its sequence number and cannot be guessed.
func (c chance) transID(seq uint64) telco.TransID {
	var b [10]byte
	binary.BigEndian.PutUint64(b[:8], c.src.Uint64())
	b[0], b[1], b[2], b[3], b[4] = byte(seq>>32), byte(seq>>24), byte(seq>>16), byte(seq>>8), byte(seq)
	return telco.TransID("T" + base32Text.EncodeToString(b[:]))
}

// Token makes an unguessable word of 32 characters.
func Token(src mathrand.Source) string {
	var b [20]byte
	for i := 0; i < len(b); i += 4 {
		binary.BigEndian.PutUint32(b[i:], uint32(src.Uint64()>>32))
	}
	return base32Text.EncodeToString(b[:])
}
