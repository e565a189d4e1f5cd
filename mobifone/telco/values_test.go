package telco_test

import (
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fptshop/mobifone-go/mobifone/telco"
)

func TestVNDString(t *testing.T) {
	t.Parallel()
	for v, want := range map[telco.VND]string{
		0: "0 ₫", 1: "1 ₫", 999: "999 ₫", 1000: "1.000 ₫", 120_000: "120.000 ₫", 1_234_567: "1.234.567 ₫",
		-1: "-1 ₫", -999: "-999 ₫", -1000: "-1.000 ₫", -120_000: "-120.000 ₫",
		math.MaxInt64: "9.223.372.036.854.775.807 ₫", math.MinInt64: "-9.223.372.036.854.775.808 ₫",
	} {
		assert.Equal(t, want, v.String())
	}
}

// As codes are typed and pasted: what nobody sees goes, dashes go from between digits.
func TestParseOTP(t *testing.T) {
	t.Parallel()
	for written, want := range map[string]string{
		"1234": "1234", "00001234": "00001234", " 048213\t\n": "048213", "０４８２１３": "048213", "\u00a0048213": "048213", "\u3000048213": "048213",
		"012 345": "012345", "0 1 2 3 4 5": "012345", "012\t345": "012345", "012345\r\n": "012345", "012\n345": "012345",
		"012-345": "012345", "01-23-45": "012345", "012 - 345": "012345", "012\u2011345": "012345", "012\u2013345": "012345",
		"\ufeff012345": "012345", "012\u200b345": "012345", "\u202a012345\u202c": "012345", "\u2066012345\u2069": "012345",
		"012\u00ad345": "012345", "012\u2060345\ufe0f": "012345", "012\u202f345": "012345", "０１２\u3000３４５": "012345", "０１２－３４５": "012345",
		"012\u2028345\u0085": "012345", "012\u2800345": "012345", "1234 5678": "12345678", "\u200e12 34": "1234",
	} {
		otp, err := telco.ParseOTP(written)
		require.NoError(t, err, "%q", written)
		assert.Equal(t, want, otp.Reveal(), "%q", written)
		assert.False(t, otp.IsZero())
	}
	for _, written := range []string{
		"", " ", "123", "123456789", "12 3", "1234 56789", "12a456", "-1234", "1234-", " - 1234", "\u22121234", "1234 -", "\u200b-1234", "+1234", "1234.", "12.34",
		"(1234)", "12/34", "12_34", "12,34", "٠٤٨٢١٣", "\xff1234", "12\x0034", "12\x1f34", "12\ufffd34", "12\u030134", "12\u060034",
		"OTP 1234", "----", "\u200b\u200b\u200b\u200b", strings.Repeat("1", 1000), strings.Repeat(" 1", 1000),
	} {
		otp, err := telco.ParseOTP(written)
		assert.Equal(t, []string{"otp"}, faultyFields(t, err), "%q", written)
		assert.True(t, otp.IsZero())
		assert.Empty(t, otp.Reveal())
		for _, digits := range []string{"1234", "123", "12 3", "12-", "٠٤٨"} {
			assert.NotContains(t, err.Error(), digits, "%q", written)
		}
	}
	_, err := telco.ParseOTP("98765432100")
	assert.NotContains(t, err.Error(), "9876")
}

func TestSecret(t *testing.T) {
	t.Parallel()
	var none telco.Secret
	assert.True(t, none.IsZero())
	assert.Empty(t, none.Reveal())
	assert.Equal(t, none, telco.NewSecret(""))
	for _, text := range []string{"x", "khoá bí mật", "\xa5\x00", strings.Repeat("k", 5000)} {
		s := telco.NewSecret(text)
		assert.False(t, s.IsZero())
		assert.Equal(t, text, s.Reveal())
		var read telco.Secret
		require.NoError(t, read.UnmarshalText([]byte(text)))
		assert.Equal(t, text, read.Reveal())
		assert.Equal(t, s, read, "deeply equal, for tests of importers")
	}
	kept := telco.NewSecret("x")
	text, err := kept.MarshalText()
	require.NoError(t, err)
	require.ErrorIs(t, kept.UnmarshalText(text), telco.InvalidInput, "a redacted text is no secret")
	assert.Equal(t, "x", kept.Reveal())
}

