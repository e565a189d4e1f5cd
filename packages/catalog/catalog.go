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

// This file holds the list of packages, one package with what the teller says of it, and the three packages of
// the partner agreement with the advice on them. Only what the agreement says is a rule; everything else
// names its source.

import (
	"fmt"
	"slices"
	"strings"
	"time"

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
			bad = append(bad, telco.FieldError{Field: fmt.Sprintf("Package[%d].%s", i, f.Field), Problem: named(pkg, f.Problem)})
		}
		if seen[pkg.Code] {
			bad = append(bad, telco.FieldError{
				Field: fmt.Sprintf("Package[%d].Code", i), Problem: named(pkg, "used twice; give each package its own code"),
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

// named says a problem with the code of its package, which a list of many is read by.
func named(pkg Package, problem string) string {
	if pkg.Code == "" {
		return problem
	}
	return string(pkg.Code) + ": " + problem
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

// Package is one package (gói cước) as the agreement describes it.
type Package struct {
	// Code is what requests name the package by, such as "C120".
	Code telco.PackageCode
	// Name is what the teller calls it.
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

// The sources of the embedded notes.
const (
	agreement   = "partner agreement"
	publicPages = "MobiFone's public pages on the C120 family"
	someCopies  = "some copies of MobiFone's public pages on the C120 family"
	sisters     = "MobiFone's public pages on sister packages"
)

// Default returns the three packages of the agreement: C120, 3C120 and 6C120. Each call
// builds it anew, so nothing a caller does with it reaches another caller.
func Default() *Catalog {
	return &Catalog{pkgs: []Package{
		c120("C120", 120_000, 30),
		c120("3C120", 360_000, 90),
		c120("6C120", 720_000, 180),
	}}
}

// c120 is one package of the family: they differ in price and length alone.
func c120(code telco.PackageCode, price telco.VND, days int) Package {
	return Package{
		Code:           code,
		Name:           string(code),
		Price:          price,
		CycleDays:      days,
		ResetDays:      30,
		AutoRenew:      true,
		DataMBPerDay:   4 * 1024,
		OnNetFreeUnder: 20 * time.Minute,
		OffNetFree:     50 * time.Minute,
		Notes:          notes(string(code)),
	}
}

// notes are the sentences on a package of the family, with its code put in.
func notes(code string) []Note {
	return []Note{
		{
			Topic: "grant", Source: agreement,
			Text: telco.Text{
				VI: "Ưu đãi được cộng ngay sau khi đăng ký thành công.",
				EN: "The benefits are added at once after a successful registration.",
			},
		},
		{
			Topic: "renewal", Source: agreement,
			Text: telco.Text{
				VI: "Chu kỳ sau: hệ thống MobiFone kiểm tra tài khoản chính và tự gia hạn nếu đủ tiền.",
				EN: "Later cycles: MobiFone's system checks the main account and renews by itself if the money is enough.",
			},
		},
		{
			Topic: "commitment", Source: publicPages, Advice: true,
			Text: telco.Text{
				VI: "Tham khảo: theo trang công khai của MobiFone, gói có cam kết sử dụng 720 ngày.",
				EN: "For information: MobiFone's public pages say that the package binds for 720 days.",
			},
		},
		{
			Topic: "porting", Source: publicPages, Advice: true,
			Text: telco.Text{
				VI: "Tham khảo: theo trang công khai của MobiFone, không chuyển mạng giữ số trong thời gian cam kết.",
				EN: "For information: MobiFone's public pages say that the number cannot be ported while the commitment lasts.",
			},
		},
		{
			Topic: "cancel", Source: publicPages, Advice: true,
			Text: telco.Text{
				VI: "Hủy gói (tham khảo): soạn HUY " + code + " gửi 789 hoặc 999, hoặc đến cửa hàng MobiFone.",
				EN: "To cancel (for information): text HUY " + code + " to 789 or 999, or visit a MobiFone shop.",
			},
		},
		{
			Topic: "check", Source: sisters, Advice: true,
			Text: telco.Text{
				VI: "Kiểm tra ưu đãi còn lại (tham khảo): soạn KT " + code + " hoặc KT ALL gửi 999.",
				EN: "To see what is left (for information): text KT " + code + " or KT ALL to 999.",
			},
		},
		{
			Topic: "closed", Source: someCopies, Advice: true,
			Text: telco.Text{
				VI: "Tham khảo: một số trang ghi gói đã ngừng đăng ký mới. Thỏa thuận đối tác quy định khác cho kênh này; " +
					"chỉ kết quả kiểm tra của MobiFone quyết định.",
				EN: "For information: some copies of the pages say that new registration has stopped. The partner agreement " +
					"says otherwise for this channel; only MobiFone's eligibility answer decides.",
			},
		},
	}
}
