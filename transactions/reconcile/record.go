package reconcile

// This file holds the form of a row between being read and being compared: a few fixed fields and
// short texts, so that equal rows have equal bytes. A number is one AES block; see the package.
//
//	0  crc of the key           4 bytes, where the row is sorted
//	4  length of the record     2
//	6  length of the core       2  the part that two matching rows have in common
//	8  side                     1  ours, theirs, or a carried mark
//	9  flags                    1
//	10 state or standing        1
//	11 a zero                   1
//	12 time of the row, seconds 8
//	20 updated at, seconds      8
//	28 core: key, other id, package (each a length and its bytes), amount 8, number 16
//	   texts: shop, result code or order, sale id
//
// The key comes first in the core: partnerTransId, or in the second round transId.

import (
	"bytes"
	"cmp"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/binary"
	"hash/crc32"
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
)

const (
	headSize   = 28
	numberSize = aes.BlockSize
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
}

// veil turns numbers into blocks and back. Each goroutine has its own.
type veil struct {
	block     cipher.Block
	plain, in [numberSize]byte
}

// newVeil makes a key that nobody keeps.
func newVeil() (*veil, error) {
	var key [16]byte
	_, _ = rand.Read(key[:]) // crypto/rand.Read never fails
	block, err := aes.NewCipher(key[:])
	return &veil{block: block}, err
}

// another is the same key for another goroutine.
func (v *veil) another() *veil { return &veil{block: v.block} }

// hide appends the block of a number; zeros when there is none.
func (v *veil) hide(b []byte, number uint64) []byte {
	if number == 0 {
		return append(b, make([]byte, numberSize)...)
	}
	binary.LittleEndian.PutUint64(v.plain[:], number)
	v.block.Encrypt(v.in[:], v.plain[:])
	return append(b, v.in[:]...)
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
	if [numberSize]byte(block) == ([numberSize]byte{}) {
		return 0
	}
	v.block.Decrypt(v.in[:], block)
	return binary.LittleEndian.Uint64(v.in[:])
}

// byPartner reports whether a partnerTransId can be the key of a row: whether it has the outer
// form of one of ours. Whether its check character is right is looked at when it matters.
func byPartner(id []byte) bool {
	return len(id) == text.IDLength && id[5] == '-' && id[11] == '-' && id[17] == '-' && id[23] == '-'
}

// appendRecord appends the record of a row. Texts must not be longer than textMax.
func (v *veil) appendRecord(b []byte, f *fields) []byte {
	key, other, flags := f.partnerTransID, f.transID, f.flags
	if flags&flagByTransID != 0 || !byPartner(key) {
		key, other = other, key
		flags |= flagByTransID
	}
	if f.number != 0 && f.amount != 0 && len(f.pkg) > 0 {
		flags |= flagWhole
	}
	start := len(b)
	var head [headSize]byte
	head[8], head[9], head[10] = f.side, flags, f.state
	binary.LittleEndian.PutUint64(head[12:], uint64(f.at))
	binary.LittleEndian.PutUint64(head[20:], uint64(f.updatedAt))
	b = append(b, head[:]...)
	b = appendText(b, key)
	b = appendText(b, other)
	b = appendText(b, f.pkg)
	b = binary.LittleEndian.AppendUint64(b, uint64(f.amount))
	b = v.hide(b, f.number)
	core := len(b) - start - headSize
	binary.LittleEndian.PutUint16(b[start+6:], uint16(core))
	b = appendText(b, f.shop)
	b = appendText(b, f.code)
	b = appendText(b, f.saleID)
	binary.LittleEndian.PutUint16(b[start+4:], uint16(len(b)-start))
	sum := crc32.Checksum(key, castagnoli)
	if len(key) == 0 {
		// A row without an id has no partner, so anything spreads such rows that is the same in
		// every run: not the number's block.
		sum = crc32.Checksum(b[start+8:start+headSize+core-numberSize], castagnoli)
		sum = crc32.Update(sum, castagnoli, b[start+headSize+core:])
	}
	binary.LittleEndian.PutUint32(b[start:], sum)
	return b
}

func appendText(b, s []byte) []byte { return append(append(b, byte(len(s))), s...) }

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

// amount stands before the number at the end of the core.
func (r record) amount() telco.VND {
	c := r.core()
	return telco.VND(binary.LittleEndian.Uint64(c[len(c)-numberSize-8:]))
}

// content is a row but for its key's crc, lengths, side and flags.
func (r record) content() []byte { return r[10:] }

// same reports whether two records are one row, listed twice; flags that a round added do not count.
func (r record) same(o record) bool {
	return r.side() == o.side() && (r.flags()^o.flags())&flagRefunded == 0 && bytes.Equal(r.content(), o.content())
}

// compare orders the records of one crc: by key, side and content. The number comes last, as a
// number: its block is another one in each run.
func (v *veil) compare(a, b record) int {
	an, bn := a.number(), b.number()
	return cmp.Or(
		bytes.Compare(a.key(), b.key()),
		cmp.Compare(a.side(), b.side()),
		bytes.Compare(a.core()[:len(a.core())-numberSize], b.core()[:len(b.core())-numberSize]),
		bytes.Compare(a[10:headSize], b[10:headSize]),
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
	rest = rest[8+numberSize:]
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
		Package: telco.PackageCode(f.pkg), Amount: telco.VND(f.amount), Standing: Standing(f.state),
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
