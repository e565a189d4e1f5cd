package contract_test

import (
	"encoding/json"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fptshop/mobifone-go/mobifone/contract"
	"github.com/fptshop/mobifone-go/mobifone/telco"
)

func readFile(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(name)
	require.NoError(t, err)
	return data
}

func documents() []string {
	return []string{"default.json", "testdata/second.json", "testdata/bearer.json", "testdata/order.json", "testdata/signed.json", "testdata/xml.json"}
}

func TestDocumentsLoad(t *testing.T) {
	t.Parallel()
	for _, name := range documents() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, err := contract.Load(readFile(t, name))
			require.NoError(t, err)

			again, err := contract.New(c.Document())
			require.NoError(t, err)
			assert.Equal(t, c.Document(), again.Document())

			text, err := json.Marshal(c.Document())
			require.NoError(t, err)
			reloaded, err := contract.Load(text)
			require.NoError(t, err)
			assert.Equal(t, c.Document(), reloaded.Document())
		})
	}
}

func TestLoadRefusesTextThatIsNotOneExactDocument(t *testing.T) {
	t.Parallel()
	valid := string(readFile(t, "default.json"))
	replace := func(old, text string) string {
		require.Contains(t, valid, old)
		return strings.Replace(valid, old, text, 1)
	}
	tests := []struct {
		name, text    string
		path, problem string
	}{
		{"empty", "", "$", "not one JSON value"},
		{"cut", valid[:len(valid)/2], "$", "not one JSON value: line 2"},
		{"trailing data", valid + "{}", "$", "not one JSON value"},
		{"null", "null", "$", "want an object, found null"},
		{"list", "[]", "$", "want an object, found a list"},
		{"byte order mark", "\ufeff" + valid, "$", "byte order mark"},
		{"not UTF-8", replace("mobifone-assumed", "mobifone\xff"), "$", "not UTF-8"},
		{"unknown at the top", replace(`"version": 1`, `"version": 1, "extra": 1`), "$.extra", "unknown member"},
		{"wrong capitals", replace(`"version": 1`, `"Version": 1`), "$.Version", "unknown member"},
		{"unknown below", replace(`"method": "POST"`, `"method": "POST", "verb": ""`), `$.operations["packages.eligible"].verb`, "unknown member"},
		{"twice", replace(`"version": 1`, `"version": 1, "version": 1`), "$.version", "appears twice"},
		{"twice in a map", replace(`"INIT": "INIT"`, `"INIT": "INIT", "INIT": "SUCCESS"`), "$.states.INIT", "appears twice"},
		{"twice in a list's element", replace(`"wire": ["0000"]`, `"wire": ["0000"], "wire": []`), "$.codes[0].wire", "appears twice"},
		{"twice, and the first is wrong too", replace(`"states": {`, `"states": {"A": 1}, "states": {`), "$.states.A", "want a text"},
		{"lone surrogate", replace("mobifone-assumed", `\ud800`), "$", "not one JSON value: line 3"},
		{"nested too deep", strings.Repeat("[", 40) + strings.Repeat("]", 40), "$", "not one JSON value: line 1: nested too deep"},
		{"missing", replace(`"version": 1,`, ``), "$.version", "missing"},
		{"missing semantics", replace(`"lookupLagMax": "60s",`, ``), "$.semantics.lookupLagMax", "missing"},
		{"missing execution delay", replace(`"maxExecutionDelay": null,`, ``), "$.semantics.maxExecutionDelay", "missing"},
		{"number for text", replace(`"msisdn": "84"`, `"msisdn": 84`), "$.msisdn", "want a text in quotes, found the number 84"},
		{"text for number", replace(`"version": 1`, `"version": "1"`), "$.version", "want a whole number, found a text"},
		{"fraction", replace(`"version": 1`, `"version": 1.0`), "$.version", "want a whole number, found the number 1.0"},
		{"overflow", replace(`"replyBytesMax": 1048576`, `"replyBytesMax": 9223372036854775808`), "$.limits.replyBytesMax", "want a whole number"},
		{"text for flag", replace(`"refusalIsFinal": false`, `"refusalIsFinal": "false"`), "$.semantics.refusalIsFinal", "want true or false, found a text"},
		{"number for duration", replace(`"60s"`, `60`), "$.semantics.lookupLagMax", "want a duration in quotes"},
		{"bad duration", replace(`"60s"`, `"1 minute"`), "$.semantics.lookupLagMax", "want a duration in quotes"},
		{"object for list", replace(`"wire": ["0000"]`, `"wire": {}`), "$.codes[0].wire", "want a list, found an object"},
		{"list for map", replace(`"class": {"*": "success"}`, `"class": []`), "$.codes[0].class", "want an object, found a list"},
		{"text for struct", replace(`"rows": {`, `"rows": "x", "rows2": {`), `$.operations["packages.eligible"].rows`, "want an object, found a text"},
		{"constant that is a list", replace(`"method": "POST"`, `"method": "POST", "constants": {"a": []}`), `$.operations["packages.eligible"].constants.a`, "want a text, a number, true or false, found a list"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c, err := contract.Load([]byte(tt.text))
			require.Error(t, err)
			assert.Nil(t, c)
			requireFault(t, err, tt.path, tt.problem)
		})
	}
}

func requireFault(t testing.TB, err error, path, problem string) {
	t.Helper()
	for _, f := range contract.Problems(err) {
		if f.Path == path && strings.Contains(f.Text, problem) {
			return
		}
	}
	require.Failf(t, "fault not reported", "want %s: …%s…, got:\n%v", path, problem, err)
}

