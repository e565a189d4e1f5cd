package sale_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fptshop/mobifone-go/mobifone/sale"
	"github.com/fptshop/mobifone-go/mobifone/sandbox"
	"github.com/fptshop/mobifone-go/mobifone/telco"
)

// Two drivers on one store, many lost replies: all come to rest, each registered once, and
// the drivers leave no goroutine.
func TestRunResolvesAll(t *testing.T) {
	t.Parallel()
	inShop(t, sandbox.Config{}, func(t *testing.T, s *shop) {
		var ids []string
		for i := range 40 {
			last3 := fmt.Sprintf("%d%02d", 4+i%5, []int{8, 9}[i%2])
			if i >= 10 {
				last3 = fmt.Sprintf("1%02d", 10+i)
			}
			id := s.toOTP(fmt.Sprintf("DH-%d", i), last3)
			s.script(sandbox.Fault{Operation: telco.OpRegister, MSISDN: "0908123" + last3, Kind: "drop"})
			_, err := s.Register(t.Context(), id, s.otp(last3), teller)
			require.Error(t, err)
			ids = append(ids, id)
		}
		stops := []func(){s.run(t.Context()), s.open().run(t.Context())}
		pass(3 * time.Minute)
		for _, stop := range stops {
			stop()
		}
		for _, id := range ids {
			kept := s.sale(id)
			assert.Contains(t, []sale.State{sale.Registered, sale.Paid}, kept.State)
			assert.Equal(t, kept.State == sale.Registered, s.sb.ExecutedFor(kept.PartnerTransID) == 1)
			s.replays(id)
		}
		stacks := make([]byte, 1<<20)
		stacks = stacks[:runtime.Stack(stacks, true)]
		for g := range strings.SplitSeq(string(stacks), "\n\n") {
			assert.False(t, strings.Contains(g, "sale.(*Desk).Run") && strings.Contains(g, "TestRunResolvesAll"), g)
		}
	})
}

// A full batch of sales that cannot even be loaded does not hold up the one that can, and
// is not tried without a pause.
func TestRunIsNotHeldUp(t *testing.T) {
	t.Parallel()
	inShop(t, sandbox.Config{}, func(t *testing.T, s *shop) {
		id := s.toOTP("DH-1", "408")
		_, err := s.Register(t.Context(), id, s.otp("408"), teller)
		require.Error(t, err)
		stuck := &poisoned{Store: s.memory, n: 300}
		c := s.open(func(cfg *sale.Config) { cfg.Store = stuck })
		ctx, cancel := context.WithCancel(t.Context())
		stuck.enough = cancel // fake time stands still for a driver that never pauses
		stop := c.run(ctx)
		pass(time.Minute)
		stop()
		assert.Equal(t, sale.Registered, s.state(id))
		assert.LessOrEqual(t, stuck.loads, 300*5, "each tried after ten seconds, then twice as long")
		assert.GreaterOrEqual(t, stuck.loads, 300*3, "and not given up")
	})
}

// poisoned lists sales that cannot be loaded before all others.
type poisoned struct {
	sale.Store
	n      int
	enough func()
	mu     sync.Mutex
	loads  int
}

func (p *poisoned) Due(ctx context.Context, now time.Time, limit int) ([]string, time.Time, error) {
	ids := make([]string, 0, limit)
	for i := range min(p.n, limit) {
		ids = append(ids, fmt.Sprintf("poison-%d", i))
	}
	more, next, err := p.Store.Due(ctx, now, limit-len(ids))
	return append(ids, more...), next, err
}

var errKey = errors.New("the key is missing")

func (p *poisoned) Load(ctx context.Context, id string) (sale.Sale, error) {
	if strings.HasPrefix(id, "poison") {
		p.mu.Lock()
		if p.loads++; p.loads > 100*p.n {
			p.enough()
		}
		p.mu.Unlock()
		return sale.Sale{}, errKey
	}
	return p.Store.Load(ctx, id)
}
