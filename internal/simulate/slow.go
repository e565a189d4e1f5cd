package main

// slowBugs need more seeds than a test has time for; -planted catches them too.
var slowBugs = []string{
	"fence one second short", "fence without the clock skew", "fence by the local clock", "fence without the lookup lag",
	"lookups timed a minute late", "no last look before cash leaves", "7002 of a living OTP is cleared before the fence",
}