func TestLoadReportsEveryFaultAtOnce(t *testing.T) {
	t.Parallel()
	text := string(readFile(t, "default.json"))
	for old, bad := range map[string]string{
		`"version": 1`:              `"version": 2`,
		`"path": "/partner/v1/otp"`: `"path": "/partner/v1/otp?x=1"`,
		`"wire": ["8001"]`:          `"wire": [8001]`,
		`"lookupLagMax": "60s"`:     `"lookupLagMax": "soon"`,
		`"clock": "date"`:           `"clock": "sundial"`,
		`"zone": "+07:00"`:          `"zone": "Hanoi"`,
	} {
		require.Contains(t, text, old)
		text = strings.Replace(text, old, bad, 1)
	}
	_, err := contract.Load([]byte(text))
	require.Error(t, err)
	var paths []string
	for _, f := range contract.Problems(err) {
		paths = append(paths, f.Path)
		assert.Contains(t, err.Error(), f.Error())
	}
	assert.ElementsMatch(t, []string{
		"$.version", `$.operations["otp.request"].path`, "$.codes[1].wire[0]",
		"$.semantics.lookupLagMax", "$.semantics.clock", "$.time.zone",
	}, paths)
	one, ok := errors.AsType[*contract.Problem](err)
	require.True(t, ok, "errors.AsType finds a fault")
	assert.NotEmpty(t, one.Path)
}

func TestFaultsOfAForeignErrorIsNil(t *testing.T) {
	t.Parallel()
	assert.Nil(t, contract.Problems(nil))
	assert.Nil(t, contract.Problems(errors.New("x")))
}

func TestContractKeepsItsOwnCopy(t *testing.T) {
	t.Parallel()
	doc := contract.Default().Document()
	delay := contract.Duration(time.Minute)
	doc.Semantics.MaxExecutionDelay = &delay
	doc.Operations[telco.OpRegister].Constants = map[string]any{"a": "b"}
	c, err := contract.New(doc)
	require.NoError(t, err)

	scramble(&doc)
	first := c.Document()
	scramble(&first)
	*c.Semantics().MaxExecutionDelay = 0
	rule, ok := c.RuleNamed(telco.Success)
	require.True(t, ok)
	rule.Class["*"] = "rejected"
	rule.Wire[0] = "x"

	want := contract.Default().Document()
	want.Semantics.MaxExecutionDelay = new(contract.Duration(time.Minute))
	want.Operations[telco.OpRegister].Constants = map[string]any{"a": "b"}
	assert.Equal(t, want, c.Document())
}

// scramble changes everything of a document that a shallow copy would share.
func scramble(d *contract.Document) {
	reg := d.Operations[telco.OpRegister]
	reg.Path = "/x"
	reg.Request["otp"] = "x"
	reg.Response["transId"] = "x"
	reg.Echo[0] = "x"
	reg.Constants["a"] = "x"
	d.Operations[telco.OpGet].Rows.Path = "x"
	d.Operations[telco.OpList].Rows.Fields["status"] = "x"
	delete(d.Operations, telco.OpOTP)
	for _, list := range [][]string{
		d.Envelope.Code, d.Envelope.Message, d.Envelope.Data, d.Envelope.RequestID,
		d.Envelope.ResponseTime, d.Envelope.Success, d.Envelope.SuccessCodes, d.Time.Accept, d.Auth.Parts,
	} {
		list[0] = "x"
	}
	for i := range d.Codes {
		if len(d.Codes[i].Wire) > 0 {
			d.Codes[i].Wire[0] = "x"
		}
		if len(d.Codes[i].HTTPStatus) > 0 {
			d.Codes[i].HTTPStatus[0] = 1
		}
		d.Codes[i].Class["*"] = "x"
		d.Codes[i].Name = "X"
	}
	d.States["INIT"] = "x"
	*d.Semantics.MaxExecutionDelay = 0
}

func TestConstantsBuiltInGoReadLikeLoadedOnes(t *testing.T) {
	t.Parallel()
	doc := contract.Default().Document()
	doc.Operations[telco.OpOTP].Constants = map[string]any{
		"a": 1, "b": int64(2), "c": 1000000.0, "d": 0.5, "e": true, "f": "x", "g": json.Number("7"),
	}
	c, err := contract.New(doc)
	require.NoError(t, err)
	assert.Equal(t, map[string]any{
		"a": json.Number("1"), "b": json.Number("2"), "c": json.Number("1000000"),
		"d": json.Number("0.5"), "e": true, "f": "x", "g": json.Number("7"),
	}, c.Document().Operations[telco.OpOTP].Constants)
}

func TestConstantsThatAreNoJSONNumberAreRefused(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", "-", "01", "1.", "1e", "1 ", " 1", "+1", "0x1", "NaN", `"1"`, "{}", "1,"} {
		doc := contract.Default().Document()
		doc.Operations[telco.OpOTP].Constants = map[string]any{"a": json.Number(text)}
		_, err := contract.New(doc)
		requireFault(t, err, `$.operations["otp.request"].constants.a`, "want a text, a number")
	}
	for _, text := range []string{"0", "-0", "12.50", "1e9", "1E+2"} {
		doc := contract.Default().Document()
		doc.Operations[telco.OpOTP].Constants = map[string]any{"a": json.Number(text)}
		_, err := contract.New(doc)
		require.NoError(t, err, text)
	}
}
