package telco_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fptshop/mobifone-go/internal/transid"
	"github.com/fptshop/mobifone-go/mobifone/telco"
)

var prepared = time.Date(2026, 8, 15, 10, 0, 0, 0, time.UTC)

func fullSend() telco.Handle {
	return telco.Handle{
		SendWindow: telco.SendWindow{
			IDs:        telco.IDs{TransID: "T-0001", PartnerTransID: "TYH6V-85SYP-QWTEF-GX7WM-4BV1E"},
			PreparedAt: prepared, SendBy: prepared.Add(20 * time.Second), LastBy: prepared.Add(time.Hour + 1),
		},
		MSISDN: telco.MustParseMSISDN("0912345678"), Package: "C120", Amount: 120_000,
	}
}

func TestHandleRoundTrip(t *testing.T) {
	t.Parallel()
	bare := telco.Handle{SendWindow: telco.SendWindow{IDs: telco.IDs{PartnerTransID: "P"}}, MSISDN: telco.MustParseMSISDN("0912345678")}
	negative := fullSend()
	negative.Amount, negative.SendBy = -1, time.Unix(-1, 999).UTC()
	for name, s := range map[string]telco.Handle{"full": fullSend(), "bare": bare, "negative": negative} {
		data, err := s.MarshalBinary()
		require.NoError(t, err, name)
		var h telco.Handle
		require.NoError(t, h.UnmarshalBinary(data), name)
		assert.Equal(t, s, h, name)
		again, err := h.MarshalBinary()
		require.NoError(t, err)
		assert.Equal(t, data, again, name)
	}
	here := fullSend()
	here.PreparedAt = prepared.In(time.FixedZone("", 7*60*60))
	data, err := here.MarshalBinary()
	require.NoError(t, err)
	var h telco.Handle
	require.NoError(t, h.UnmarshalBinary(data))
	assert.Equal(t, fullSend(), h, "times come back in UTC")
}

// The first bytes ever written must be read by every later version.
func TestHandleReadsVersion1(t *testing.T) {
	t.Parallel()
	const saved = "4d464844" + "01" +
		"06542d30303031" + "1d54594836562d38355359502d51575445462d475837574d2d3442563145" +
		"0b3834393132333435363738" + "0443313230" + "80d30e" + "01c0e281a80d00" + "01e8e281a80d00" + "01e09a82a80d02"
	body, err := hex.DecodeString(saved)
	require.NoError(t, err)
	sum := sha256.Sum256(body)
	data := append(body, sum[:8]...)
	var h telco.Handle
	require.NoError(t, h.UnmarshalBinary(data))
	assert.Equal(t, fullSend(), h)
	written, err := fullSend().MarshalBinary()
	require.NoError(t, err)
	assert.Equal(t, hex.EncodeToString(data), hex.EncodeToString(written))
}

func TestHandleRefusesAnythingElse(t *testing.T) {
	t.Parallel()
	good, err := fullSend().MarshalBinary()
	require.NoError(t, err)
	resum := func(body []byte) []byte {
		sum := sha256.Sum256(body)
		return append(bytes.Clone(body), sum[:8]...)
	}
	body := good[:len(good)-8]
	bad := map[string][]byte{
		"nil": nil, "empty": {}, "magic alone": good[:4], "longer": append(bytes.Clone(good), 0), "twice": append(bytes.Clone(good), good...),
		"trailing under the sum": resum(append(bytes.Clone(body), 0)), "cut under the sum": resum(body[:len(body)-1]),
		"another version":  resum(append([]byte("MFHD\x02"), body[5:]...)),
		"version 0":        resum(append([]byte("MFHD\x00"), body[5:]...)),
		"no fields":        resum([]byte("MFHD\x01")),
		"number masked":    resum(bytes.Replace(bytes.Clone(body), []byte("84912345678"), []byte("84*****5678"), 1)),
		"number in form 0": resum(bytes.Replace(bytes.Clone(body), []byte("\x0b84912345678"), []byte("\x0a0912345678"), 1)),
		"no number":        resum(bytes.Replace(bytes.Clone(body), []byte("\x0b84912345678"), []byte("\x00"), 1)),
		"long length":      resum(bytes.Replace(bytes.Clone(body), []byte("\x04C120"), []byte("\x84\x00C120"), 1)),
		"huge length":      resum(append([]byte("MFHD\x01"), bytes.Repeat([]byte{0xff}, 9)...)),
		"time flag 2":      resum(bytes.Replace(bytes.Clone(body), []byte("\x80\xd3\x0e\x01"), []byte("\x80\xd3\x0e\x02"), 1)),
	}
	for i := range good {
		bad[fmt.Sprint("cut at ", i)] = good[:i]
		flipped := bytes.Clone(good)
		flipped[i] ^= 1 << (i % 8)
		bad[fmt.Sprint("flipped at ", i)] = flipped
	}
	for name, data := range bad {
		h := fullSend()
		err := h.UnmarshalBinary(data)
		require.Error(t, err, name)
		require.ErrorIs(t, err, telco.InvalidInput, name)
		assert.Equal(t, telco.Unknown, telco.OutcomeOf(err), "bytes that cannot be read say nothing about the registration")
		assert.NotContains(t, err.Error(), "912345678", name)
		assert.Equal(t, fullSend(), h, "%s changed the handle", name)
	}
}

