package sqlstore_test

import (
	"context"
	"crypto/rand"
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/fptshop/mobifone-go/mobifone/sale"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgconn/ctxwatch"
	"github.com/jackc/pgx/v5/pgproto3"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fptshop/mobifone-go/mobifone/sale/sqlstore"
)

// These tests are about what is told of a change that is not stored, and of those beside it.

// A change that the server cannot store fails alone: those that share its transaction do not.
func TestAChangeThatCannotBeStoredFailsAlone(t *testing.T) {
	t.Parallel()
	pool := database(t)
	store := openPostgres(t, pool)
	// Nobody compresses it below what an index takes.
	var long strings.Builder
	for range 400 {
		long.WriteString(rand.Text())
	}
	n := 0
	for name, spoil := range map[string]func(*sale.Change){
		"NUL in the order":      func(c *sale.Change) { c.State.Order.ID += "\x00" },
		"no UTF-8 in the order": func(c *sale.Change) { c.State.Order.ID += "\xff" },
		"NUL in the employee":   func(c *sale.Change) { c.Events[0].By += "\x00" },
		"a long order":          func(c *sale.Change) { c.State.Order.ID += long.String() },
	} {
		var changes []sale.Change
		for range 12 {
			n++
			changes = append(changes, change(n, "x"))
		}
		spoil(&changes[5])
		var wg sync.WaitGroup
		errs := make([]error, len(changes))
		for i, c := range changes {
			wg.Go(func() { errs[i] = store.Apply(t.Context(), c) })
		}
		wg.Wait()
		for i, err := range errs {
			if i == 5 {
				require.Error(t, err, name)
				require.NotErrorIs(t, err, sqlstore.ErrUnknown, name)
				continue
			}
			require.NoError(t, err, name)
			got, err := store.Load(t.Context(), changes[i].SaleID)
			require.NoError(t, err)
			assert.Equal(t, changes[i].State, got)
		}
	}
}

// So it is whatever the timing: the round that all of them share ends, and is not tried for ever.
func TestARoundEndsForWhatCannotBeStored(t *testing.T) {
	t.Parallel()
	store := openPostgres(t, database(t))
	bad := change(2, "x")
	bad.State.Order.ID += "\x00"
	errs, err := store.ApplyTogether(change(1, "x"), bad, change(3, "x"))
	require.NoError(t, err)
	require.NoError(t, errs[0])
	require.Error(t, errs[1])
	require.NoError(t, errs[2])
	_, err = store.Load(t.Context(), change(3, "x").SaleID)
	require.NoError(t, err)
}

// pooler is a connection through a pooler that loses the answer to a commit, and says so.
type pooler struct {
	net.Conn

	writes *atomic.Int64 // how many until it loses the answer; below 0: it loses none
	says   *[]byte
}

func (p pooler) Write(b []byte) (int, error) {
	n, err := p.Conn.Write(b)
	p.writes.Add(-1)
	return n, err
}

func (p pooler) Read(b []byte) (int, error) {
	n, err := p.Conn.Read(b)
	if left := p.writes.Load(); left > 0 || left < -100 {
		return n, err
	}
	if len(*p.says) == 0 {
		return 0, io.EOF
	}
	n = copy(b, *p.says)
	*p.says = (*p.says)[n:]
	return n, nil
}

// The server answers a whole transaction at once. When the answer is lost, a pooler's error comes
// in the place of the first statement's, whatever became of the commit.
func TestAPoolersErrorIsUnknown(t *testing.T) {
	t.Parallel()
	for _, says := range []pgproto3.ErrorResponse{
		{Severity: "FATAL", SeverityUnlocalized: "FATAL", Code: "08P01", Message: "server conn crashed?"}, // PgBouncer
		{Severity: "FATAL", Code: "08P01", Message: "server conn crashed?"},
		{Severity: "ERROR", SeverityUnlocalized: "ERROR", Code: "08006", Message: "remote server read/write error"},
		{Severity: "FATAL", SeverityUnlocalized: "FATAL", Code: "57P01", Message: "terminating connection"},
	} {
		t.Run(says.Severity+" "+says.Code, func(t *testing.T) {
			t.Parallel()
			answer, err := says.Encode(nil)
			require.NoError(t, err)
			var writes atomic.Int64
			writes.Store(-1 << 40)
			pool := databaseOver(t, func(ctx context.Context, network, addr string) (net.Conn, error) {
				conn, err := (&net.Dialer{}).DialContext(ctx, network, addr)
				return pooler{conn, &writes, &answer}, err
			})
			store := openPostgres(t, pool)
			for n := range 3 { // the statements are prepared
				require.NoError(t, store.Apply(t.Context(), change(n, "x")))
			}
			writes.Store(2)
			c := change(7, "x")
			err = store.Apply(t.Context(), c)
			writes.Store(-1 << 40)
			require.ErrorIs(t, err, sqlstore.ErrUnknown)
			_, err = store.Load(t.Context(), c.SaleID)
			require.NoError(t, err, "the server heard it")
		})
	}
}

// A server that gives up waiting for its standby because it was told to acknowledges the commit all
// the same, with no more than a notice. A pool may tell it so when a deadline ends.
func TestACommitThatOutlastsItsTimeIsUnknown(t *testing.T) {
	t.Parallel()
	pool := databaseWith(t, func(c *pgxpool.Config) {
		c.ConnConfig.BuildContextWatcherHandler = func(conn *pgconn.PgConn) ctxwatch.Handler {
			return &pgconn.CancelRequestContextWatcherHandler{Conn: conn, DeadlineDelay: time.Minute}
		}
	})
	store := openPostgres(t, pool)
	require.NoError(t, store.Apply(t.Context(), change(1, "x")))
	// It stands for the wait: it ends with the cancel, and the commit goes on.
	_, err := pool.Exec(t.Context(), `CREATE FUNCTION wait() RETURNS trigger LANGUAGE plpgsql AS $$
		BEGIN PERFORM pg_sleep(60); RETURN NULL; EXCEPTION WHEN query_canceled THEN RETURN NULL; END $$;
		CREATE CONSTRAINT TRIGGER waits AFTER INSERT ON events DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION wait();
		CREATE CONSTRAINT TRIGGER waits AFTER UPDATE ON settings DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION wait()`)
	require.NoError(t, err)
	hasty := openPostgres(t, pool, sqlstore.WithTimeout(time.Second))
	require.ErrorIs(t, hasty.Apply(t.Context(), change(2, "x")), sqlstore.ErrUnknown)
	require.ErrorIs(t, hasty.Rehash(t.Context(), key(50)), sqlstore.ErrUnknown)
}
