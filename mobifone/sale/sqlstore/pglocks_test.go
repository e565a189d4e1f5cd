package sqlstore_test

import (
	"context"
	"errors"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"github.com/fptshop/mobifone-go/mobifone/sale"
	"github.com/fptshop/mobifone-go/mobifone/telco"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fptshop/mobifone-go/mobifone/sale/sqlstore"
)

// These tests stop a host in the middle of its transaction, by holding a row that it writes, and
// have another one act meanwhile.

// hold locks rows of a test's database until release is called.
func hold(t *testing.T, pool *pgxpool.Pool, rows string) (release func()) {
	t.Helper()
	tx, err := pool.Begin(t.Context())
	require.NoError(t, err)
	_, err = tx.Exec(t.Context(), rows+" FOR UPDATE")
	require.NoError(t, err)
	return func() { _ = tx.Rollback(context.Background()) }
}

// inBackground does something and waits until it is done, or until so many of the test's
// connections wait for a lock.
func inBackground(t *testing.T, pool *pgxpool.Pool, waiting int, do func() error) (result chan error) {
	t.Helper()
	result = make(chan error, 1)
	go func() { result <- do() }()
	for deadline := time.Now().Add(20 * time.Second); ; {
		require.True(t, time.Now().Before(deadline), "neither done nor waiting")
		var n int
		require.NoError(t, pool.QueryRow(t.Context(), `SELECT count(*) FROM pg_stat_activity
			WHERE wait_event_type = 'Lock' AND application_name = current_setting('application_name')`).Scan(&n))
		if n >= waiting || len(result) > 0 {
			return result
		}
		<-time.After(time.Millisecond)
	}
}

// openedSales stores the first changes of sales of one subscriber, due at dawn.
func openedSales(t *testing.T, store sale.Store, claims ...sale.ClaimChange) (states []sale.Sale) {
	t.Helper()
	for n, claim := range claims {
		c := change(n, "x")
		c.State.Order.MSISDN = change(0, "x").State.Order.MSISDN
		c.State.WakeAt, c.Claim = c.State.OpenedAt, claim
		require.NoError(t, store.Apply(t.Context(), c))
		states = append(states, c.State)
	}
	return states
}

// A claim that is being added keeps its subscriber busy, although the claim beside which it is
// added is released meanwhile.
func TestAClaimThatIsBeingAddedIsInTheWay(t *testing.T) {
	t.Parallel()
	inEachIsolation(t, testAClaimThatIsBeingAddedIsInTheWay)
}

func testAClaimThatIsBeingAddedIsInTheWay(t *testing.T, pool *pgxpool.Pool) {
	t.Helper()
	here, there := openPostgres(t, pool), openPostgres(t, pool)
	s := openedSales(t, here, sale.TakeClaim, sale.KeepClaim, sale.KeepClaim)
	release := hold(t, pool, `SELECT 1 FROM due WHERE sale_id = '`+s[1].ID+`'`)
	adding := inBackground(t, pool, 1, func() error { return here.Apply(t.Context(), after(s[1], "x", sale.Review, sale.AddClaim)) })
	require.NoError(t, there.Apply(t.Context(), after(s[0], "x", sale.Registered, sale.ReleaseClaim)))
	taking := inBackground(t, pool, 2, func() error { return there.Apply(t.Context(), after(s[2], "x", sale.Registering, sale.TakeClaim)) })
	release()
	require.NoError(t, <-adding)
	require.ErrorAs(t, <-taking, new(*sale.BusyError))
	claims, err := here.Busy(t.Context(), s[0].Order.MSISDN)
	require.NoError(t, err)
	assert.Equal(t, []sale.Claim{{SaleID: s[1].ID, Slot: 1}}, claims)
}

