// Package tools pins the programs that check the SDK: each is a tool line of this
// module's go.mod, so that the importer of the SDK carries none of them and a fresh
// machine needs nothing but Go. scripts/test builds and runs them.
package tools
