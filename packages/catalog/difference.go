package catalog

import "fmt"

// Difference is one thing that MobiFone says differently. MobiFone prevails; the
// difference is there to be shown.
type Difference struct {
	Field    string // what differs, such as "price" or "expiresAt"
	Catalog  string // what the catalog says or estimated; empty when it says nothing
	MobiFone string // what MobiFone says
	Ignored  bool   // what MobiFone says contradicts itself and was not taken over
}

// String returns the difference on one line.
func (d Difference) String() string {
	s := fmt.Sprintf("%s: catalog %q, MobiFone %q", d.Field, d.Catalog, d.MobiFone)
	if d.Ignored {
		s += " (ignored)"
	}
	return s
}
