package sqlstore

// This file runs the changes of a batch on PostgreSQL, many in one transaction of two round trips:
// the first, here, locks and asks every question; the second writes and commits, see pground.go.
// What is decided in between is in apply.go, the same as for SQLite. Each statement works on a whole
// batch, because what a statement costs is mostly the way to the server and through its executor.

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"slices"
	"strings"

	"github.com/fptshop/mobifone-go/mobifone/sale"
	"github.com/fptshop/mobifone-go/mobifone/telco"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

// Apply is [sale.Store].Apply. While its change waits for its turn, the end of ctx means that
// nothing happened. Once the change is being written, Apply waits for what becomes of it, for as
// long as [WithTimeout] says and not longer, also when ctx ends.
func (s *Postgres) Apply(ctx context.Context, c sale.Change) error {
	ready, err := s.keys.ready(c)
	if err != nil {
		return err
	}
	return s.queue.submit(ctx, ready)
}

// runBatch writes the changes of all in one transaction. Two of them that exclude each other make
// the same key (the next event of a sale, an order, an id, the slot of a claim), and so does what
// another host writes at the same moment; and one of them may hold what the server cannot store.
// Then the server refuses them all, without saying which one it is. Each is then written alone,
// asks again, and is told.
func (s *Postgres) runBatch(batch []*work[change]) {
	switch err := s.runRound(batch); {
	case err == nil:
	case !again(err) && !(len(batch) > 1 && unfit(err)):
		fail(batch, err)
	default:
		for _, each := range batch {
			s.runAlone(each)
		}
	}
}

// runAlone writes one change, again when another host made the same thing at the same moment. The next
// round sees what that host has stored, so it ends in a refusal or a success; ten tries are a bound for
// a subscriber or sale that many hosts fight over.
func (s *Postgres) runAlone(one *work[change]) {
	for try := 1; ; try++ {
		alone := []*work[change]{one}
		err := s.runRound(alone)
		if err == nil {
			return
		}
		if !again(err) || try == 10 {
			fail(alone, err)
			return
		}
	}
}

// again reports whether a transaction failed only because of what another one did meanwhile: it
// made the same key, or waited for what this one held. Nothing of it is stored.
func again(err error) bool {
	// unique_violation, serialization_failure, deadlock_detected
	code, ok := refusal(err)
	return ok && slices.Contains([]string{"23505", "40001", "40P01"}, code)
}

// unfit reports whether a transaction failed because of what a change holds, such as a NUL in a
// text, or a text that is too long for an index. Nothing of it is stored.
func unfit(err error) bool {
	// The classes data exception, integrity constraint violation and program limit exceeded.
	code, ok := refusal(err)
	return ok && slices.Contains([]string{"22", "23", "54"}, code[:2])
}

// refusal returns the SQLSTATE with which the server refused a statement, so that the transaction
// stored nothing. ok is false when the connection ended with the error (FATAL), or was lost (class
// 08): a pooler reports that also when the server has committed and its answer is lost.
func refusal(err error) (code string, ok bool) {
	e, ok := errors.AsType[*pgconn.PgError](err)
	if !ok || errors.Is(err, ErrUnknown) || e.SeverityUnlocalized != "ERROR" || len(e.Code) != 5 || strings.HasPrefix(e.Code, "08") {
		return "", false
	}
	return e.Code, true
}

// runRound writes a round in one transaction and gives each its result. An error is that of the
// whole round, of which nothing is stored unless it is [ErrUnknown].
func (s *Postgres) runRound(round []*work[change]) error {
	// The round is nobody's own, so no caller's ctx ends it.
	ctx, cancel := context.WithTimeout(context.Background(), s.options.patience)
	defer cancel()
	conn, err := s.pool.Acquire(ctx)
	if err != nil {
		return err
	}
	defer conn.Release()
	r := &pgRound{key: s.busy.Load(), results: make([]error, len(round))}
	if err := r.ask(ctx, s, conn, round); err != nil {
		return s.rollback(conn, err)
	}
	// All were refused, and there is nothing to commit. The refusals still have to come from a
	// transaction that ended well.
	if len(r.ids) == 0 {
		if err := s.rollback(conn, nil); err != nil {
			return err
		}
	} else if err := r.write(ctx, s, conn); err != nil {
		return s.rollback(conn, err)
	}
	for i, each := range round {
		each.err = r.results[i]
	}
	return nil
}

