package catalog

import "github.com/fptshop/mobifone-go/mobifone/telco"

// Source says where a note comes from.
type Source string

// The sources of the embedded notes.
const (
	SourceAgreement   Source = "partner agreement"
	SourcePublicPages Source = "MobiFone's public pages on the C120 family"
	SourceSomeCopies  Source = "some copies of MobiFone's public pages on the C120 family"
	SourceSisters     Source = "MobiFone's public pages on sister packages"
)

// Topic says what a note is about.
type Topic string

// The topics of the embedded notes.
const (
	TopicGrant      Topic = "grant"      // when the benefits arrive
	TopicRenewal    Topic = "renewal"    // what happens at the end of a cycle
	TopicCommitment Topic = "commitment" // how long the customer is bound
	TopicPorting    Topic = "porting"    // whether the number may leave MobiFone meanwhile
	TopicCancel     Topic = "cancel"     // how to end the package
	TopicCheck      Topic = "check"      // how to see what is left
	TopicClosed     Topic = "closed"     // talk of the package not being sold any more
)

// Note is a sentence for the teller. A note with Advice set was read on public pages: it
// is advice, not a rule. The agreement prevails over it, and whether a subscriber may
// register is decided by MobiFone's answer alone; the SDK acts on no note.
type Note struct {
	Topic  Topic
	Source Source
	Advice bool
	Text   telco.Text
}
