package main

// This file opens what a command needs, in the way a till does: contract, client, store, desk
// and quota. What is not configured is said together with how to configure it.

import (
	"context"
	"errors"
	"os"
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
	return loadContract(a.set.Contract)
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
		k, err := readKeys(a.set.Keys)
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
	k, err := readKeys(a.set.Keys)
	if err != nil {
		return nil, err
	}
	var store ledger
	if isPostgres(a.set.Store) {
		var pool *pgxpool.Pool
		if pool, err = a.pool(ctx, a.set.Store); err != nil {
			return nil, err
		}
		store, err = sqlstore.OnPostgres(ctx, pool, k.ring())
	} else {
		if _, err := os.Stat(a.set.Store); err != nil {
			return nil, a.failed(a.t("không có sổ bán hàng: ", "there is no store of sales: ")+err.Error(),
				a.t("kiểm tra --store; công cụ này không tạo sổ mới", "check --store; this tool makes no new one"))
		}
		store, err = sqlstore.Open(ctx, a.set.Store, k.ring())
	}
	if err != nil {
		return nil, err
	}
	a.later(func() { _ = store.Close() })
	return store, nil
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
		return nil, err
	}
	a.later(limiter.Close)
	return limiter, nil
}

// counter is a desk with its store.
type counter struct {
	store ledger
	desk  *sale.Desk
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
	wire := client.Contract()
	desk, err := sale.NewDesk(sale.Config{
		Client: client, Store: store,
		AllowNoLookup: !wire.Has(telco.OpGet) && !wire.Has(telco.OpSearch),
	})
	if err != nil {
		return nil, err
	}
	return &counter{store, desk}, nil
}

// find returns the id of the sale that somebody names: by its id, by the partnerTransId of any
// attempt, or as SHOP/ORDER.
func (c *counter) find(ctx context.Context, name string) (string, error) {
	return findSale(ctx, c.store, name)
}

// findSale is find over a store.
func findSale(ctx context.Context, store sale.Store, name string) (string, error) {
	if shop, order, ok := strings.Cut(name, "/"); ok {
		return store.ByOrder(ctx, shop, order)
	}
	id, err := store.ByPartnerTransID(ctx, telco.PartnerTransID(name))
	if _, absent := errors.AsType[*sale.NotFoundError](err); !absent {
		return id, err
	}
	s, err := store.Load(ctx, name)
	return s.ID, err
}