// rollback ends the transaction that err has spoilt, so that the connection may be used again, and
// returns err, or without one what failed in it. A connection that cannot even do that is closed by the
// pool. It has a time of its own: that of the round may be up.
func (s *Postgres) rollback(conn *pgxpool.Conn, err error) error {
	ctx, cancel := context.WithTimeout(context.Background(), s.options.patience)
	defer cancel()
	_, failed := conn.Exec(ctx, `ROLLBACK`)
	if err == nil {
		return failed
	}
	return err
}

// claimLock is the advisory lock that everybody who touches claims holds: shared for a change, alone
// for a Rehash. The number is "mobiclms" in ASCII, and must never change: programs of two versions
// lock each other out by it.
const claimLock = 0x6d6f6269636c6d73

// pgSettings are those of a transaction that writes. One that its host has left, because the host
// stopped in the middle of it, is ended: it holds up whoever touches the same sales. What is
// acknowledged is on the disk, whatever the caller has set for other tables. And every row is
// found by an index: the planner would read the whole table while it has no statistics, and keep
// that plan.
const pgSettings = `SELECT set_config('idle_in_transaction_session_timeout', '5s', true), set_config('synchronous_commit', 'on', true),
	set_config('enable_seqscan', 'off', true), set_config('enable_hashjoin', 'off', true), set_config('enable_mergejoin', 'off', true)`

// ask begins the transaction, locks what the round touches, and decides what becomes of each
// change. Each statement sees what was committed before it began, so what is read after a lock
// stays true until the end. Locks are taken in one order by all: claims, then sales by id.
func (r *pgRound) ask(ctx context.Context, s *Postgres, conn *pgxpool.Conn, round []*work[change]) error {
	q := r.questions(round)
	known := answers{stored: map[string]stored{}, orders: map[[2]string]string{}, owners: map[telco.PartnerTransID]string{}, claims: map[string][]sale.Claim{}}
	b := &pgx.Batch{}
	b.Queue(`BEGIN ISOLATION LEVEL READ COMMITTED`)
	b.Queue(pgSettings)
	if q.claims {
		b.Queue(`SELECT pg_advisory_xact_lock_shared($1)`, int64(claimLock))
	}
	// A lock for each subscriber, not for each claim: a claim that is not there yet has no row to lock.
	// The key is read under claimLock, so no Rehash changes it before this round ends.
	if len(q.hashes) > 0 {
		b.Queue(`SELECT pg_advisory_xact_lock(k) FROM unnest($1::bigint[]) k`, q.locks)
		b.Queue(`SELECT value FROM settings WHERE name = 'busy-key'`).QueryRow(func(row pgx.Row) error { return row.Scan(&known.busyKey) })
	}
	b.Queue(`SELECT id, version, msisdn_cipher, msisdn_key_id FROM sales WHERE id = ANY($1) ORDER BY id FOR NO KEY UPDATE`, q.sales).Query(known.readSales)
	if len(q.shops) > 0 {
		b.Queue(`SELECT s.shop, s.order_id, s.id FROM unnest($1::text[], $2::text[]) u (shop, order_id)
			JOIN sales s ON s.shop = u.shop AND s.order_id = u.order_id`, q.shops, q.orders).Query(known.readOrders)
	}
	b.Queue(`SELECT partner_trans_id, sale_id FROM partner_trans_ids WHERE partner_trans_id = ANY($1)`, q.ids).Query(known.readOwners)
	if len(q.hashes) > 0 {
		b.Queue(`SELECT hash, sale_id, slot FROM busy_claims WHERE hash = ANY($1) ORDER BY slot`, q.hashes).Query(known.readClaims)
	}
	if err := conn.SendBatch(ctx, b).Close(); err != nil {
		return err
	}
	if len(q.hashes) > 0 && !bytes.Equal(known.busyKey, r.key.check) {
		return r.otherKey(s, known.busyKey)
	}
	for i, each := range round {
		if err := r.decide(s.keys, each.do, known); err != nil {
			r.results[i] = err
		}
	}
	return nil
}

