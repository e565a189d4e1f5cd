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
