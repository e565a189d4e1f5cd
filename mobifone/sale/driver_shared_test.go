package sale_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fptshop/mobifone-go/mobifone/sale"
	"github.com/fptshop/mobifone-go/mobifone/sandbox"
	"github.com/fptshop/mobifone-go/mobifone/telco"
)

// shared is a store of several hosts: a due sale is given to one of them. dead keeps what it was
// given for ever, as a host that dies does.
type shared struct {
	sale.Store

	mu    *sync.Mutex
	taken *[][]string
	dead  bool
}

func (s shared) TakeDue(ctx context.Context, now, until time.Time, limit int) ([]string, time.Time, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	ids, _, err := s.Due(ctx, now, limit)
	if err != nil {
		return nil, time.Time{}, err
	}
	for _, id := range ids {
		kept, err := s.Load(ctx, id)
		if err != nil {
			return nil, time.Time{}, err
		}
		if err := s.Postpone(ctx, id, kept.Version, until); err != nil {
			return nil, time.Time{}, err
		}
	}
	*s.taken = append(*s.taken, ids)
	_, next, err := s.Due(ctx, time.Time{}, 0)
	if s.dead {
		ids = nil
	}
	return ids, next, err
}

// Hosts on one store share what is due: each takes no more than it has room for, none looks up
// what another one has taken, and what a dead one has taken comes back in half a minute.
func TestHostsShareWhatIsDue(t *testing.T) {
	t.Parallel()
	inShop(t, sandbox.Config{}, func(t *testing.T, s *shop) {
		var ids []string
		for i := range 150 {
			id := s.toOTP(fmt.Sprintf("DH-%d", i), fmt.Sprintf("%03d", 100+i))
			s.script(sandbox.Fault{Operation: telco.OpRegister, MSISDN: fmt.Sprintf("0908123%03d", 100+i), Kind: "drop"})
			_, err := s.Register(t.Context(), id, s.otp(fmt.Sprintf("%03d", 100+i)), teller)
			require.Error(t, err)
			ids = append(ids, id)
		}
		pass(2 * time.Minute) // all of them are due
		var mu sync.Mutex
		var dead, alive [][]string
		stop := s.open(func(cfg *sale.Config) { cfg.Store = shared{cfg.Store, &mu, &dead, true} }).run(t.Context())
		pass(time.Second)
		stop()
		took := slices.Concat(dead...)
		require.NotEmpty(t, took)
		since := time.Now()
		var stops []func()
		for range 3 {
			c := s.open(func(cfg *sale.Config) { cfg.Store = shared{cfg.Store, &mu, &alive, false} })
			stops = append(stops, c.run(t.Context()))
		}
		pass(20 * time.Second)
		for _, id := range ids {
			assert.Equal(t, slices.Contains(took, id), s.state(id) == sale.Resolving, id)
		}
		pass(31*time.Second - time.Since(since))
		for _, stop := range stops {
			stop()
		}
		for _, id := range ids {
			assert.NotEqual(t, sale.Resolving, s.state(id))
		}
		mu.Lock()
		defer mu.Unlock()
		all := slices.Concat(alive...)
		slices.Sort(all)
		assert.Equal(t, all, slices.Compact(slices.Clone(all)), "a sale was taken twice")
		for _, ids := range slices.Concat(dead, alive) {
			assert.LessOrEqual(t, len(ids), 64)
		}
	})
}
