package reconcile

// This file is the form that a row has between being read and being compared: a few fixed fields and short
// texts, so that equal rows have equal bytes. Records live in memory and in one temporary file, and never
// longer than the run, so the form may change with any version. A number is one AES block; see the package.
//
//	 0 crc of the key            4 bytes; rows are parted and sorted by it
//	 4 length of the record      2
//	 6 length of the core        2  in a short record: the lower half of its line's hash
//	 8 side                      1  ours, theirs, or a carried mark
//	 9 flags                     1
//	10 state or outcome          1
//	11 source                    1  of a short record: its file, by its number in Run.sources
//	12 time of the row           8  Unix seconds; noTime if there is none
//	20 updated at                8  the same; in a short record: where its line begins, and the upper half of its hash
//	28 hash                      8  of everything that two matching rows have in common, keyed by the run
//	36 amount                    8  in dong
//	44 core: key, other id, package (each one byte of length, then its bytes), number (16)
//	   texts: shop, result code or order, sale id (as above)
//
// Integers are little-endian. The key comes first in the core: it is the partnerTransId, or in the second
// round the transId.
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
	sideMark // no row: ids that Run.Carry was given
)

// The flags of a record.
const (
	// flagWhole: number, package and amount are all there, so that an equal hash proves a match. Of two values
	// that are missing nobody knows whether they are equal.
	flagWhole byte = 1 << iota
	flagRefunded
	// flagCarried: it was still open on an earlier day. Only records of the second round have it.
	flagCarried
	// flagExtra: in the first round its partnerTransId had another registration already.
	flagExtra
	// flagByTransID: the key is the transId, and the partnerTransId is the other id.
	flagByTransID
	// flagShort: the record ends before the core.
	flagShort
)

const (
	headSize   = 44 // of the fixed fields; a short record is no longer
	timesEnd   = 28 // where the two times end, and the hash begins
	numberSize = aes.BlockSize
	offsetBits = 48 // of a line's place in its file: 256 TiB
	// textMax is the longest text in a record, in bytes: its length is one byte.
	textMax = 255
)

// vietnam is the zone of business days and of times without a zone. It has no daylight saving time.
var vietnam = time.FixedZone("+07:00", 7*60*60)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// fields is a row between its source and its record. The texts may point into a buffer that is used
// again, so whoever keeps them has to copy them.
type fields struct {
	side, flags, state      byte
	partnerTransID, transID []byte
	pkg                     []byte
	amount                  int64
	// number is nine digits as an integer; 0 is none.
	number        uint64
	at, updatedAt int64
	// code is the result code of MobiFone's row, or the order of ours.
	shop, code, saleID []byte
	// offset is where the line begins in its file's text, check is the hash of the line. They say something
	// only if source, the number of the file, is not 0.
	offset int64
	check  uint32
	source byte
}

// veil turns numbers into blocks and back, and hashes rows, under keys of the run. Each goroutine has its own,
// for the sake of the buffers; all have the same keys.
type veil struct {
	block     cipher.Block
	seed      maphash.Seed
	keys      [2]uint64 // of mix
	plain, in [numberSize]byte
}

// newVeil makes keys that are kept nowhere else: when the run ends, nobody can read the temporary file.
func newVeil() (*veil, error) {
	var key [32]byte
	_, _ = rand.Read(key[:]) // crypto/rand.Read never fails
	block, err := aes.NewCipher(key[:16])
	keys := [2]uint64{binary.LittleEndian.Uint64(key[16:]), binary.LittleEndian.Uint64(key[24:])}
	return &veil{block: block, seed: maphash.MakeSeed(), keys: keys}, err
}

// another is a veil with the same keys for another goroutine.
func (v *veil) another() *veil { return &veil{block: v.block, seed: v.seed, keys: v.keys} }

// hide writes the block of a number. No number is 0, and has a block too.
func (v *veil) hide(b []byte, number uint64) {
	binary.LittleEndian.PutUint64(v.plain[:], number)
	v.block.Encrypt(b, v.plain[:])
}

// show turns a block back into the number; the zero value if there is none.
func (v *veil) show(block []byte) telco.MSISDN {
	n := v.shown(block)
	if n == 0 {
		return telco.MSISDN{}
	}
	m, err := telco.ParseMSISDN(strconv.FormatUint(n, 10))
	if err != nil {
		return telco.MSISDN{} // does not happen: every number that is hidden was parsed before
	}
	return m
}

