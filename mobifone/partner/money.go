package partner

// VND is an amount in whole Vietnamese đồng, VAT included.
type VND int64

// String groups by thousands with dots and appends the sign: "120.000 ₫".
func (v VND) String() string { panic("not implemented") }