// otherKey is the error of a round whose claims were locked with a key that is not the agreed one
// any more: the round is done again if a Rehash of this process has changed it meanwhile.
func (r *pgRound) otherKey(s *Postgres, check []byte) error {
	agreed, err := s.busyKeyOf(check)
	if err != nil {
		return err
	}
	s.busy.Store(agreed)
	return &pgconn.PgError{SeverityUnlocalized: "ERROR", Code: "40001", Message: "the claims have another key meanwhile"}
}

// asked is what a round has to know, as arguments of the statements that ask for it.
type asked struct {
	// All sales of the round, the partnerTransIds of all, and the orders of the new ones: shops[i] with
	// orders[i].
	sales, ids, shops, orders []string
	// A claim is made or given up.
	claims bool
	// The subscribers whose claims are asked for, and the advisory lock of each: the first 8 bytes of
	// the hash. Two subscribers may share a lock, and then wait for each other without need.
	hashes [][]byte
	locks  []int64
}

// questions collects what the round has to know. The locks of claims are sorted, so that two
// rounds never wait for each other.
func (r *pgRound) questions(round []*work[change]) (q asked) {
	for _, each := range round {
		c := each.do
		q.sales = append(q.sales, c.SaleID)
		if c.Expected == 0 {
			q.shops, q.orders = append(q.shops, c.State.Order.Shop), append(q.orders, c.State.Order.ID)
		}
		for _, id := range c.State.PartnerTransIDs() {
			q.ids = append(q.ids, string(id))
		}
		q.claims = q.claims || c.Claim != sale.KeepClaim
		if c.Claim == sale.TakeClaim || c.Claim == sale.AddClaim {
			hash := r.key.hash(c.State.Order.MSISDN)
			q.hashes = append(q.hashes, hash)
			q.locks = append(q.locks, int64(binary.BigEndian.Uint64(hash)))
		}
	}
	slices.Sort(q.locks)
	return q
}

// stored is what a sale has in the database that decides about a change of it.
type stored struct {
	version int64
	cipher  []byte
	keyID   string
}

// answers is what the database says to a round's questions. What it does not have is in no map.
type answers struct {
	// The check value of the key that the claims are made with.
	busyKey []byte
	// By sale.
	stored map[string]stored
	// The sale of an order, by shop and order id.
	orders map[[2]string]string
	// The sale of a partnerTransId.
	owners map[telco.PartnerTransID]string
	// By hash, in the order of slots.
	claims map[string][]sale.Claim
}

// readSales reads the rows of the sales, which are locked until the round ends.
func (a *answers) readSales(rows pgx.Rows) error {
	var id string
	var keyID *string
	var one stored
	_, err := pgx.ForEachRow(rows, []any{&id, &one.version, &one.cipher, &keyID}, func() error {
		if one.keyID = ""; keyID != nil {
			one.keyID = *keyID
		}
		a.stored[id] = one
		return nil
	})
	return err
}

// readOrders reads which sale each order of a new sale has already.
func (a *answers) readOrders(rows pgx.Rows) error {
	var order [2]string
	var id string
	_, err := pgx.ForEachRow(rows, []any{&order[0], &order[1], &id}, func() error {
		a.orders[order] = id
		return nil
	})
	return err
}

// readOwners reads whose the partnerTransIds are.
func (a *answers) readOwners(rows pgx.Rows) error {
	var id, owner string
	_, err := pgx.ForEachRow(rows, []any{&id, &owner}, func() error {
		a.owners[telco.PartnerTransID(id)] = owner
		return nil
	})
	return err
}

// readClaims reads the claims on the subscribers of the round.
func (a *answers) readClaims(rows pgx.Rows) error {
	var hash []byte
	var c sale.Claim
	_, err := pgx.ForEachRow(rows, []any{&hash, &c.SaleID, &c.Slot}, func() error {
		a.claims[string(hash)] = append(a.claims[string(hash)], c)
		return nil
	})
	return err
}
