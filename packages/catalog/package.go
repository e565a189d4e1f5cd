package catalog

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/fptshop/mobifone-go/mobifone/telco"
)

// This file holds one package: what the agreement says of it, whether it is well-formed, and what
// the teller tells the customer.

// Package is one package (gói cước) as the agreement describes it.
type Package struct {
	// Code is what requests name the package by, such as "C120".
	Code telco.PackageCode
	Name string
	// Price is that of one cycle, VAT included.
	Price telco.VND
	// CycleDays is the length of a cycle (chu kỳ) in days; the package renews at its end.
	CycleDays int
	// ResetDays says after how many days inside the cycle the benefits start anew. CycleDays is a
	// multiple of it.
	ResetDays int
	// AutoRenew says that MobiFone renews the package by itself when the main account holds the
	// price.
	AutoRenew bool

	// The benefits that the customer gets in each window of ResetDays days. Zero means that the
	// package has none of that kind.

	// DataMBPerDay is the data of each day; 1 GB counts as 1024 MB.
	DataMBPerDay int
	// OnNetFreeUnder says that calls inside MobiFone's network are free when they are shorter.
	OnNetFreeUnder time.Duration
	// OffNetFree is the time of free calls to other networks in each window.
	OffNetFree time.Duration

	// Notes are sentences for the teller; no code acts on them.
	Notes []Note
}

// Note is a sentence for the teller. A note with Advice set was read on public pages: it
// is advice, not a rule. The agreement prevails over it, and MobiFone's answer alone decides
// whether a subscriber may register; the SDK acts on no note.
type Note struct {
	// Topic says what the note is about; [Package.Note] finds it by this. The embedded notes have
	// these topics, and a catalog of your own may add others:
	//
	//   - "grant": when the benefits arrive;
	//   - "renewal": what happens at the end of a cycle;
	//   - "commitment": how long the customer is bound;
	//   - "porting": whether the number may leave MobiFone meanwhile;
	//   - "cancel": how to end the package;
	//   - "check": how to see what is left;
	//   - "closed": claims that the package is not sold any more.
	//
	// [Package.HowToUse] reads "grant", "check" and "cancel".
	Topic string
	// Source says in words where the sentence comes from, such as "partner agreement".
	Source string
	// Advice is true for what was read on public pages, false for what the agreement says.
	Advice bool
	// Text is the sentence in both languages.
	Text telco.Text
}

// maxCycleDays bounds what a catalog takes for a cycle: ten years.
const maxCycleDays = 3653

// Validate lists what is wrong with the package; nil when nothing is. Benefits and notes
// may be empty.
func (p Package) Validate() []telco.FieldError {
	var problems []telco.FieldError
	add := func(field, problem string) {
		problems = append(problems, telco.FieldError{Field: field, Problem: problem})
	}
	if code, err := telco.ParsePackageCode(string(p.Code)); err != nil || code != p.Code {
		add("Code", "is not a package code: 1 to 20 of A-Z, 0-9 and _")
	}
	if p.Price <= 0 {
		add("Price", "must be more than 0 VND")
	}
	if p.CycleDays < 1 || p.CycleDays > maxCycleDays {
		add("CycleDays", fmt.Sprintf("must be 1 to %d", maxCycleDays))
	}
	if p.ResetDays < 1 || p.CycleDays%p.ResetDays != 0 {
		add("ResetDays", "must be 1 or more and divide CycleDays")
	}
	for _, benefit := range []struct {
		field string
		value int64
	}{
		{"DataMBPerDay", int64(p.DataMBPerDay)}, {"OnNetFreeUnder", int64(p.OnNetFreeUnder)}, {"OffNetFree", int64(p.OffNetFree)},
	} {
		if benefit.value < 0 {
			add(benefit.field, "must not be negative")
		}
	}
	return problems
}

// Note returns the first note on the topic.
func (p Package) Note(topic string) (Note, bool) {
	for _, n := range p.Notes {
		if n.Topic == topic {
			return n, true
		}
	}
	return Note{}, false
}

// HowToUse is what the teller tells the customer after the registration: the benefits,
// how they are reset and renewed, and the notes on granting, checking and cancelling.
// One sentence or more in each language, no line breaks.
func (p Package) HowToUse() telco.Text {
	var vi, en []string
	add := func(v, e string) { vi, en = append(vi, v), append(en, e) }
	add(fmt.Sprintf("Gói %s: chu kỳ %d ngày.", p.Code, p.CycleDays),
		fmt.Sprintf("Package %s: a cycle of %d days.", p.Code, p.CycleDays))
	if n, ok := p.Note("grant"); ok {
		add(n.Text.VI, n.Text.EN)
	}
	if t := p.benefits(); !t.IsZero() {
		add(t.VI, t.EN)
	}
	if p.AutoRenew {
		add(fmt.Sprintf("Hết chu kỳ, hệ thống tự gia hạn nếu tài khoản chính có đủ %s.", p.Price),
			fmt.Sprintf("At the end of the cycle it renews by itself if the main account holds %s.", p.Price))
	}
	for _, topic := range []string{"check", "cancel"} {
		if n, ok := p.Note(topic); ok {
			add(n.Text.VI, n.Text.EN)
		}
	}
	return telco.Text{VI: strings.Join(vi, " "), EN: strings.Join(en, " ")}
}

// benefits puts the numbers into words. Only a package with several windows in its cycle
// needs to hear of the reset.
func (p Package) benefits() telco.Text {
	var vi, en []string
	if mb := p.DataMBPerDay; mb > 0 {
		vi = append(vi, "Data "+dataAmount(mb)+" mỗi ngày.")
		en = append(en, dataAmount(mb)+" of data each day.")
	}
	if d := p.OnNetFreeUnder; d > 0 {
		vi = append(vi, fmt.Sprintf("Gọi nội mạng: miễn phí các cuộc dưới %d phút.", int(d.Minutes())))
		en = append(en, fmt.Sprintf("Calls inside MobiFone shorter than %d minutes are free.", int(d.Minutes())))
	}
	if d := p.OffNetFree; d > 0 {
		vi = append(vi, fmt.Sprintf("Gọi ngoại mạng: miễn phí %d phút mỗi %d ngày.", int(d.Minutes()), p.ResetDays))
		en = append(en, fmt.Sprintf("%d free minutes to other networks every %d days.", int(d.Minutes()), p.ResetDays))
	}
	if len(vi) > 0 && p.ResetDays < p.CycleDays {
		vi = append(vi, fmt.Sprintf("Ưu đãi được làm mới sau mỗi %d ngày.", p.ResetDays))
		en = append(en, fmt.Sprintf("The benefits are reset every %d days.", p.ResetDays))
	}
	return telco.Text{VI: strings.Join(vi, " "), EN: strings.Join(en, " ")}
}

// dataAmount writes whole gigabytes as such.
func dataAmount(mb int) string {
	if mb%1024 == 0 {
		return fmt.Sprintf("%d GB", mb/1024)
	}
	return fmt.Sprintf("%d MB", mb)
}

// clone copies the slices, so that no caller changes the catalog.
func (p Package) clone() Package {
	p.Notes = slices.Clone(p.Notes)
	return p
}