func TestStaffValidate(t *testing.T) {
	t.Parallel()
	fields := func(s telco.Staff) (names []string) {
		for _, f := range s.Validate() {
			assert.NotEmpty(t, f.Problem)
			names = append(names, f.Field)
		}
		return names
	}
	assert.Empty(t, fields(telco.Staff{Shop: "HN-012.a_B", Employee: "nv1", POS: ""}))
	assert.Empty(t, fields(telco.Staff{Shop: strings.Repeat("9", 32), Employee: "-", POS: "POS.1"}))
	assert.Equal(t, []string{"Staff.Shop", "Staff.Employee"}, fields(telco.Staff{}))
	assert.Equal(t, []string{"Staff.Shop", "Staff.Employee", "Staff.POS"}, fields(telco.Staff{Shop: "a b", Employee: "é", POS: strings.Repeat("p", 33)}))
	for _, bad := range []string{" ", "a/b", "a\n", "[", "`", "@", "{", "a:b", "\xff", "a\x00"} {
		assert.Equal(t, []string{"Staff.Shop", "Staff.Employee", "Staff.POS"}, fields(telco.Staff{Shop: bad, Employee: bad, POS: bad}), "%q", bad)
	}
}

func TestParsePackageCode(t *testing.T) {
	t.Parallel()
	for written, want := range map[string]telco.PackageCode{
		"C120": "C120", " 6c120\n": "6C120", "a_b": "A_B", strings.Repeat("z", 20): telco.PackageCode(strings.Repeat("Z", 20)),
	} {
		got, err := telco.ParsePackageCode(written)
		require.NoError(t, err, "%q", written)
		assert.Equal(t, want, got)
	}
	for _, written := range []string{"", " ", "C 120", "C-120", "Ｃ120", "ç", "C120\x00", "[", "`", "{", "@", strings.Repeat("A", 21)} {
		got, err := telco.ParsePackageCode(written)
		assert.Equal(t, []string{"package"}, faultyFields(t, err), "%q", written)
		assert.Empty(t, got)
	}
}

func TestParseTransID(t *testing.T) {
	t.Parallel()
	for written, want := range map[string]telco.TransID{
		"1": "1", " abc \n": "abc", "!~": "!~", "a/b?c=d": "a/b?c=d", strings.Repeat("x", 64): telco.TransID(strings.Repeat("x", 64)),
	} {
		got, err := telco.ParseTransID(written)
		require.NoError(t, err, "%q", written)
		assert.Equal(t, want, got)
	}
	for _, written := range []string{"", " ", "a b", "a\tb", "a\x7f", "é", "\xff", strings.Repeat("x", 65)} {
		got, err := telco.ParseTransID(written)
		assert.Equal(t, []string{"transId"}, faultyFields(t, err), "%q", written)
		assert.Empty(t, got)
	}
}

// A code that only looks like the agreed one says so.
func TestStaffCodesNameTheOddCharacter(t *testing.T) {
	t.Parallel()
	faults := telco.Staff{Shop: "S001\u200b", Employee: "NV\u201101", POS: "\u0410" + "1"}.Validate()
	assert.Equal(t, []telco.FieldError{
		{Field: "Staff.Shop", Problem: "character 5 is U+200B, an invisible character; type the text again"},
		{Field: "Staff.Employee", Problem: "character 3 is U+2011, a dash that is not the ordinary one; type the text again"},
		{Field: "Staff.POS", Problem: "character 1 is U+0410, a letter that is not of the Vietnamese alphabet and can look like one that is; type the text again"},
	}, faults)
	for _, code := range []string{"S 1", "Đ1", strings.Repeat("x", 33)} {
		faults = telco.Staff{Shop: code, Employee: "NV01"}.Validate()
		require.Len(t, faults, 1)
		assert.Contains(t, faults[0].Problem, "not a code of 1 to 32 letters", code)
	}
}

func faultyFields(t *testing.T, err error) []string {
	t.Helper()
	var e *telco.Error
	require.ErrorAs(t, err, &e)
	assert.Equal(t, telco.NotSent, e.Outcome)
	assert.Equal(t, telco.InvalidInput, e.Code)
	var fields []string
	for _, f := range e.Fields {
		assert.NotEmpty(t, f.Problem)
		fields = append(fields, f.Field)
	}
	return fields
}
