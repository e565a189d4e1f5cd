// Package telco is the vocabulary of the SDK: the values a phone shop and MobiFone
// talk about, the four outcomes of a sale, and the words for the teller.
//
// It imports the standard library and internal/text, and every other package of the module may
// import it. All types are safe for concurrent use because none of them changes.
//
// Personal data and secrets are types of their own ([MSISDN], [OTP], [Secret]) that
// print masked under every fmt verb, in log/slog and in JSON; each has one method
// that reveals it, so that every place that does can be found.
package telco