// A sale whose claim is being made keeps its number, or nobody could make the claim anew.
func TestAnEraseWaitsForNoClaim(t *testing.T) {
	t.Parallel()
	pool := database(t)
	config := pool.Config()
	config.MaxConns = 1 // it has prepared its statements, so that it is the asking that waits
	one, err := pgxpool.NewWithConfig(t.Context(), config)
	require.NoError(t, err)
	t.Cleanup(one.Close)
	here, there := openPostgres(t, one), openPostgres(t, pool)
	s := openedSales(t, here, sale.KeepClaim, sale.TakeClaim)
	require.NoError(t, here.Apply(t.Context(), after(s[1], "x", sale.Registered, sale.ReleaseClaim)))
	rested := after(s[0], "x", sale.Registered, sale.KeepClaim)
	require.NoError(t, here.Apply(t.Context(), rested))
	// The host has read the sale, and is stopped while it asks for the ids.
	tx, err := pool.Begin(t.Context())
	require.NoError(t, err)
	_, err = tx.Exec(t.Context(), `LOCK TABLE partner_trans_ids IN ACCESS EXCLUSIVE MODE`)
	require.NoError(t, err)
	adding := inBackground(t, pool, 1, func() error { return here.Apply(t.Context(), after(rested.State, "x", sale.Review, sale.AddClaim)) })
	erased, err := there.Erase(t.Context(), rested.State.UpdatedAt.Add(time.Hour), 10)
	require.NoError(t, err)
	require.NoError(t, tx.Rollback(t.Context()))
	require.NoError(t, <-adding)
	assert.Equal(t, 1, erased, "the other sale's alone")
	require.NoError(t, there.Rehash(t.Context(), key(50)))
}

// A change that waits for what somebody holds does not hold up the host's other changes.
func TestAChangeThatWaitsHoldsUpNoOthers(t *testing.T) {
	t.Parallel()
	pool := database(t)
	store := openPostgres(t, pool)
	s := openedSales(t, store, sale.KeepClaim, sale.KeepClaim)
	release := hold(t, pool, `SELECT 1 FROM sales WHERE id = '`+s[0].ID+`'`)
	waits := inBackground(t, pool, 1, func() error { return store.Apply(t.Context(), after(s[0], "x", sale.Paid, sale.KeepClaim)) })
	require.NoError(t, store.Apply(t.Context(), after(s[1], "x", sale.Paid, sale.KeepClaim)))
	assert.Empty(t, waits, "it still waits")
	release()
	require.NoError(t, <-waits)
}

// A claim that is being taken is made anew by a Rehash as well.
func TestARehashMissesNoClaim(t *testing.T) {
	t.Parallel()
	inEachIsolation(t, testARehashMissesNoClaim)
}

func testARehashMissesNoClaim(t *testing.T, pool *pgxpool.Pool) {
	t.Helper()
	here, there := openPostgres(t, pool), openPostgres(t, pool)
	s := openedSales(t, here, sale.KeepClaim)
	release := hold(t, pool, `SELECT 1 FROM due`)
	taking := inBackground(t, pool, 1, func() error { return here.Apply(t.Context(), after(s[0], "x", sale.Registering, sale.TakeClaim)) })
	rehash := inBackground(t, pool, 2, func() error { return there.Rehash(t.Context(), key(50)) })
	release()
	require.NoError(t, <-taking)
	require.NoError(t, <-rehash)
	claims, err := there.Busy(t.Context(), s[0].Order.MSISDN)
	require.NoError(t, err)
	assert.Equal(t, []sale.Claim{{SaleID: s[0].ID}}, claims)
}

// A claim that is given up while a Rehash makes all claims anew does not come back.
func TestARehashBringsNoClaimBack(t *testing.T) {
	t.Parallel()
	inEachIsolation(t, testARehashBringsNoClaimBack)
}

