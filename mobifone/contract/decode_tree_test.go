package contract

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// plain turns a tree into what encoding/json would give with UseNumber.
func (t tree) plain(i int32) any {
	switch n := t[i]; n.kind {
	case kindFalse, kindTrue:
		return n.kind == kindTrue
	case kindNumber:
		return json.Number(n.text)
	case kindString:
		return n.text
	case kindObject:
		m := map[string]any{}
		for c := n.first; c != none; c = t[c].next {
			m[t[c].key] = t.plain(c)
		}
		return m
	case kindArray:
		l := []any{}
		for c := n.first; c != none; c = t[c].next {
			l = append(l, t.plain(c))
		}
		return l
	}
	return nil
}

// agreesWithStandardLibrary holds the own parser against encoding/json: what it takes
// is JSON and means the same.
func agreesWithStandardLibrary(t *testing.T, body []byte) {
	t.Helper()
	nodes, fault := parseReply(body)
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	var want map[string]any
	err := d.Decode(&want)
	if fault == nil {
		require.NoError(t, err)
		require.Equal(t, want, nodes.plain(0))
		return
	}
	if !json.Valid(body) {
		return
	}
	// It may refuse JSON only for what it promises to refuse.
	for _, reason := range []string{"not a JSON object", "a key twice", "not UTF-8", "nested too deep", "an escape that is none", "too many values"} {
		if strings.HasPrefix(fault.Problem, reason) {
			return
		}
	}
	t.Fatalf("refused valid JSON: %s", fault.Problem)
}

var treeSeeds = []string{
	registered, `{}`, ` { } `, `{"a":[]}`, `{"a":[1,-0,0.5,1e9,1E+2,1e-2,-12.50]}`, `{"a":{"b":{"c":[true,false,null]}}}`,
	`{"":""}`, `{"a":"\"\\\/\b\f\n\r\t\u00e9"}`, `{"a":"\ud83d\ude00"}`, `{"a":"ạ\u1ea1"}`, `{"a":01}`, `{"a":-}`, `{"a":1.}`, `{"a":.5}`,
	`{"a":1e}`, `{"a":+1}`, `{"a":0x1}`, `{"a":tru}`, `{"a":nul`, `{"a"1}`, `{"a":1 "b":2}`, `{a:1}`, `{"a":1,}`, `{"a":[1,]}`, `{"a":[1`,
	`{"a":"\x"}`, `{"a":"\u12"}`, "{\"a\":\"\x00\"}", "{\"a\":1}\x00", `{"a":"\ud800"}`, `{"a":1,"a":2}`, `null`, `[]`, `0`, ``,
}

func TestParseReplyAgreesWithTheStandardLibrary(t *testing.T) {
	t.Parallel()
	for _, seed := range treeSeeds {
		agreesWithStandardLibrary(t, []byte(seed))
	}
}

func FuzzParseReply(f *testing.F) {
	for _, seed := range treeSeeds {
		f.Add([]byte(seed))
	}
	f.Fuzz(agreesWithStandardLibrary)
}

func TestParseReplyBounds(t *testing.T) {
	t.Parallel()
	deep := func(n int) []byte {
		return []byte(strings.Repeat(`{"a":`, n-1) + "{}" + strings.Repeat("}", n-1))
	}
	_, fault := parseReply(deep(depthMax))
	assert.Nil(t, fault)
	_, fault = parseReply(deep(depthMax + 1))
	require.NotNil(t, fault)
	assert.Contains(t, fault.Problem, "nested too deep")
	wide := func(n int) []byte { return []byte(`{"a":[1` + strings.Repeat(",1", n-1) + `]}`) }
	_, fault = parseReply(wide(nodesMax - 2))
	assert.Nil(t, fault)
	_, fault = parseReply(wide(nodesMax - 1))
	require.NotNil(t, fault)
	assert.Contains(t, fault.Problem, "too many values")
}

func TestWholeNumber(t *testing.T) {
	t.Parallel()
	for literal, want := range map[string]int64{
		"0": 0, "-0": 0, "0.0": 0, "0e400": 0, "120000": 120_000, "120000.0": 120_000, "120000.00": 120_000, "120000.0000": 120_000,
		"1.2E5": 120_000, "1.2e+5": 120_000, "12000000e-2": 120_000, "1.0E7": 10_000_000, "0.12e6": 120_000, "-5": -5, "1.000e3": 1_000,
		"9223372036854775807": 9223372036854775807, "9223372036854775807.0": 9223372036854775807,
	} {
		got, ok := wholeNumber(literal)
		assert.True(t, ok, literal)
		assert.Equal(t, want, got, literal)
	}
	for _, literal := range []string{
		"120.000", "120000.5", "1e400", "1e19", "9223372036854775808", "-9223372036854775809", "0.5", "1e-1", "1.25e1",
		"1e99999999999999999999", "1e-99999999999999999999", "1" + strings.Repeat("0", 400),
	} {
		_, ok := wholeNumber(literal)
		assert.False(t, ok, literal)
	}
	for _, text := range []string{"", "-", " 1", "1 ", "+1", "01", "1.0", "1,000", "120.000", "1e3", "０", "0x10", "1_000"} {
		_, ok := wholeText(text)
		assert.False(t, ok, text)
	}
	n, ok := wholeText("120000")
	assert.True(t, ok)
	assert.EqualValues(t, 120_000, n)
}
