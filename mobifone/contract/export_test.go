package contract

// ChoicesOf reads a oneof tag, as the rules do.
func ChoicesOf(tag string) []string { return choicesOf(tag) }
