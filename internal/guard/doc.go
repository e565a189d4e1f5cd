// Package guard holds the tests that keep the module's imports pointing down.
//
// They parse the files of the whole tree in-process, under every build constraint, and
// fail on any arrow that the table in floors_test.go does not allow. A package that is
// not in the table fails too: whoever adds one says which floor it stands on.
package guard
