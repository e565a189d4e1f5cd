package telco

// renewed returns the two digits that took the place of an 11-digit number's three
// (without the leading zero) in September 2018.
func renewed(a, b, c byte) (uint64, bool) {
	if a != '1' {
		return 0, false
	}
	switch [2]byte{b, c} {
	case [2]byte{'2', '0'}: // MobiFone
		return 70, true
	case [2]byte{'2', '1'}:
		return 79, true
	case [2]byte{'2', '2'}:
		return 77, true
	case [2]byte{'2', '6'}:
		return 76, true
	case [2]byte{'2', '8'}:
		return 78, true
	case [2]byte{'2', '3'}: // Vinaphone
		return 83, true
	case [2]byte{'2', '4'}:
		return 84, true
	case [2]byte{'2', '5'}:
		return 85, true
	case [2]byte{'2', '7'}:
		return 81, true
	case [2]byte{'2', '9'}:
		return 82, true
	case [2]byte{'8', '6'}: // Vietnamobile
		return 56, true
	case [2]byte{'8', '8'}:
		return 58, true
	case [2]byte{'9', '9'}: // Gmobile
		return 59, true
	}
	if b == '6' && c >= '2' && c <= '9' { // Viettel
		return 30 + uint64(c-'0'), true
	}
	return 0, false
}

// PrefixHint names the network that the number's prefix was once given to:
// "MobiFone", "Viettel", "Vinaphone", "Vietnamobile", "Gmobile", "iTel", "Wintel", or
// "" for a prefix that is not known here.
//
// It says nothing about the network that serves the number now: since November 2018 a
// subscriber keeps the number when changing networks. Never refuse a sale by it; the
// MobiFone's answer to the eligibility question decides.
func (m MSISDN) PrefixHint() string {
	switch m.number() / 10_000_000 {
	case 70, 76, 77, 78, 79, 89, 90, 93:
		return "MobiFone"
	case 32, 33, 34, 35, 36, 37, 38, 39, 86, 96, 97, 98:
		return "Viettel"
	case 81, 82, 83, 84, 85, 88, 91, 94:
		return "Vinaphone"
	case 52, 56, 58, 92:
		return "Vietnamobile"
	case 59, 99:
		return "Gmobile"
	case 87:
		return "iTel"
	case 55:
		return "Wintel"
	}
	return ""
}
