package sale_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fptshop/mobifone-go/mobifone/contract"
	"github.com/fptshop/mobifone-go/mobifone/sale"
	"github.com/fptshop/mobifone-go/mobifone/sandbox"
)

// ordinaryEvent is one thing that happens at a counter on any day.
type ordinaryEvent struct {
	name string
	live func(s *shop) sale.View // until the teller reads the screen
}

func ordinaryEvents() []ordinaryEvent {
	register := func(s *shop, id, last3 string, f ...sandbox.Fault) sale.View {
		s.script(f...)
		v, _ := s.Register(s.t.Context(), id, s.otp(last3), teller)
		return v
	}
	abandon := func(s *shop, id string) sale.View {
		v, err := s.Abandon(s.t.Context(), id, teller)
		require.NoError(s.t, err)
		return v
	}
	status := func(code int) sandbox.Fault {
		return onRegister(sandbox.Fault{Kind: "status", When: "before", Status: code, RetryAfter: "5"})
	}
	wrong := func(s *shop) (string, sale.View) {
		id := s.toOTP("DH-1", "477")
		v, _ := s.Register(s.t.Context(), id, s.wrong(), teller)
		return id, v
	}
	return []ordinaryEvent{
		{"nothing: it works", func(s *shop) sale.View { return register(s, s.toOTP("DH-1", "477"), "477") }},
		{"a wrong OTP", func(s *shop) sale.View { _, v := wrong(s); return v }},
		{"a wrong OTP, then the right one", func(s *shop) sale.View {
			id, _ := wrong(s)
			return register(s, id, "477")
		}},
		{"a wrong OTP, then the customer leaves", func(s *shop) sale.View {
			id, _ := wrong(s)
			return abandon(s, id)
		}},
		{"an OTP that has run out by MobiFone's clock", func(s *shop) sale.View {
			id := s.toOTP("DH-1", "477")
			pass(4 * time.Minute)
			return register(s, id, "477")
		}},
		{"an OTP that MobiFone says has expired", func(s *shop) sale.View { return register(s, s.toOTP("DH-1", "407"), "407") }},
		{"the customer leaves before paying", func(s *shop) sale.View {
			v, err := s.Open(s.t.Context(), order("DH-1", "477"), teller)
			require.NoError(s.t, err)
			v, err = s.Cancel(s.t.Context(), v.Sale.ID, teller)
			require.NoError(s.t, err)
			return v
		}},
		{"the customer leaves after paying", func(s *shop) sale.View { return abandon(s, s.paid("DH-1", "477")) }},
		{"the customer leaves with the OTP unused", func(s *shop) sale.View { return abandon(s, s.toOTP("DH-1", "477")) }},
		{"not eligible", func(s *shop) sale.View { return register(s, s.toOTP("DH-1", "403"), "403") }},
		{"has the package already", func(s *shop) sale.View { return register(s, s.toOTP("DH-1", "404"), "404") }},
		{"a busy gateway, 429", func(s *shop) sale.View { return register(s, s.toOTP("DH-1", "477"), "477", status(429)) }},
		{"a busy gateway, 503", func(s *shop) sale.View { return register(s, s.toOTP("DH-1", "477"), "477", status(503)) }},
		{"the reply is lost, registered", func(s *shop) sale.View { return register(s, s.toOTP("DH-1", "408"), "408") }},
		{"the reply is lost, not registered", func(s *shop) sale.View { return register(s, s.toOTP("DH-1", "409"), "409") }},
		{"pending, then registered", func(s *shop) sale.View { return register(s, s.toOTP("DH-1", "401"), "401") }},
		{"pending, then failed", func(s *shop) sale.View { return register(s, s.toOTP("DH-1", "402"), "402") }},
		{"the reply is lost, and the customer leaves", func(s *shop) sale.View {
			id := s.toOTP("DH-1", "409")
			register(s, id, "409")
			return abandon(s, id)
		}},
		{"the program restarts in the registration", func(s *shop) sale.View {
			id := s.toOTP("DH-1", "477")
			s.tap.onApply = func(_ int, after bool, c sale.Change) error {
				if after && c.State.State == sale.Registering {
					s.tap.die()
					return errDied
				}
				return nil
			}
			_, _ = s.Register(s.t.Context(), id, s.otp("477"), teller)
			s.counter = s.open()
			v, err := s.Look(s.t.Context(), id)
			require.NoError(s.t, err)
			return v
		}},
		{"the shop closes on an open registration, and opens 12 hours later", func(s *shop) sale.View {
			id := s.toOTP("DH-1", "408")
			register(s, id, "408")
			pass(12 * time.Hour)
			s.counter = s.open()
			v, err := s.Look(s.t.Context(), id)
			require.NoError(s.t, err)
			return v
		}},
	}
}

