package main

// This file opens what a command needs, in the way a till does: contract, client, store, desk
// and quota. What is not configured is said together with how to configure it.

import (
	"context"
	"database/sql"
	"errors"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/fptshop/mobifone-go/mobifone"
	"github.com/fptshop/mobifone-go/mobifone/contract"
	"github.com/fptshop/mobifone-go/mobifone/quota"
	"github.com/fptshop/mobifone-go/mobifone/sale"
	"github.com/fptshop/mobifone-go/mobifone/sale/sqlstore"
	"github.com/fptshop/mobifone-go/mobifone/telco"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/redis/go-redis/v9"
)

// engineTimeout bounds what is asked of a database or an engine before anything else.
const engineTimeout = 5 * time.Second

// wire is the contract in force.
func (a *app) wire() (*contract.Contract, error) {
	if a.set.Contract == "" {
		return contract.Default(), nil
	}
	c, err := loadContract(a.set.Contract)
	if err != nil {
		f := a.ofFile(a.set.Contract, err)
		f.code = exitUsage
		return nil, f
	}
	return c, nil
}

// keys are those of the keys file.
func (a *app) keys() (keys, error) {
	k, err := readKeys(a.set.Keys)
	if err != nil {
		return k, a.misused("--keys: "+err.Error(), a.t("nêu tệp khóa của sổ này, mà bạn đọc được: --keys hay $MOBIFONE_KEYS",
			"name the keys file of this store, one that you can read: --keys or $MOBIFONE_KEYS"))
	}
	return k, nil
}

// loadContract reads a contract's file.
func loadContract(file string) (*contract.Contract, error) {
	text, err := os.ReadFile(file) //nolint:gosec // the operator names it
	if err != nil {
		return nil, err
	}
	return contract.Load(text)
}

// credentials are those of the environment.
func (a *app) credentials() (telco.Credentials, error) {
	c := telco.Credentials{APIKey: a.set.APIKey, Secret: a.set.Secret, Username: a.set.Username, Password: a.set.Password}
	var err error
	if a.set.PrivateKey != "" {
		if c.PrivateKey, err = readPrivateKey(a.set.PrivateKey); err != nil {
			return c, a.misused("$MOBIFONE_PRIVATE_KEY: "+err.Error(), a.t("khóa RSA dạng PEM (PKCS #8)", "an RSA key in PEM (PKCS #8)"))
		}
	}
	if a.set.VerifyKey != "" {
		if c.VerifyKey, err = readPublicKey(a.set.VerifyKey); err != nil {
			return c, a.misused("$MOBIFONE_VERIFY_KEY: "+err.Error(), a.t("khóa công khai dạng PEM (PKIX)", "a public key in PEM (PKIX)"))
		}
	}
	return c, nil
}

// connect makes the client. It sends nothing.
func (a *app) connect(ctx context.Context) (*mobifone.Client, error) {
	if a.set.URL == "" {
		return nil, a.misused(a.t("chưa biết địa chỉ của MobiFone", "MobiFone's address is not known"),
			a.t("đặt $MOBIFONE_URL hay --url; thử không cần MobiFone: mobifonectl sandbox", "set $MOBIFONE_URL or --url; without a MobiFone: mobifonectl sandbox"))
	}
	wire, err := a.wire()
	if err != nil {
		return nil, err
	}
	options := []mobifone.Option{mobifone.WithContract(wire)}
	limiter, err := a.limiter(ctx)
	if err != nil {
		return nil, err
	}
	if limiter != nil {
		options = append(options, mobifone.WithLimiter(limiter))
	}
	cred, err := a.credentials()
	if err != nil {
		return nil, err
	}
	cfg := mobifone.Config{
		BaseURL: a.set.URL, PartnerCode: a.set.Partner, Channel: a.set.Channel,
		Credentials: mobifone.StaticCredentials(cred),
	}
	if a.set.Keys != "" {
		k, err := a.keys()
		if err != nil {
			return nil, err
		}
		if len(k.ID) > 0 {
			cfg.IDKey = telco.NewSecret(string(k.ID))
		}
	}
	client, err := mobifone.New(cfg, options...)
	if err != nil {
		return nil, err
	}
	a.later(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), engineTimeout)
		defer cancel()
		_ = client.Close(ctx)
	})
	return client, nil
}

