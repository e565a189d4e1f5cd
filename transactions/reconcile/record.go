package reconcile

// This file holds the form of a row between being read and being compared: a few fixed fields and
// short texts, so that equal rows have equal bytes. A number is one AES block; see the package.
//
//	0  crc of the key           4 bytes, where the row is sorted
//	4  length of the record     2
//	6  length of the core       2  the ids, the package and the number; or the lower half of a short record's line's hash
//	8  side                     1  ours, theirs, or a carried mark
//	9  flags                    1
//	10 state or outcome        1
//	11 source                   1  which file a short record is from
//	12 time of the row, seconds 8
//	20 updated at, seconds      8  or where in its file a short record's line begins, and the upper half of its hash
//	28 hash                     8  of what two matching rows have in common, keyed by the run
//	36 amount                   8
//	44 core: key, other id, package (each a length and its bytes), number 16
//	   texts: shop, result code or order, sale id
//
// The key comes first in the core: partnerTransId, or in the second round transId.
//
// A row of a file that can be read again has a short record, which ends before the core. Most rows
// match, and for those the hash is enough; the lines of the others are read again.

import (
	"bytes"
	"cmp"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/binary"
	"hash/crc32"
	"hash/maphash"
	"math/bits"
	"slices"
	"strconv"
	"time"

	"github.com/fptshop/mobifone-go/internal/text"
	"github.com/fptshop/mobifone-go/mobifone/telco"
)

// The sides of a record, in the order in which they are sorted.
const (
	sideOurs byte = iota
	sideTheirs
	sideMark
)

// The flags of a record.
const (
	// flagWhole: number, package and amount are all there, so that equal bytes prove equality.
	flagWhole byte = 1 << iota
	flagRefunded
	// flagCarried: it was still open on an earlier day.
	flagCarried
	// flagExtra: the first round found it one registration too many.
	flagExtra
	// flagByTransID: the key is the transId, and the partnerTransId is the other id.
	flagByTransID
	// flagShort: the record ends before the core.
	flagShort
)

const (
	headSize   = 44
	timesEnd   = 28 // where the times end
	numberSize = aes.BlockSize
	offsetBits = 48 // of where a short record's line begins
	// textMax is the longest text in a record.
	textMax = 255
)

// vietnam is where a business day begins and ends.
var vietnam = time.FixedZone("+07:00", 7*60*60)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// fields is a row as it was read, before it is a record. The texts may point into a buffer that
// is used again.
type fields struct {
	side, flags, state      byte
	partnerTransID, transID []byte
	pkg                     []byte
	amount                  int64
	number                  uint64 // nine digits; 0: none
	at, updatedAt           int64
	shop, code, saleID      []byte // code is the result code, or the order
	// offset is where the line begins in its file, check the hash of the line; they count if source
	// is not 0.
	offset int64
	check  uint32
	source byte
}

// veil turns numbers into blocks and back. Each goroutine has its own.
type veil struct {
	block     cipher.Block
	seed      maphash.Seed
	keys      [2]uint64 // of mix
	plain, in [numberSize]byte
}

// newVeil makes a key that nobody keeps.
func newVeil() (*veil, error) {
	var key [32]byte
	_, _ = rand.Read(key[:]) // crypto/rand.Read never fails
	block, err := aes.NewCipher(key[:16])
	keys := [2]uint64{binary.LittleEndian.Uint64(key[16:]), binary.LittleEndian.Uint64(key[24:])}
	return &veil{block: block, seed: maphash.MakeSeed(), keys: keys}, err
}

// another is the same key for another goroutine.
func (v *veil) another() *veil { return &veil{block: v.block, seed: v.seed, keys: v.keys} }

// hide writes the block of a number; 0 when there is none.
func (v *veil) hide(b []byte, number uint64) {
	binary.LittleEndian.PutUint64(v.plain[:], number)
	v.block.Encrypt(b, v.plain[:])
}

// show turns a block back into the number; the zero value when there is none.
func (v *veil) show(block []byte) telco.MSISDN {
	n := v.shown(block)
	if n == 0 {
		return telco.MSISDN{}
	}
	m, err := telco.ParseMSISDN(strconv.FormatUint(n, 10))
	if err != nil {
		return telco.MSISDN{} // no number is hidden that cannot be parsed
	}
	return m
}

// shown is the number as an integer.
func (v *veil) shown(block []byte) uint64 {
	v.block.Decrypt(v.in[:], block)
	return binary.LittleEndian.Uint64(v.in[:])
}