func testARehashBringsNoClaimBack(t *testing.T, pool *pgxpool.Pool) {
	t.Helper()
	here, there := openPostgres(t, pool), openPostgres(t, pool)
	s := openedSales(t, here, sale.TakeClaim)
	release := hold(t, pool, `SELECT 1 FROM busy_claims`)
	rehash := inBackground(t, pool, 1, func() error { return there.Rehash(t.Context(), key(50)) })
	releasing := inBackground(t, pool, 2, func() error { return here.Apply(t.Context(), after(s[0], "x", sale.Registered, sale.ReleaseClaim)) })
	release()
	require.NoError(t, <-rehash)
	require.NoError(t, <-releasing)
	claims, err := there.Busy(t.Context(), s[0].Order.MSISDN)
	require.NoError(t, err)
	assert.Empty(t, claims)
}

// Postpone does nothing to a sale that is being changed: the change says when it is due.
func TestPostponeWaitsForTheChange(t *testing.T) {
	t.Parallel()
	inEachIsolation(t, testPostponeWaitsForTheChange)
}

func testPostponeWaitsForTheChange(t *testing.T, pool *pgxpool.Pool) {
	t.Helper()
	here, there := openPostgres(t, pool), openPostgres(t, pool)
	s := openedSales(t, here, sale.TakeClaim)
	for _, late := range []time.Time{s[0].WakeAt.Add(time.Hour), {}} {
		release := hold(t, pool, `SELECT 1 FROM busy_claims`)
		c := after(s[0], "x", sale.Registered, sale.ReleaseClaim)
		if !late.IsZero() {
			c = after(s[0], "x", sale.Registering, sale.TakeClaim)
		}
		c.State.WakeAt = s[0].WakeAt.Add(time.Minute)
		changing := inBackground(t, pool, 1, func() error { return here.Apply(t.Context(), c) })
		postponed := inBackground(t, pool, 2, func() error { return there.Postpone(t.Context(), s[0].ID, s[0].Version, late) })
		release()
		require.NoError(t, <-changing)
		require.NoError(t, <-postponed)
		s[0] = c.State
		got, err := here.Load(t.Context(), s[0].ID)
		require.NoError(t, err)
		assert.Equal(t, c.State.WakeAt, got.WakeAt)
	}
}

// A change cannot give a sale another subscriber, whose claim would be made instead.
func TestAChangeWithAnotherSubscriberIsRefused(t *testing.T) {
	t.Parallel()
	store := openPostgres(t, database(t))
	s := openedSales(t, store, sale.KeepClaim)
	c := after(s[0], "x", sale.Registering, sale.TakeClaim)
	c.State.Order.MSISDN = change(7, "x").State.Order.MSISDN
	require.ErrorContains(t, store.Apply(t.Context(), c), "another subscriber than the sale")
	claims, err := store.Busy(t.Context(), c.State.Order.MSISDN)
	require.NoError(t, err)
	assert.Empty(t, claims)
}

// deaf is a connection whose answers are lost from its n-th write on.
type deaf struct {
	net.Conn

	writes *atomic.Int64 // how many until it is deaf; below 0: it hears
}

var errCut = errors.New("cut as planted")

func (d deaf) Write(b []byte) (int, error) {
	n, err := d.Conn.Write(b)
	d.writes.Add(-1)
	return n, err
}

func (d deaf) Read(b []byte) (int, error) {
	n, err := d.Conn.Read(b)
	if d.writes.Load() == 0 {
		_ = d.Conn.Close()
		return 0, errCut
	}
	return n, err
}