// shown is the number of a block as an integer; 0 if there is none.
func (v *veil) shown(block []byte) uint64 {
	v.block.Decrypt(v.in[:], block)
	return binary.LittleEndian.Uint64(v.in[:])
}

// byPartner reports whether a partnerTransId can be the key of a row: whether it has the length and the dashes
// of one of ours. That is cheap, and asked for every row. The check character is asked in [joiner.one], when
// something depends on it.
func byPartner(id []byte) bool {
	return len(id) == text.IDLength && id[5] == '-' && id[11] == '-' && id[17] == '-' && id[23] == '-'
}

// keyOf is the id that a row is grouped by, and the other one: the partnerTransId, or the transId if the
// partnerTransId cannot be a key or the row is on its way to the second round. flags are the row's, with
// flagByTransID in the latter case.
func (f *fields) keyOf() (key, other []byte, flags byte) {
	if f.flags&flagByTransID != 0 || !byPartner(f.partnerTransID) {
		return f.transID, f.partnerTransID, f.flags | flagByTransID
	}
	return f.partnerTransID, f.transID, f.flags
}

// sum is the checksum by which rows are parted and sorted. It is the same in every run, as the order of the
// findings is.
func sum(key []byte) uint32 { return crc32.Checksum(key, castagnoli) }

// appendRecord appends the record of a row: a short one if the row can be read again and is found by its
// partnerTransId. Texts must not be longer than textMax, which [intake.add] has checked.
func (v *veil) appendRecord(b []byte, f *fields) []byte {
	key, other, flags := f.keyOf()
	if f.number != 0 && f.amount != 0 && len(f.pkg) > 0 {
		flags |= flagWhole
	}
	// It is written where it will stay, within the room of the longest one, and cut to its length.
	start := len(b)
	b = slices.Grow(b, recordMax)
	r := b[start : start+recordMax]
	binary.LittleEndian.PutUint32(r, sum(key))
	r[8], r[9], r[10], r[11] = f.side, flags, f.state, 0
	binary.LittleEndian.PutUint64(r[12:], uint64(f.at))
	binary.LittleEndian.PutUint64(r[20:], uint64(f.updatedAt))
	binary.LittleEndian.PutUint64(r[28:], v.hash(f))
	binary.LittleEndian.PutUint64(r[36:], uint64(f.amount))
	// In the second round every record is full, because its rows are few and most of them become findings.
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
	// Both lengths are known only now.
	binary.LittleEndian.PutUint16(r[4:], uint16(n))
	binary.LittleEndian.PutUint16(r[6:], uint16(core))
	b = b[:start+n]
	if len(key) == 0 {
		// A row without an id matches nothing, but many of them must not go to one partition. So its checksum
		// is that of its other values, without the number's block, which is another one in every run.
		s := crc32.Update(sum(b[start+8:start+timesEnd]), castagnoli, b[start+36:start+headSize+core-numberSize])
		binary.LittleEndian.PutUint32(b[start:], crc32.Update(s, castagnoli, b[start+headSize+core:]))
	}
	return b
}

// hash hashes what two matching rows have in common: both ids, package, amount and number. Parts are hashed or
// taken as they are, and mixed under keys of the run. Hashing them in one buffer took four times as long.
func (v *veil) hash(f *fields) uint64 {
	h := v.mix(maphash.Bytes(v.seed, f.partnerTransID), maphash.Bytes(v.seed, f.transID))
	return v.mix(v.mix(h, maphash.Bytes(v.seed, f.pkg)), v.mix(uint64(f.amount), f.number))
}

// mix makes one hash of two by a multiplication to 128 bits.
func (v *veil) mix(a, b uint64) uint64 {
	high, low := bits.Mul64(a^v.keys[0], b^v.keys[1])
	return high ^ low
}

// put writes the length of a text and the text at n, and returns where it ends.
func put(r []byte, n int, s []byte) int {
	r[n] = byte(len(s))
	return n + 1 + copy(r[n+1:], s)
}

// record is the bytes of one row. core, key, number, and what uses them, need a full record.
type record []byte