// lived is what an event was like.
type lived struct {
	reads, ends    string
	waits, blocked time.Duration
	state          sale.State
}

func (e ordinaryEvent) lifeWith(t *testing.T, promises contract.Semantics) (l lived) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		sb, err := sandbox.New(sandbox.Config{LookupLag: 5 * time.Second})
		require.NoError(t, err)
		s := &shop{t: t, sb: sb, memory: sale.NewMemory(), promises: &promises}
		s.counter = s.open()
		v := e.live(s)
		id := v.Sale.ID
		l.reads = v.Action.Text.EN
		busy := func() bool {
			claims, err := s.memory.Busy(t.Context(), v.Sale.Order.MSISDN)
			require.NoError(t, err)
			return len(claims) > 0
		}
		began := time.Now()
		stop := func() {}
		moving := map[sale.State]bool{sale.Registering: true, sale.Resolving: true}
		for second := range 3600 {
			moves, blocked := moving[s.state(id)], busy()
			if moves {
				l.waits = time.Since(began) + time.Second
			}
			if blocked {
				l.blocked = time.Since(began) + time.Second
			}
			if !moves && !blocked {
				break
			}
			if second == 0 {
				stop = s.run(t.Context())
			}
			pass(time.Second)
		}
		stop()
		l.state = s.state(id)
		l.ends = l.state.String()
		if reason := s.sale(id).Reason; reason != "" {
			l.ends += " (" + string(reason) + ")"
		}
		if l.blocked >= time.Hour {
			l.blocked = -1
		}
		if l.state == sale.Registered {
			assert.Equal(t, 1, s.sb.Executed(v.Sale.Order.MSISDN), e.name)
		}
	})
	return l
}

// TestPractice writes docs/practice.md from real runs. With the ordinary promises no
// ordinary event ends with a person, and nobody waits longer than four minutes.
func TestPractice(t *testing.T) {
	t.Parallel()
	nothing := contract.Default().Semantics()
	ordinary := nothing
	ordinary.MaxExecutionDelay = new(contract.Duration(time.Minute))
	ordinary.LookupLagMax = contract.Duration(30 * time.Second)
	everything := ordinary
	everything.DedupeByPartnerTransID, everything.RefusalIsFinal = true, true
	sets := []struct {
		name string
		of   contract.Semantics
	}{{"nothing", nothing}, {"ordinary", ordinary}, {"everything", everything}}
	var b strings.Builder
	b.WriteString(practiceHead)
	for _, e := range ordinaryEvents() {
		fmt.Fprintf(&b, "\n## %s\n\n| promised | the screen says | decided after | ends | subscriber blocked for |\n|---|---|---|---|---|\n", strings.ToUpper(e.name[:1])+e.name[1:])
		for _, set := range sets {
			l := e.lifeWith(t, set.of)
			fmt.Fprintf(&b, "| %s | %s | %s | %s | %s |\n", set.name, l.reads, span(l.waits), l.ends, span(l.blocked))
			if set.name != "nothing" {
				assert.NotEqual(t, sale.Review, l.state, "%s with %s promised", e.name, set.name)
				assert.LessOrEqual(t, l.waits, 4*time.Minute, "%s with %s promised", e.name, set.name)
			}
		}
	}
	golden(t, filepath.Join("..", "..", "docs", "practice.md"), b.String())
}

func span(d time.Duration) string {
	switch {
	case d < 0:
		return "until a person decides"
	case d == 0:
		return "at once"
	case d < 2*time.Minute:
		return fmt.Sprintf("%d s", int(d.Seconds()))
	default:
		return fmt.Sprintf("%d min %d s", int(d.Minutes()), int(d.Seconds())%60)
	}
}

const practiceHead = `# What a shop lives through

Made from real runs against the sandbox, whose MobiFone answers at once and whose lookups
lag five seconds, by

    go test ./mobifone/sale -run TestPractice -update

How long a teller waits depends on what MobiFone has promised (docs/contract-reference.md,
"Semantics", which has these three sets as members of the document):

| set | promises |
|---|---|
| nothing | nothing is known; the default |
| ordinary | a request is carried out within 60 s or never; a lookup shows it within 30 s |
| everything | also: MobiFone dedupes by partnerTransId for ever, and its refusals are final |

The longest single wait with the ordinary set is send-by 20 s + execution 60 s + skew, lag and
margin 30 s each + 2 s = 172 s; the screen names up to 30 s more, since two of MobiFone's clocks
may differ by the skew, and is done with it sooner. With nothing promised a registration that is refused, or whose
answer is lost, waits out ` + "`holdBeforeReview`" + ` (15 minutes) and then for a supervisor: it is
told so here as honestly. "Decided after" is when the sale can go on or is at rest; the
subscriber is blocked as long as something may still be registered, and while a person has
to decide.
`