// When the connection is cut after the commit was sent, nobody knows whether it happened; when it
// is cut before, nothing did.
func TestACutConnection(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		writes  int64
		unknown bool
	}{"while it asks": {1, false}, "while it writes": {2, true}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var writes atomic.Int64
			pool := databaseOver(t, func(ctx context.Context, network, addr string) (net.Conn, error) {
				conn, err := (&net.Dialer{}).DialContext(ctx, network, addr)
				return deaf{conn, &writes}, err
			})
			writes.Store(-1 << 40)
			store := openPostgres(t, pool)
			for n := range 3 { // the statements are prepared
				require.NoError(t, store.Apply(t.Context(), change(n, "x")))
			}
			writes.Store(tc.writes)
			c := change(7, "x")
			err := store.Apply(t.Context(), c)
			writes.Store(-1 << 40)
			require.Error(t, err)
			assert.Equal(t, tc.unknown, errors.Is(err, sqlstore.ErrUnknown), "%v", err)
			got, err := store.Load(t.Context(), c.SaleID)
			if !tc.unknown {
				require.ErrorAs(t, err, new(*sale.NotFoundError))
				return
			}
			require.NoError(t, err, "the server heard it")
			assert.Equal(t, c.State, got)
		})
	}
}

// A host that stopped in the middle of a transaction holds up others for seconds only.
func TestAStoppedHostIsLeftBehind(t *testing.T) {
	t.Parallel()
	pool := database(t)
	store := openPostgres(t, pool)
	s := openedSales(t, store, sale.KeepClaim)
	err := pgx.BeginFunc(t.Context(), pool, func(tx pgx.Tx) error {
		var says string
		if err := tx.QueryRow(t.Context(), sqlstore.PostgresSettings).Scan(&says, new(string), new(string), new(string), new(string)); err != nil {
			return err
		}
		assert.Equal(t, "5s", says)
		if _, err := tx.Exec(t.Context(), `SELECT 1 FROM sales FOR UPDATE`); err != nil {
			return err
		}
		// The host stands still here; the other one waits for it, and then goes on.
		return store.Apply(t.Context(), after(s[0], "x", sale.Paid, sale.KeepClaim))
	})
	require.ErrorContains(t, err, "idle-in-transaction", "the one that stood still is told")
	got, err := store.Load(t.Context(), s[0].ID)
	require.NoError(t, err)
	assert.Equal(t, sale.Paid, got.State)
}

// From its very commit on claims are read with the new key, and a claim whose number is gone is
// damage.
func TestRehashOnPostgres(t *testing.T) {
	t.Parallel()
	pool := database(t)
	var store onPostgres
	var read error
	armed := false
	store = openPostgres(t, pool, sqlstore.WithCommit(func(commit func() error) error {
		err := commit()
		if armed {
			_, read = store.Busy(t.Context(), change(0, "x").State.Order.MSISDN)
		}
		return err
	}))
	openedSales(t, store, sale.TakeClaim)
	armed = true
	require.NoError(t, store.Rehash(t.Context(), key(98)))
	require.NoError(t, read)
	armed = false
	_, err := pool.Exec(t.Context(), `UPDATE sales SET msisdn_cipher = NULL, msisdn_key_id = NULL`)
	require.NoError(t, err)
	require.ErrorAs(t, store.Rehash(t.Context(), key(97)), new(*sqlstore.CorruptError))
}

// Reencrypt returns 0 only when nothing is left, also when somebody is about to change a sale: the
// old key is thrown away after it.
func TestReencryptPassesNobodyOver(t *testing.T) {
	t.Parallel()
	pool := database(t)
	s := openedSales(t, openPostgres(t, pool), sale.KeepClaim)
	newer, err := sqlstore.OnPostgres(t.Context(), pool, ringOf("k2", map[string]telco.Secret{"k1": key(1), "k2": key(2)}))
	require.NoError(t, err)
	release := hold(t, pool, `SELECT 1 FROM sales`)
	done := inBackground(t, pool, 1, func() error {
		n, err := newer.Reencrypt(t.Context(), 10)
		assert.Equal(t, 1, n)
		return err
	})
	release()
	require.NoError(t, <-done)
	n, err := newer.Reencrypt(t.Context(), 10)
	require.NoError(t, err)
	assert.Zero(t, n)
	var id string
	require.NoError(t, pool.QueryRow(t.Context(), `SELECT msisdn_key_id FROM sales WHERE id = $1`, s[0].ID).Scan(&id))
	assert.Equal(t, "k2", id)
}
