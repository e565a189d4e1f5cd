package partner

// Staff says who sells: every request to the partner carries it.
type Staff struct {
	Shop     string // shop code as agreed with the partner, 1 to 32 of [A-Za-z0-9_.-]
	Employee string // employee code, same alphabet
	POS      string // point of sale, same alphabet; may be empty
}

// Validate lists what is wrong with the codes; nil when nothing is.
func (s Staff) Validate() []FieldError { panic("not implemented") }

// PackageCode is a package's code, such as "C120": 1 to 20 of [A-Z0-9_].
type PackageCode string

// ParsePackageCode trims and upper-cases what a person typed and refuses what cannot
// be a code. It does not know which packages exist; the partner does.
func ParsePackageCode(s string) (PackageCode, error) { panic("not implemented") }

// TransID is the partner's id of a transaction, given with the OTP: opaque, at most
// 64 printable ASCII characters without spaces.
type TransID string

// ParseTransID trims s and refuses what cannot be a transId.
func ParseTransID(s string) (TransID, error) { panic("not implemented") }
