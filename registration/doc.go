// Package registration is step 3 of the sale: it registers a package with the OTP the
// customer read out, and finds out what became of a registration.
//
// A registration moves money and is sent once: one HTTP request per send, whatever the
// answer. It ends in one of four outcomes (see [partner.Outcome]); a nil error means
// Succeeded. An error of outcome Unknown carries a [partner.Handle]: keep it and pass it to
// [Service.Resolve] until that answers something else. Never register again, and never
// give the cash back, on an Unknown.
//
//	receipt, err := client.Registration.Register(ctx, req)
//	switch partner.OutcomeOf(err) {
//	case partner.Succeeded: // give the service
//	case partner.Rejected:  // the partner said no: see partner.ActionFor
//	case partner.NotSent:   // nothing left: the same ids may be sent again
//	case partner.Unknown:   // hold: resolve the handle
//	}
//
// Register keeps nothing on disk: if the process can die between taking the cash and
// the answer, save the handle of [Service.Prepare] before [Draft.Send].
package registration
