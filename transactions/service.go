package transactions

import (
	"errors"

	"github.com/fptshop/mobifone-go/internal/transport"
	"github.com/fptshop/mobifone-go/mobifone/telco"
)

// Service looks transactions up. Make it through the client.
type Service struct{ t *transport.Transport }

// New is called by the client.
func New(t *transport.Transport) *Service { return &Service{t: t} }

// fail builds an error of a lookup that was answered, but not usably. The teller's
// sentence is that of "cannot tell yet".
func (s *Service) fail(op telco.Operation, code telco.Code, evidence telco.Evidence, problem string) *telco.Error {
	e := &telco.Error{Operation: op, Outcome: telco.Unknown, Code: code, Evidence: evidence, Err: errors.New(problem)}
	if rule, ok := s.t.Contract().RuleNamed(telco.SystemError); ok {
		e.Text = rule.Text.Fill(nil)
	}
	return e
}
