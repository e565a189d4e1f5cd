package partner

// PartnerTransID is our id of a registration attempt: five groups of five characters.
type PartnerTransID string

// ParsePartnerTransID accepts only the exact written form with a right check character.
func ParsePartnerTransID(s string) (PartnerTransID, error) { panic("not implemented") }

// RandomPartnerTransID returns an id for a sale without an order number.
func RandomPartnerTransID() PartnerTransID { panic("not implemented") }

// DerivePartnerTransID returns the id of (partner, shop, order, attempt).
func DerivePartnerTransID(key Secret, partner, shop, order string, attempt int) (PartnerTransID, error) {
	panic("not implemented")
}
