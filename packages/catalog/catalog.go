// Package catalog holds what the partner agreement says of the packages a shop sells,
// and what follows from it for the customer: benefits, windows, renewal, advice.
//
// The catalog never decides. Its contents "follow the current rules of MobiFone": what
// MobiFone's eligibility answer says prevails over every price, cycle and note here, and
// a package that the catalog does not know is as good as one that it knows.
//
// Values do not change after they are made; what the package hands out are copies. All
// of it is safe for concurrent use.
package catalog

import (
	"fmt"
	"slices"

	"github.com/fptshop/mobifone-go/mobifone/telco"
)

// Catalog is a list of packages, each code once. The zero value, and nil, is an empty
// catalog.
type Catalog struct{ pkgs []Package }

// New makes a catalog of exactly these packages, in this order. It copies them. Its error is a
// *[telco.Error] of code [telco.InvalidInput] whose Fields list everything that is wrong, as
// "Package[1].Price"; packages count from 0 in the order they were handed over.
func New(pkgs ...Package) (*Catalog, error) {
	var bad []telco.FieldError
	seen := make(map[telco.PackageCode]bool, len(pkgs))
	c := &Catalog{pkgs: make([]Package, 0, len(pkgs))}
	for i, pkg := range pkgs {
		for _, f := range pkg.Validate() {
			bad = append(bad, telco.FieldError{Field: fmt.Sprintf("Package[%d].%s", i, f.Field), Problem: f.Problem})
		}
		if seen[pkg.Code] {
			bad = append(bad, telco.FieldError{
				Field: fmt.Sprintf("Package[%d].Code", i), Problem: "used twice; give each package its own code",
			})
		}
		seen[pkg.Code] = true
		c.pkgs = append(c.pkgs, pkg.clone())
	}
	if len(bad) > 0 {
		return nil, &telco.Error{Outcome: telco.NotSent, Code: telco.InvalidInput, Fields: bad}
	}
	return c, nil
}

// With returns a catalog in which these packages replace those of the same code; the
// others are added at the end. c stays as it is. Errors are those of [New].
func (c *Catalog) With(pkgs ...Package) (*Catalog, error) {
	added, err := New(pkgs...)
	if err != nil {
		return nil, err
	}
	all := c.All()
	for _, pkg := range added.pkgs {
		if i := index(all, pkg.Code); i >= 0 {
			all[i] = pkg
		} else {
			all = append(all, pkg)
		}
	}
	return &Catalog{pkgs: all}, nil
}

// Lookup returns a copy of the package with exactly this code; false when the catalog
// does not know it, which says nothing about whether MobiFone sells it.
func (c *Catalog) Lookup(code telco.PackageCode) (Package, bool) {
	if c == nil {
		return Package{}, false
	}
	if i := index(c.pkgs, code); i >= 0 {
		return c.pkgs[i].clone(), true
	}
	return Package{}, false
}

// All returns copies of all packages in the catalog's order.
func (c *Catalog) All() []Package {
	if c == nil {
		return nil
	}
	all := make([]Package, len(c.pkgs))
	for i, pkg := range c.pkgs {
		all[i] = pkg.clone()
	}
	return all
}

// index returns where the package of this code is; -1 when it is not there.
func index(pkgs []Package, code telco.PackageCode) int {
	return slices.IndexFunc(pkgs, func(p Package) bool { return p.Code == code })
}
