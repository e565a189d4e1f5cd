package main

// This file shows a whole phone number, to whoever says why. Who, when, what and why is on
// disk before the number is on the screen.

import (
	"encoding/json"
	"os"
	"time"

	"github.com/fptshop/mobifone-go/mobifone/telco"
)

// shown is a number as it is printed: masked, or whole after the reason was written down.
func (a *app) shown(number telco.MSISDN, of string) (string, error) {
	if a.set.reveal == "" || number.IsZero() {
		return number.String(), nil
	}
	if a.set.Audit == "" || a.set.Employee == "" {
		return "", a.misused(a.t("--reveal cần biết ai xem và ghi vào đâu", "--reveal has to know who looks, and where to write it"),
			a.t("đặt --by ($MOBIFONE_EMPLOYEE) và $MOBIFONE_AUDIT=TỆP", "set --by ($MOBIFONE_EMPLOYEE) and $MOBIFONE_AUDIT=FILE"))
	}
	line, err := json.Marshal(map[string]string{
		"at": a.now().UTC().Format(time.RFC3339), "by": a.set.Employee, "shown": of, "number": number.String(), "reason": a.set.reveal,
	})
	if err != nil {
		return "", err
	}
	f, err := os.OpenFile(a.set.Audit, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return "", err
	}
	_, err = f.Write(append(line, '\n'))
	if err == nil {
		err = f.Sync()
	}
	if closed := f.Close(); err == nil {
		err = closed
	}
	if err != nil {
		return "", err
	}
	return number.Reveal("0"), nil
}
