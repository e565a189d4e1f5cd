package sale_test

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fptshop/mobifone-go/mobifone/sale"
	"github.com/fptshop/mobifone-go/mobifone/sandbox"
	"github.com/fptshop/mobifone-go/mobifone/telco"
)

// turns lets two processes act in a given order: before each store call and each request
// a process waits for its turn. When the schedule is used up both run freely.
type turns struct {
	mu       sync.Mutex
	schedule []int
	waiting  map[int]chan struct{}
	done     [2]bool
}

func newTurns(schedule []int) *turns {
	return &turns{schedule: schedule, waiting: map[int]chan struct{}{}}
}

// wait returns when it is process who's turn.
func (u *turns) wait(who int) {
	u.mu.Lock()
	u.waiting[who] = make(chan struct{})
	ch := u.waiting[who]
	u.grant()
	u.mu.Unlock()
	<-ch
}

// over says that a process has nothing more to do.
func (u *turns) over(who int) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.done[who] = true
	u.grant()
}

// grant lets the next one go once both are waiting or over.
func (u *turns) grant() {
	for {
		for who := range u.done {
			if u.waiting[who] == nil && !u.done[who] {
				return // it is still running
			}
		}
		next := -1
		switch {
		case len(u.schedule) > 0:
			next, u.schedule = u.schedule[0], u.schedule[1:]
		case u.waiting[0] != nil:
			next = 0
		case u.waiting[1] != nil:
			next = 1
		}
		switch {
		case next < 0:
			return
		case u.waiting[next] != nil:
			close(u.waiting[next])
			u.waiting[next] = nil
			return
		case len(u.schedule) == 0 && u.waiting[0] == nil && u.waiting[1] == nil:
			return
		}
	}
}

// steered is a store whose every call waits for its turn.
type steered struct {
	sale.Store
	who int
	at  *turns
}

func (k steered) Load(ctx context.Context, id string) (sale.Sale, error) {
	k.at.wait(k.who)
	return k.Store.Load(ctx, id)
}

func (k steered) Apply(ctx context.Context, c sale.Change) error {
	k.at.wait(k.who)
	return k.Store.Apply(ctx, c)
}

// deed is what a process does with the sale.
type deed func(ctx context.Context, c *counter, id string, otp telco.OTP) error

func deeds() map[string]deed {
	return map[string]deed{
		"register": func(ctx context.Context, c *counter, id string, otp telco.OTP) error {
			_, err := c.Register(ctx, id, otp, teller)
			return err
		},
		"abandon": func(ctx context.Context, c *counter, id string, _ telco.OTP) error {
			_, err := c.Abandon(ctx, id, teller)
			return err
		},
		"refund": func(ctx context.Context, c *counter, id string, _ telco.OTP) error {
			_, err := c.ClaimRefund(ctx, id, teller)
			return err
		},
		"ask": func(ctx context.Context, c *counter, id string, _ telco.OTP) error {
			_, err := c.RequestOTP(ctx, id, teller)
			return err
		},
		"resolve": func(ctx context.Context, c *counter, id string, _ telco.OTP) error {
			_, err := c.Resolve(ctx, id)
			return err
		},
		"give up and refund": func(ctx context.Context, c *counter, id string, _ telco.OTP) error {
			_, _ = c.Abandon(ctx, id, teller)
			_, err := c.ClaimRefund(ctx, id, teller)
			return err
		},
	}
}

// Two desks act on one sale, in every order of their first six store calls and requests:
// never two registrations, never a refund of a registered sale, and nothing is lost.
func TestTwoDesksInEveryOrder(t *testing.T) {
	t.Parallel()
	for other, second := range deeds() {
		t.Run("register and "+other, func(t *testing.T) {
			t.Parallel()
			for _, last3 := range []string{"477", "406", "408"} { // registered; the OTP is wrong; the reply is lost
				for bits := range 1 << 6 {
					schedule := make([]int, 6)
					for i := range schedule {
						schedule[i] = bits >> i & 1
					}
					bout(t, last3, schedule, deeds()["register"], second)
				}
			}
		})
	}
}

func bout(t *testing.T, last3 string, schedule []int, deeds ...deed) {
	t.Helper()
	inShop(t, sandbox.Config{}, func(t *testing.T, s *shop) {
		id := s.toOTP("DH-1", last3)
		otp := s.otp(last3)
		pass(2 * time.Minute)
		at := newTurns(append([]int(nil), schedule...))
		var wg sync.WaitGroup
		for who, do := range deeds {
			c := s.open(func(cfg *sale.Config) { cfg.Store = steered{cfg.Store, who, at} })
			c.tap.onTrip = func(_ *http.Request, after bool) error {
				if !after {
					at.wait(who)
				}
				return nil
			}
			wg.Go(func() { _ = do(t.Context(), c, id, otp); at.over(who) })
		}
		wg.Wait()
		synctest.Wait()
		s.settle(3 * time.Minute)
		kept, registered := s.sale(id), s.sb.Executed(number(last3))
		story := fmt.Sprintf("%v: %s, registered %d", schedule, kept.State, registered)
		require.LessOrEqual(t, registered, 1, story)
		switch kept.State {
		case sale.Registered:
			require.Equal(t, 1, registered, story)
		case sale.RefundDue, sale.Refunding, sale.Paid, sale.OTPSent:
			require.Zero(t, registered, story)
		default:
			t.Fatalf("not at rest: %s", story)
		}
		claims, err := s.memory.Busy(t.Context(), number(last3))
		require.NoError(t, err)
		assert.Empty(t, claims, story)
		s.replays(id)
	})
}