// byPartner reports whether a partnerTransId can be the key of a row: whether it has the outer
// form of one of ours. Whether its check character is right is looked at when it matters.
func byPartner(id []byte) bool {
	return len(id) == text.IDLength && id[5] == '-' && id[11] == '-' && id[17] == '-' && id[23] == '-'
}

// keyOf is the id that a row is found by: the partnerTransId, or where that cannot be one the
// transId. other is the other one.
func (f *fields) keyOf() (key, other []byte, flags byte) {
	if f.flags&flagByTransID != 0 || !byPartner(f.partnerTransID) {
		return f.transID, f.partnerTransID, f.flags | flagByTransID
	}
	return f.partnerTransID, f.transID, f.flags
}

// sum is the checksum by which rows are parted and sorted.
func sum(key []byte) uint32 { return crc32.Checksum(key, castagnoli) }

// appendRecord appends the record of a row. Texts must not be longer than textMax.
func (v *veil) appendRecord(b []byte, f *fields) []byte {
	key, other, flags := f.keyOf()
	if f.number != 0 && f.amount != 0 && len(f.pkg) > 0 {
		flags |= flagWhole
	}
	start := len(b)
	b = slices.Grow(b, recordMax)
	r := b[start : start+recordMax]
	binary.LittleEndian.PutUint32(r, sum(key))
	r[8], r[9], r[10], r[11] = f.side, flags, f.state, 0
	binary.LittleEndian.PutUint64(r[12:], uint64(f.at))
	binary.LittleEndian.PutUint64(r[20:], uint64(f.updatedAt))
	binary.LittleEndian.PutUint64(r[28:], v.hash(f))
	binary.LittleEndian.PutUint64(r[36:], uint64(f.amount))
	if f.source != 0 && flags&flagByTransID == 0 {
		r[9], r[11] = flags|flagShort, f.source
		binary.LittleEndian.PutUint64(r[20:], uint64(f.offset)|uint64(f.check>>16)<<offsetBits)
		binary.LittleEndian.PutUint16(r[4:], headSize)
		binary.LittleEndian.PutUint16(r[6:], uint16(f.check))
		return b[:start+headSize]
	}
	n := put(r, headSize, key)
	n = put(r, n, other)
	n = put(r, n, f.pkg)
	v.hide(r[n:n+numberSize], f.number)
	n += numberSize
	core := n - headSize
	n = put(r, n, f.shop)
	n = put(r, n, f.code)
	n = put(r, n, f.saleID)
	binary.LittleEndian.PutUint16(r[4:], uint16(n))
	binary.LittleEndian.PutUint16(r[6:], uint16(core))
	b = b[:start+n]
	if len(key) == 0 {
		// A row without an id has no partner, so anything spreads such rows that is the same in
		// every run: not the number's block.
		s := crc32.Update(sum(b[start+8:start+timesEnd]), castagnoli, b[start+36:start+headSize+core-numberSize])
		binary.LittleEndian.PutUint32(b[start:], crc32.Update(s, castagnoli, b[start+headSize+core:]))
	}
	return b
}

// hash is of what two matching rows have in common: the hashes of the ids and of the package, and the
// other values, multiplied under a key of the run. Hashing them in one buffer took four times as long.
func (v *veil) hash(f *fields) uint64 {
	h := v.mix(maphash.Bytes(v.seed, f.partnerTransID), maphash.Bytes(v.seed, f.transID))
	return v.mix(v.mix(h, maphash.Bytes(v.seed, f.pkg)), v.mix(uint64(f.amount), f.number))
}

// mix makes one hash of two.
func (v *veil) mix(a, b uint64) uint64 {
	high, low := bits.Mul64(a^v.keys[0], b^v.keys[1])
	return high ^ low
}

// put writes a text and its length at n, and returns where it ends.
func put(r []byte, n int, s []byte) int {
	r[n] = byte(len(s))
	return n + 1 + copy(r[n+1:], s)
}

// record is the bytes of one row.
type record []byte

// recordAt cuts the record that begins there.
func recordAt(b []byte) record { return b[:binary.LittleEndian.Uint16(b[4:])] }

func (r record) crc() uint32  { return binary.LittleEndian.Uint32(r) }
func (r record) core() []byte { return r[headSize : headSize+int(binary.LittleEndian.Uint16(r[6:]))] }
func (r record) side() byte   { return r[8] }
func (r record) flags() byte  { return r[9] }
func (r record) state() byte  { return r[10] }
func (r record) at() int64    { return int64(binary.LittleEndian.Uint64(r[12:])) }
func (r record) key() []byte  { return r[headSize+1 : headSize+1+int(r[headSize])] }

