// Package guard holds the tests that keep the house in order. They parse the files of the
// whole tree in-process, under every build constraint, and need nothing else to run.
//
//   - Imports point down: guard_test.go fails on any arrow that the table in floors_test.go
//     does not allow. A package that is not in the table fails too: whoever adds one says
//     which floor it is on.
//   - No exported name of a public package mentions an internal type: surface_test.go.
//   - The money rules are written once, and the simulator has no client of its own:
//     onceonly_test.go.
//   - A link in a document leads somewhere, and a test that it names exists: docs_test.go.
package guard