// ledger is a store that can be closed.
type ledger interface {
	sale.Store
	Close() error
}

// openStore opens the store of sales. It never makes one: a mistyped path would look like a day
// without sales.
func (a *app) openStore(ctx context.Context) (ledger, error) {
	if a.set.Store == "" {
		return nil, a.misused(a.t("chưa biết sổ bán hàng ở đâu", "the store of sales is not known"),
			a.t("đặt $MOBIFONE_STORE hay --store: tệp sales.db, hay postgres://…", "set $MOBIFONE_STORE or --store: a file sales.db, or postgres://…"))
	}
	if a.set.Keys == "" {
		return nil, a.misused(a.t("chưa biết tệp khóa của sổ", "the file with the store's keys is not known"),
			a.t("đặt $MOBIFONE_KEYS hay --keys", "set $MOBIFONE_KEYS or --keys"))
	}
	k, err := a.keys()
	if err != nil {
		return nil, err
	}
	var store ledger
	if isPostgres(a.set.Store) {
		var pool *pgxpool.Pool
		if pool, err = a.pool(ctx, a.set.Store); err != nil {
			return nil, err
		}
		var table *string
		if err := pool.QueryRow(ctx, "SELECT to_regclass('sales')::text").Scan(&table); err == nil && table == nil {
			return nil, a.noStore(a.t("cơ sở dữ liệu không có bảng sales", "the database has no table sales"))
		}
		store, err = sqlstore.OnPostgres(ctx, pool, k.ring())
	} else {
		if _, err := os.Stat(a.set.Store); err != nil {
			return nil, a.noStore(err.Error())
		}
		if !holdsSales(ctx, a.set.Store) {
			return nil, a.noStore(a.set.Store + a.t(" không có bảng sales", " has no table sales"))
		}
		store, err = sqlstore.Open(ctx, a.set.Store, k.ring())
	}
	if err != nil {
		return nil, err
	}
	a.later(func() { _ = store.Close() })
	return store, nil
}

// noStore is the failure of a store that is not where it should be.
func (a *app) noStore(why string) *failure {
	return a.failed(a.t("không có sổ bán hàng: ", "there is no store of sales: ")+why,
		a.t("kiểm tra --store; công cụ này không tạo sổ mới", "check --store; this tool makes no new one"))
}

// holdsSales says whether a file has the table of sales. What cannot be read at all is for the store to judge.
func holdsSales(ctx context.Context, file string) bool {
	path, err := filepath.Abs(file)
	if err != nil {
		return true
	}
	db, err := sql.Open("sqlite", "file:"+(&url.URL{Path: path}).EscapedPath()+"?mode=ro") // the driver is the store's
	if err != nil {
		return true
	}
	defer db.Close()
	var name string
	err = db.QueryRowContext(ctx, "SELECT name FROM sqlite_master WHERE type = 'table' AND name = 'sales'").Scan(&name)
	return !errors.Is(err, sql.ErrNoRows)
}

// isPostgres says whether an URL names a PostgreSQL database.
func isPostgres(url string) bool {
	return strings.HasPrefix(url, "postgres://") || strings.HasPrefix(url, "postgresql://")
}

// pool connects to PostgreSQL. Errors of pgx name user, host and database, never the password.
func (a *app) pool(ctx context.Context, url string) (*pgxpool.Pool, error) {
	ctx, cancel := context.WithTimeout(ctx, engineTimeout)
	defer cancel()
	pool, err := pgxpool.New(ctx, url)
	if err == nil {
		if err = pool.Ping(ctx); err != nil {
			pool.Close()
		}
	}
	if err != nil {
		return nil, a.failed(err.Error(), a.t("kiểm tra PostgreSQL có chạy, URL và mật khẩu có đúng", "check that PostgreSQL runs, and its URL and password"))
	}
	a.later(pool.Close)
	return pool, nil
}

