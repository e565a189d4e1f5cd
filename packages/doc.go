// Package packages is step 1 of the business process: which packages may this
// subscriber buy.
//
// MobiFone decides. The embedded catalog is advice: a package it does not know is
// offered all the same, and a price it knows otherwise is flagged, never refused.
package packages
