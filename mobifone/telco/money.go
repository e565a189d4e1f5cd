package telco

import "strconv"

// VND is an amount in whole Vietnamese đồng, VAT included.
type VND int64

// String groups by thousands with dots and appends the sign, as amounts are written in
// Viet Nam: "120.000 ₫", "-1.000 ₫".
func (v VND) String() string {
	n := uint64(v)
	if v < 0 {
		n = -n // right for the smallest int64 too
	}
	digits := strconv.AppendUint(nil, n, 10)
	out := make([]byte, 0, 32)
	if v < 0 {
		out = append(out, '-')
	}
	for i, d := range digits {
		if i > 0 && (len(digits)-i)%3 == 0 {
			out = append(out, '.')
		}
		out = append(out, d)
	}
	return string(append(out, " ₫"...))
}
