package contract

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// path leads to a value below a place. Its zero value leads nowhere.
type path struct {
	set  bool
	root bool     // from the answer's root, not from the envelope's data
	segs []string // none: the place itself
	text string   // as the document writes it, for errors
}

// compilePath splits a dotted path; "$" is the root and "$.a.b" starts there.
func compilePath(text string) (path, error) {
	p := path{set: true, text: text}
	rest := text
	if text == "$" || strings.HasPrefix(text, "$.") {
		p.root = true
		rest = strings.TrimPrefix(text[1:], ".")
		if rest == "" && len(text) > 1 {
			return path{}, fmt.Errorf("path %q has an empty part", text)
		}
	}
	if rest == "" {
		return p, nil
	}
	p.segs = strings.Split(rest, ".")
	if slices.Contains(p.segs, "") {
		return path{}, fmt.Errorf("path %q has an empty part", text)
	}
	return p, nil
}

// follow walks from place; none when the value is absent or null. A step into anything
// but an object is a wrong type.
func (t tree) follow(place int32, segs []string) (int32, *DecodeError) {
	for _, seg := range segs {
		if place == none || t[place].kind == kindNull {
			return none, nil
		}
		if t[place].kind != kindObject {
			return none, &DecodeError{Problem: "leads through a value that is no object"}
		}
		place = t.member(place, seg)
	}
	if place == none || t[place].kind == kindNull {
		return none, nil
	}
	return place, nil
}

// isNull reports whether null itself stands at the end of the way, where follow tells no
// difference from nothing.
func (t tree) isNull(place int32, segs []string) bool {
	for _, seg := range segs {
		if place == none || t[place].kind != kindObject {
			return false
		}
		place = t.member(place, seg)
	}
	return place != none && t[place].kind == kindNull
}

// framePlan says where the envelope's parts are.
type framePlan struct {
	code, message, data, requestID, responseTime, success []path
	dataText                                              string // for the paths in errors
}

func compileFrame(e Envelope) (framePlan, error) {
	var f framePlan
	for _, part := range []struct {
		to   *[]path
		from []string
	}{
		{&f.code, e.Code},
		{&f.message, e.Message},
		{&f.data, e.Data},
		{&f.requestID, e.RequestID},
		{&f.responseTime, e.ResponseTime},
		{&f.success, e.Success},
	} {
		for _, text := range part.from {
			p, err := compilePath(text)
			if err != nil {
				return framePlan{}, err
			}
			p.root = true
			*part.to = append(*part.to, p)
		}
	}
	if len(f.code) == 0 {
		return framePlan{}, errors.New("the envelope has no place for the code")
	}
	if len(f.data) > 0 {
		f.dataText = f.data[0].text
	}
	return f, nil
}

// replyPlan says where everything in an answer of one operation is.
type replyPlan struct {
	frame framePlan
	data  []path // one for each of dataSlots
	rows  path
	row   []path // one for each of rowSlots
}

func newReplyPlan(frame framePlan) replyPlan {
	return replyPlan{frame: frame, data: make([]path, len(dataSlots)), row: make([]path, len(rowSlots))}
}

func compileReply(end *Endpoint, frame framePlan) (replyPlan, error) {
	plan := newReplyPlan(frame)
	var err error
	for logical, text := range end.Response {
		i := slices.IndexFunc(dataSlots[:], func(s slot[Data]) bool { return s.name == logical })
		if i < 0 {
			return replyPlan{}, fmt.Errorf("response field %q is not known", logical)
		}
		if plan.data[i], err = compilePath(text); err != nil {
			return replyPlan{}, err
		}
	}
	if end.Rows == nil {
		return plan, nil
	}
	if plan.rows, err = compilePath(end.Rows.Path); err != nil {
		return replyPlan{}, err
	}
	for logical, text := range end.Rows.Fields {
		i := slices.IndexFunc(rowSlots[:], func(s slot[Row]) bool { return s.name == logical })
		if i < 0 {
			return replyPlan{}, fmt.Errorf("row field %q is not known", logical)
		}
		if plan.row[i], err = compilePath(text); err != nil {
			return replyPlan{}, err
		}
		if plan.row[i].root || len(plan.row[i].segs) == 0 {
			return replyPlan{}, fmt.Errorf("row field %q must stand inside its row", logical)
		}
	}
	return plan, nil
}