// line is where in its file the line of a short record begins, and the line's hash.
func (r record) line() (offset int64, check uint32) {
	at := binary.LittleEndian.Uint64(r[20:])
	return int64(at & (1<<offsetBits - 1)), uint32(at>>offsetBits)<<16 | uint32(binary.LittleEndian.Uint16(r[6:]))
}

func (r record) hash() uint64 { return binary.LittleEndian.Uint64(r[28:]) }

func (r record) amount() telco.VND { return telco.VND(binary.LittleEndian.Uint64(r[36:])) }

// same reports whether two full records are one row, listed twice; flags that a round added do not count.
func (r record) same(o record) bool {
	return r.side() == o.side() && (r.flags()^o.flags())&flagRefunded == 0 && bytes.Equal(r[10:], o[10:])
}

// compare orders the full records of one crc: by key, side and content. The number comes last, as a
// number: its block is another one in each run.
func (v *veil) compare(a, b record) int {
	an, bn := a.number(), b.number()
	return cmp.Or(
		bytes.Compare(a.key(), b.key()),
		cmp.Compare(a.side(), b.side()),
		bytes.Compare(a.core()[:len(a.core())-numberSize], b.core()[:len(b.core())-numberSize]),
		cmp.Compare(a.amount(), b.amount()),
		bytes.Compare(a[10:timesEnd], b[10:timesEnd]),
		bytes.Compare(a[headSize+len(a.core()):], b[headSize+len(b.core()):]),
		cmp.Compare(v.shown(an), v.shown(bn)),
		cmp.Compare(a.flags(), b.flags()),
	)
}

// fields reads the record back; the texts point into it.
func (r record) fields() fields {
	f := fields{
		side: r.side(), flags: r.flags(), state: r.state(), at: r.at(),
		updatedAt: int64(binary.LittleEndian.Uint64(r[20:])), amount: int64(r.amount()),
	}
	rest := []byte(r[headSize:])
	cut := func() []byte {
		s := rest[1 : 1+int(rest[0])]
		rest = rest[1+len(s):]
		return s
	}
	key, other := cut(), cut()
	f.partnerTransID, f.transID = key, other
	if f.flags&flagByTransID != 0 {
		f.partnerTransID, f.transID = other, key
	}
	f.pkg = cut()
	rest = rest[numberSize:]
	f.shop, f.code, f.saleID = cut(), cut(), cut()
	return f
}

// number is the block of the number.
func (r record) number() []byte { c := r.core(); return c[len(c)-numberSize:] }

// ours reads a row of ours back.
func (v *veil) ours(r record) Ours {
	f := r.fields()
	return Ours{
		SaleID: string(f.saleID), Shop: string(f.shop), Order: string(f.code), IDs: f.ids(), MSISDN: v.show(r.number()),
		Package: telco.PackageCode(f.pkg), Amount: telco.VND(f.amount), Outcome: telco.Outcome(f.state),
		Refunded: f.flags&flagRefunded != 0, At: moment(f.at),
	}
}

// theirs reads a row of MobiFone's back.
func (v *veil) theirs(r record) telco.Transaction {
	f := r.fields()
	return telco.Transaction{
		TransID: telco.TransID(f.transID), PartnerTransID: telco.PartnerTransID(f.partnerTransID), MSISDN: v.show(r.number()),
		Package: telco.PackageCode(f.pkg), Amount: telco.VND(f.amount), State: telco.State(f.state), WireState: telco.State(f.state).String(),
		WireResultCode: string(f.code), Shop: string(f.shop), CreatedAt: moment(f.at), UpdatedAt: moment(f.updatedAt),
	}
}

func (f *fields) ids() telco.IDs {
	return telco.IDs{TransID: telco.TransID(f.transID), PartnerTransID: telco.PartnerTransID(f.partnerTransID)}
}

// noTime is the second that stands for no time.
const noTime = -1 << 62

// seconds is a time in a record.
func seconds(t time.Time) int64 {
	if t.IsZero() {
		return noTime
	}
	return t.Unix()
}

// moment is the time that seconds wrote.
func moment(s int64) time.Time {
	if s == noTime {
		return time.Time{}
	}
	return time.Unix(s, 0).In(vietnam)
}