// redis makes a client of the quota's Redis; it connects to nothing.
func (a *app) redis() (*redis.Client, error) {
	options, err := redis.ParseURL(a.set.Quota)
	if err != nil {
		// What the parser says may quote the URL, and so the password.
		return nil, a.misused(a.t("không đọc được --quota", "--quota cannot be read"), "redis://HOST:6379/0 | postgres://USER@HOST/DB")
	}
	options.ContextTimeoutEnabled, options.MaxRetries, options.DialerRetries = true, -1, 1
	client := redis.NewClient(options)
	a.later(func() { _ = client.Close() })
	return client, nil
}

// limiter is this tool's share of the quota, when the quota and its rate are known. The tool
// waits behind the tellers.
func (a *app) limiter(ctx context.Context) (mobifone.Limiter, error) {
	if a.set.Quota == "" || a.set.QuotaRate == 0 {
		return nil, nil //nolint:nilnil // no limiter is no error
	}
	cfg := quota.Config{Name: a.set.QuotaName, PerSecond: a.set.QuotaRate, Burst: a.set.QuotaBurst}
	var (
		limiter *quota.Limiter
		err     error
	)
	if isPostgres(a.set.Quota) {
		pool, failed := a.pool(ctx, a.set.Quota)
		if failed != nil {
			return nil, failed
		}
		limiter, err = quota.OnPostgres(pool, cfg)
	} else {
		client, failed := a.redis()
		if failed != nil {
			return nil, failed
		}
		limiter, err = quota.OnRedis(client, cfg)
	}
	if err != nil {
		return nil, a.misused(err.Error(), a.t("sửa $MOBIFONE_QUOTA_NAME, $MOBIFONE_QUOTA_RATE hay $MOBIFONE_QUOTA_BURST",
			"correct $MOBIFONE_QUOTA_NAME, $MOBIFONE_QUOTA_RATE or $MOBIFONE_QUOTA_BURST"))
	}
	a.later(limiter.Close)
	return limiter, nil
}

// rehearsal is a store that forgets what it is told. A desk over it judges a step as it would
// judge the real one, and changes nothing.
type rehearsal struct{ ledger }

// Apply changes nothing.
func (rehearsal) Apply(context.Context, sale.Change) error { return nil }

// Postpone changes nothing.
func (rehearsal) Postpone(context.Context, string, int64, time.Time) error { return nil }

// Erase changes nothing.
func (rehearsal) Erase(context.Context, time.Time, int) (int, error) { return 0, nil }

// counter is a desk with its store and its client.
type counter struct {
	store  ledger
	desk   *sale.Desk
	client *mobifone.Client
}

// openDesk opens client, store and desk.
func (a *app) openDesk(ctx context.Context) (*counter, error) {
	client, err := a.connect(ctx)
	if err != nil {
		return nil, err
	}
	store, err := a.openStore(ctx)
	if err != nil {
		return nil, err
	}
	if a.set.dryRun {
		store = rehearsal{store}
	}
	desk, err := deskOf(client, store)
	if err != nil {
		return nil, err
	}
	return &counter{store, desk, client}, nil
}

// deskOf is a desk over a store, also where MobiFone has no lookup.
func deskOf(client *mobifone.Client, store sale.Store) (*sale.Desk, error) {
	wire := client.Contract()
	return sale.NewDesk(sale.Config{
		Client: client, Store: store,
		AllowNoLookup: !wire.Has(telco.OpGet) && !wire.Has(telco.OpSearch),
	})
}

// look finds the sale that somebody names, and what the desk says of it: by its id, by the
// partnerTransId of any attempt, or as SHOP/ORDER.
func (c *counter) look(ctx context.Context, name string) (sale.View, error) {
	id, err := c.find(ctx, name)
	if err != nil {
		return sale.View{}, err
	}
	return c.desk.Look(ctx, id)
}

// find is the id of the sale that somebody names.
func (c *counter) find(ctx context.Context, name string) (string, error) {
	if shop, order, ok := strings.Cut(name, "/"); ok {
		return c.store.ByOrder(ctx, shop, order)
	}
	id, err := c.store.ByPartnerTransID(ctx, telco.PartnerTransID(name))
	if _, absent := errors.AsType[*sale.NotFoundError](err); !absent {
		return id, err
	}
	s, err := c.store.Load(ctx, name)
	return s.ID, err
}