// The checksum is against accidents. Whoever can write where handles are kept can make one
// with another fence: that it is read is what the docs warn of.
func TestHandleIsNoSeal(t *testing.T) {
	t.Parallel()
	good, err := fullSend().MarshalBinary()
	require.NoError(t, err)
	fence, err := hex.DecodeString("01e09a82a80d02") // as TestHandleReadsVersion1 has it
	require.NoError(t, err)
	sendBy, err := hex.DecodeString("01e8e281a80d00")
	require.NoError(t, err)
	require.Equal(t, 1, bytes.Count(good, fence))
	body := bytes.Replace(good[:len(good)-8], fence, sendBy, 1)
	var h telco.Handle
	require.Error(t, h.UnmarshalBinary(append(bytes.Clone(body), good[len(good)-8:]...)), "an accident is found")
	sum := sha256.Sum256(body)
	require.NoError(t, h.UnmarshalBinary(append(body, sum[:8]...)))
	moved := fullSend()
	moved.LastBy = moved.SendBy
	assert.Equal(t, moved, h)
}

func TestHandleThatCannotBeSaved(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*telco.Handle){
		"no id":        func(s *telco.Handle) { s.PartnerTransID = "" },
		"no number":    func(s *telco.Handle) { s.MSISDN = telco.MSISDN{} },
		"endless text": func(s *telco.Handle) { s.TransID = telco.TransID(strings.Repeat("x", 5000)) },
	} {
		s := fullSend()
		change(&s)
		data, err := s.MarshalBinary()
		assert.Equal(t, []string{"handle"}, faultyFields(t, err), name)
		assert.Empty(t, data)
	}
}

func TestHandleHoldsNoReadableJSON(t *testing.T) {
	t.Parallel()
	h := fullSend()
	out, err := json.Marshal(h)
	require.NoError(t, err)
	assert.JSONEq(t, `{"partnerTransId":"TYH6V-85SYP-QWTEF-GX7WM-4BV1E","transId":"T-0001","msisdn":"84*****678","package":"C120","amount":120000}`, string(out))
	require.ErrorIs(t, json.Unmarshal(out, &h), telco.InvalidInput)
	assert.Equal(t, "TYH6V-85SYP-QWTEF-GX7WM-4BV1E T-0001 84*****678 C120 120.000 ₫", fmt.Sprint(h))
}

var writtenID = regexp.MustCompile(`^[0-9A-HJKMNP-TV-Z]{5}(-[0-9A-HJKMNP-TV-Z]{5}){4}$`)

// sampleIDs are derived, random, and one of each symbol value in each place.
func sampleIDs(t *testing.T) []string {
	t.Helper()
	maker := transid.New(telco.NewSecret("key"), "FPT")
	var ids []string
	for n := range 200 {
		id, err := maker.ID("S001", fmt.Sprintf("DH-%06d", n), 1+n%3)
		require.NoError(t, err)
		ids = append(ids, string(id), string(transid.Random()))
	}
	return ids
}

func TestPartnerTransIDForm(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, id := range sampleIDs(t) {
		assert.Regexp(t, writtenID, id)
		assert.Len(t, id, 29)
		got, err := telco.ParsePartnerTransID(id)
		require.NoError(t, err)
		assert.Equal(t, telco.PartnerTransID(id), got)
		assert.True(t, got.IsValid())
		assert.False(t, seen[id], "twice: %s", id)
		seen[id] = true
	}
}

// Every single wrong character, and every swap of two neighbours, of every sample.
func TestPartnerTransIDCatchesEveryTypo(t *testing.T) {
	t.Parallel()
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-"
	valid := func(b []byte) bool { return telco.PartnerTransID(b).IsValid() }
	for _, id := range sampleIDs(t) {
		b := []byte(id)
		for i := range b {
			was := b[i]
			for j := range len(alphabet) {
				if b[i] = alphabet[j]; b[i] != was && valid(b) {
					t.Fatalf("%s is accepted for %s", b, id)
				}
			}
			b[i] = was
		}
		swapped := func(i, j int) {
			if b[i] == b[j] {
				return
			}
			b[i], b[j] = b[j], b[i]
			if valid(b) {
				t.Fatalf("%s is accepted for %s", b, id)
			}
			b[i], b[j] = b[j], b[i]
		}
		for i := range len(b) - 1 {
			swapped(i, i+1)
			if b[i+1] == '-' { // the neighbours of who leaves the dash out
				swapped(i, i+2)
			}
		}
		assert.Equal(t, id, string(b))
	}
}

func TestParsePartnerTransIDIsStrict(t *testing.T) {
	t.Parallel()
	id := sampleIDs(t)[0]
	for _, s := range []string{
		"", " ", "-", id + " ", " " + id, id + "\n", strings.ToLower(id), strings.ReplaceAll(id, "-", ""),
		strings.ReplaceAll(id, "-", " "), strings.ReplaceAll(id, "-", "_"), id[:28], id + "0", id + id, id[:23],
		"00000-00000-00000-00000-0000", strings.Repeat("-", 29), strings.Repeat("0", 29), strings.Repeat("\xff", 29), "0912345678",
	} {
		got, err := telco.ParsePartnerTransID(s)
		require.ErrorIs(t, err, telco.InvalidInput, "%q", s)
		assert.Equal(t, telco.NotSent, telco.OutcomeOf(err))
		assert.Empty(t, got)
		assert.False(t, telco.PartnerTransID(s).IsValid())
	}
	// The check cannot see an id of nothing but zeros; no hash of a sale is one.
	assert.True(t, telco.PartnerTransID("00000-00000-00000-00000-00000").IsValid())
}