// recordAt is the record with which b begins.
func recordAt(b []byte) record { return b[:binary.LittleEndian.Uint16(b[4:])] }

// The fixed fields, and the parts of the core; see the table above.
func (r record) crc() uint32 { return binary.LittleEndian.Uint32(r) }

func (r record) core() []byte { return r[headSize : headSize+int(binary.LittleEndian.Uint16(r[6:]))] }
func (r record) side() byte   { return r[8] }
func (r record) flags() byte  { return r[9] }
func (r record) state() byte  { return r[10] }
func (r record) at() int64    { return int64(binary.LittleEndian.Uint64(r[12:])) }
func (r record) key() []byte  { return r[headSize+1 : headSize+1+int(r[headSize])] }

// line says where in the file's text the line of a short record begins, and the line's hash.
func (r record) line() (offset int64, check uint32) {
	at := binary.LittleEndian.Uint64(r[20:])
	return int64(at & (1<<offsetBits - 1)), uint32(at>>offsetBits)<<16 | uint32(binary.LittleEndian.Uint16(r[6:]))
}

func (r record) hash() uint64 { return binary.LittleEndian.Uint64(r[28:]) }

func (r record) amount() telco.VND { return telco.VND(binary.LittleEndian.Uint64(r[36:])) }

// same reports whether two full records are one row that was listed twice. Of the flags only the refund is the
// row's; the others come from rounds and marks, and do not count.
func (r record) same(o record) bool {
	return r.side() == o.side() && (r.flags()^o.flags())&flagRefunded == 0 && bytes.Equal(r[10:], o[10:])
}

// compare orders the full records of one crc: by key, side and content, so that equal rows are neighbours and the
// order is the same in each run. The number is compared as a number, for its block is another one in each run.
func (v *veil) compare(a, b record) int {
	// cmp.Or evaluates all of them. Groups are small, and most are settled before they come here.
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

// fields reads a full record back, without the number. The texts point into the record.
func (r record) fields() fields {
	f := fields{
		side: r.side(), flags: r.flags(), state: r.state(), at: r.at(),
		updatedAt: int64(binary.LittleEndian.Uint64(r[20:])), amount: int64(r.amount()),
	}
	// The texts follow each other in the order in which appendRecord put them.
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

// number is the block of the number, the last part of the core.
func (r record) number() []byte { c := r.core(); return c[len(c)-numberSize:] }

// ours reads a row of ours back from a full record. Its texts are copies.
func (v *veil) ours(r record) Ours {
	f := r.fields()
	return Ours{
		SaleID: string(f.saleID), Shop: string(f.shop), Order: string(f.code), IDs: f.ids(), MSISDN: v.show(r.number()),
		Package: telco.PackageCode(f.pkg), Amount: telco.VND(f.amount), Outcome: telco.Outcome(f.state),
		Refunded: f.flags&flagRefunded != 0, At: moment(f.at),
	}
}

// theirs reads a row of MobiFone's back from a full record. Its texts are copies.
func (v *veil) theirs(r record) telco.Transaction {
	f := r.fields()
	return telco.Transaction{
		TransID: telco.TransID(f.transID), PartnerTransID: telco.PartnerTransID(f.partnerTransID), MSISDN: v.show(r.number()),
		Package: telco.PackageCode(f.pkg), Amount: telco.VND(f.amount), State: telco.State(f.state), WireState: telco.State(f.state).String(),
		WireResultCode: string(f.code), Shop: string(f.shop), CreatedAt: moment(f.at), UpdatedAt: moment(f.updatedAt),
	}
}

// ids are both ids, as copies.
func (f *fields) ids() telco.IDs {
	return telco.IDs{TransID: telco.TransID(f.transID), PartnerTransID: telco.PartnerTransID(f.partnerTransID)}
}

// noTime is the second that means that there is no time. No real time is so early.
const noTime = -1 << 62

// seconds is a time as a record has it.
func seconds(t time.Time) int64 {
	if t.IsZero() {
		return noTime
	}
	return t.Unix()
}

// moment is the time that seconds wrote, at +07:00; zero for noTime.
func moment(s int64) time.Time {
	if s == noTime {
		return time.Time{}
	}
	return time.Unix(s, 0).In(vietnam)
}
