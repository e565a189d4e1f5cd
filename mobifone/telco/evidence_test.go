package telco_test

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fptshop/mobifone-go/mobifone/telco"
)

// A note of a lookup, which knows no subscriber, masks a number that stands in an id by
// itself, and keeps the digits by which a desk finds an exchange.
func TestSupportNoteOfALookup(t *testing.T) {
	t.Parallel()
	for id, want := range map[string]string{
		"MBF84908123477": "MBF84*****477", "0908123477": "84*****477", "x-908123477-y": "x-84*****477-y",
		"20261126035901000123": "20261126035901000123", "6747a57ef0533": "6747a57ef0533", "số 12": "số 12",
		"a\nb": "a b", strings.Repeat("7", 300): strings.Repeat("7", 127) + "…",
	} {
		err := fmt.Errorf("asking: %w", &telco.Error{Operation: telco.OpGet, Evidence: telco.Evidence{Tries: 1, TelcoRequestID: id}})
		assert.Contains(t, telco.SupportNote(err).EN, "MobiFone's request id: "+want+"\n", id)
	}
	assert.Contains(t, telco.SupportNote(&telco.Error{Evidence: telco.Evidence{RequestID: "e910110438b4"}}).EN, "e910110438b4", "our own id is no number")
}

// Times are those of Vietnam, whatever zone they are kept in, and every line says what it
// is in its language.
func TestSupportNoteLines(t *testing.T) {
	t.Parallel()
	sent := time.Date(2026, 11, 25, 20, 59, 1, 5e6, time.UTC)
	e := &telco.Error{
		Operation: telco.OpOTP, Code: telco.ReplyLost, Err: errors.New("no answer to 0908123477"),
		Evidence: telco.Evidence{
			Tries: 2, Sends: 1, FirstSend: sent, LastSend: sent, RequestID: "second", Deadline: "body",
			Unread:  []string{"otpExpiresAt", "message"},
			Earlier: []telco.Try{{RequestID: "first", EndedAt: sent, Code: telco.ConnectFailed, Deadline: "connect"}},
		},
	}
	assert.Equal(t, `INQUIRY
Operation: otp.request
Outcome on our side: unknown
Code: local.REPLY_LOST
Cause: no answer to ***477
Our request id: second
First sent: 2026-11-26 03:59:01.005 +07:00
Time ran out: while MobiFone's reply came in
Fields that could not be read: otpExpiresAt, message
Tries / sent: 2 / 1
Try 1: 2026-11-26 03:59:01.005 +07:00, request id first, local.CONNECT_FAILED, deadline: connect, not sent
Software: mobifone-go/`+telco.Version+"\n", telco.SupportNote(e).EN)
	vi := telco.SupportNote(e).VI
	for _, line := range []string{"Kết quả phía đối tác: chưa xác định\n", "Gửi lần đầu: 2026-11-26 03:59:01.005 +07:00\n", "Trường không đọc được: otpExpiresAt, message\n"} {
		assert.Contains(t, vi, line)
	}
	assert.Len(t, strings.Split(vi, "\n"), len(strings.Split(telco.SupportNote(e).EN, "\n")))
	for _, d := range []string{
		"limiter", "connect", "first byte", "body", "whole",
	} {
		note := telco.SupportNote(&telco.Error{Evidence: telco.Evidence{Deadline: d}})
		assert.Contains(t, note.VI, "Hết thời gian: ", d)
		assert.Contains(t, note.EN, "Time ran out: ", d)
	}
}

// Of an error of somebody else's, and of none, nothing is known but that.
func TestSupportNoteOfOtherErrors(t *testing.T) {
	t.Parallel()
	other := telco.SupportNote(errors.New("call 0908123477")).EN
	assert.Contains(t, other, "Outcome on our side: unknown\n")
	assert.Contains(t, other, "Cause: call ***477\n")
	assert.Contains(t, telco.SupportNote(nil).EN, "Outcome on our side: succeeded\n")
}

// The version is a release's, and the changelog has it, or none has been released.
func TestVersion(t *testing.T) {
	t.Parallel()
	assert.Regexp(t, `^\d+\.\d+\.\d+(-[0-9a-z.]+)?$`, telco.Version)
	changes, err := os.ReadFile("../../CHANGELOG.md")
	require.NoError(t, err)
	_, released, found := strings.Cut(string(changes), "\n## [Unreleased]\n")
	require.True(t, found)
	if _, newest, some := strings.Cut(released, "\n## ["); some {
		version, _, _ := strings.Cut(newest, "]")
		assert.Equal(t, telco.Version, version, "the newest release")
	}
}
