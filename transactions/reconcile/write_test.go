package reconcile

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fptshop/mobifone-go/mobifone/telco"
)

func TestCSV(t *testing.T) {
	t.Parallel()
	o, tx := sold(1)
	o.Order, o.Shop, o.SaleID, tx.Package = `=HYPERLINK("http://x";"y")`, "@shop", "-1+1", "+C"
	all, _ := join(t, Config{}, []Ours{o}, []telco.Transaction{tx})
	require.Len(t, all, 1)
	var out bytes.Buffer
	w := NewCSVWriter(&out)
	require.NoError(t, w.Write(all[0]))
	require.NoError(t, w.Flush())
	text := out.String()
	require.True(t, strings.HasPrefix(text, "\uFEFFLoại,"), "Excel needs the mark")
	rows, err := csv.NewReader(strings.NewReader(strings.TrimPrefix(text, "\uFEFF"))).ReadAll()
	require.NoError(t, err)
	require.Len(t, rows, 2)
	assert.Equal(t, "Lệch", rows[1][0])
	assert.Equal(t, `'=HYPERLINK("http://x";"y")`, rows[1][4])
	for i, cell := range rows[1] {
		assert.NotContains(t, "=+-@", (cell + " ")[:1], rows[0][i])
	}
	assert.NotContains(t, text, o.MSISDN.Reveal(""))
	assert.Contains(t, text, "84*****001")
	assert.Contains(t, text, "package: C120 ≠ +C")

	// What is gone has its ids and nothing else: no amount that nobody knows.
	out.Reset()
	all, _ = join(t, Config{}, nil, nil, telco.IDs{TransID: "T1", PartnerTransID: o.PartnerTransID})
	w = NewCSVWriter(&out)
	require.NoError(t, errors.Join(w.Write(all[0]), w.Flush()))
	assert.Equal(t, "Mã chờ không còn thấy,GONE,,,,T1,"+string(o.PartnerTransID)+",,,,,,,,,,\n", strings.SplitAfter(out.String(), "\n")[1])
	line, err := json.Marshal(all[0])
	require.NoError(t, err)
	assert.JSONEq(t, `{"kind":"GONE","carried":true,"gone":{"transId":"T1","partnerTransId":"`+string(o.PartnerTransID)+`"}}`, string(line))

	// Without a finding there is a header.
	out.Reset()
	require.NoError(t, NewCSVWriter(&out).Flush())
	assert.Equal(t, 1, strings.Count(out.String(), "\n"))
}

func TestJSONAndBack(t *testing.T) {
	t.Parallel()
	open, _ := sold(1)
	open.Outcome = telco.Unknown
	_, pending := sold(2)
	pending.State = telco.StatePending
	only, _ := sold(3)
	all, _ := join(t, Config{}, []Ours{open, only}, []telco.Transaction{pending})
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	for _, f := range all {
		require.NoError(t, encoder.Encode(f))
	}
	assert.Equal(t, 3, strings.Count(out.String(), "\n"), "JSON lines")
	assert.NotContains(t, out.String(), "900000001")
	assert.Contains(t, out.String(), `"subscriber":"84*****001"`)
	assert.Contains(t, out.String(), `"kind":"OURS_ONLY"`)
	var ids []telco.IDs
	for one, err := range stillOpen(&out) {
		require.NoError(t, err)
		ids = append(ids, one)
	}
	assert.ElementsMatch(t, []telco.IDs{open.IDs, {TransID: "T2", PartnerTransID: pending.PartnerTransID}}, ids)
	// What cannot be read is told once and ends it, and a caller may stop before it.
	open.Outcome = telco.Unknown
	line, err := json.Marshal(Finding{Kind: StillOpen, Ours: &open})
	require.NoError(t, err)
	bad := string(line) + "\n" + `{"kind":"NONE"}` + "\n" + string(line)
	var told []string
	for one, err := range stillOpen(strings.NewReader(bad)) {
		if told = append(told, fmt.Sprint(one, " ", err)); len(told) > 2 {
			break
		}
	}
	assert.Equal(t, []string{fmt.Sprint(open.IDs, " <nil>"), fmt.Sprint(telco.IDs{}, ` finding 2: reconcile: no category "NONE"`)}, told)
	for one, err := range stillOpen(strings.NewReader(bad)) {
		require.NoError(t, err)
		assert.Equal(t, open.IDs, one)
		break
	}
}

// TestAFindingPrintsNoNumber under any verb.
func TestAFindingPrintsNoNumber(t *testing.T) {
	t.Parallel()
	o, tx := sold(1)
	tx.Amount = 1
	all, _ := join(t, Config{}, []Ours{o}, []telco.Transaction{tx})
	require.Equal(t, o.MSISDN, all[0].Ours.MSISDN, "it has the number")
	for _, verb := range []string{"%v", "%+v", "%#v"} {
		assert.NotContains(t, fmt.Sprintf(verb, all[0])+fmt.Sprintf(verb, *all[0].Ours)+fmt.Sprintf(verb, *all[0].Theirs), "900000001")
	}
}

func TestNames(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	assert.NotContains(t, Kinds(), Gone, "no category of a row")
	for _, k := range append(Kinds(), Gone) {
		text, err := k.MarshalText()
		require.NoError(t, err)
		var back Kind
		require.NoError(t, back.UnmarshalText(text))
		assert.Equal(t, k, back)
		assert.False(t, seen[k.Vietnamese()])
		seen[k.Vietnamese()] = true
	}
	assert.Len(t, seen, 11)
	assert.Equal(t, "Kind(12)", Kind(12).String())
	assert.Equal(t, "Kind(12)", Kind(12).Vietnamese())
	for want, o := range map[string]Ours{
		"UNDECIDED": {}, "REGISTERED": {Outcome: telco.Succeeded}, "NOT_REGISTERED": {Outcome: telco.Rejected},
		"REFUNDED": {Outcome: telco.Succeeded, Refunded: true},
	} {
		assert.Equal(t, want, o.State())
	}
	assert.Equal(t, "NOT_REGISTERED", (&Ours{Outcome: telco.NotSent}).State())
	assert.Equal(t, "UNDECIDED", (&Ours{Outcome: 4}).State())
	var k Kind
	require.Error(t, k.UnmarshalText(nil))
	assert.Len(t, []rune(plain), len([]rune(marked)))
}
