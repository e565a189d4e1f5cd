package main

// This file opens what a command needs, in the way a till does: contract, keys, client, store and desk. What is not
// configured is an error that says how to configure it. Nothing here makes a new store, and nothing is sent yet.

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/x509"
	"database/sql"
	"encoding/json"
	"encoding/pem"
	"errors"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/fptshop/mobifone-go/mobifone"
	"github.com/fptshop/mobifone-go/mobifone/contract"
	"github.com/fptshop/mobifone-go/mobifone/sale"
	"github.com/fptshop/mobifone-go/mobifone/sale/sqlstore"
	"github.com/fptshop/mobifone-go/mobifone/telco"
	"github.com/jackc/pgx/v5/pgxpool"
)

// engineTimeout bounds what is asked of a database or an engine before anything else.
const engineTimeout = 5 * time.Second

// wire is the contract in force: that of --contract, or the assumed one. Its file is read each time it is asked for.
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

// keys are those of the keys file. The error never has a part of the file in it.
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

// credentials are those of the environment. Which of them are needed is the contract's to say, when a call is signed.
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

// noAddress is the failure of a command that needs MobiFone and does not know where it is.
func (a *app) noAddress() *failure {
	return a.misused(a.t("chưa biết địa chỉ của MobiFone", "MobiFone's address is not known"),
		a.t("đặt $MOBIFONE_URL hay --url; thử không cần MobiFone: mobifonectl sandbox", "set $MOBIFONE_URL or --url; without a MobiFone: mobifonectl sandbox"))
}

// connect makes the client, with this tool's share of the quota if there is one. It sends nothing. Without a keys file
// it has no key for our ids, which only a registration needs, and this tool makes none.
func (a *app) connect(ctx context.Context) (*mobifone.Client, error) {
	if a.set.URL == "" {
		return nil, a.noAddress()
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

// counter is a desk with its store and its client, as a till has them.
type counter struct {
	store  ledger
	desk   *sale.Desk
	client *mobifone.Client
}

// openDesk opens client, store and desk. In a dry run the store forgets every change.
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

// keys is the keys file: 32 random bytes each, in base64. Cipher is how examples/sale writes
// its only key.
type keys struct {
	Current string            `json:"current,omitempty"`
	Keys    map[string][]byte `json:"keys,omitempty"`
	Cipher  []byte            `json:"cipher,omitempty"`
	Busy    []byte            `json:"busy"`
	ID      []byte            `json:"id"`
}

// readKeys reads a keys file.
func readKeys(file string) (keys, error) {
	var k keys
	text, err := os.ReadFile(file) //nolint:gosec // the operator names it
	if err != nil {
		return k, err
	}
	if err := json.Unmarshal(text, &k); err != nil || !k.whole() {
		// What the decoder says may quote the file.
		return k, errors.New("not a keys file: it is {\"current\": …, \"keys\": {…}, \"busy\": …, \"id\": …}, each key 32 bytes in base64")
	}
	if len(k.Cipher) > 0 && len(k.Keys) == 0 {
		k.Current, k.Keys = "example", map[string][]byte{"example": k.Cipher}
	}
	return k, nil
}

// whole says that there are keys, and that none is cut short.
func (k keys) whole() bool {
	all := append(slices.Collect(maps.Values(k.Keys)), k.Cipher, k.Busy, k.ID)
	all = slices.DeleteFunc(all, func(key []byte) bool { return len(key) == 0 })
	return len(all) > 0 && !slices.ContainsFunc(all, func(key []byte) bool { return len(key) != 32 })
}

// makeKeys makes new keys, for a shop to try things in.
func makeKeys() keys {
	key := func() []byte {
		b := make([]byte, 32)
		_, _ = rand.Read(b) // never fails
		return b
	}
	return keys{Current: "trial", Keys: map[string][]byte{"trial": key()}, Busy: key(), ID: key()}
}

// ring is the keyring of the store.
func (k keys) ring() sqlstore.Keyring {
	r := sqlstore.Keyring{Keys: map[string]telco.Secret{}, Current: k.Current, BusyKey: telco.NewSecret(string(k.Busy))}
	for name, key := range k.Keys {
		r.Keys[name] = telco.NewSecret(string(key))
	}
	return r
}

// readPrivateKey reads the key that signs our requests.
func readPrivateKey(file string) (crypto.Signer, error) {
	raw, err := readPEM(file)
	if err != nil {
		return nil, err
	}
	key, err := x509.ParsePKCS8PrivateKey(raw)
	if err != nil {
		return nil, err
	}
	signer, ok := key.(crypto.Signer)
	if !ok {
		return nil, errors.New("the key cannot sign")
	}
	return signer, nil
}

// readPublicKey reads the key by which MobiFone's answers are checked.
func readPublicKey(file string) (crypto.PublicKey, error) {
	raw, err := readPEM(file)
	if err != nil {
		return nil, err
	}
	return x509.ParsePKIXPublicKey(raw)
}

// readPEM reads the first block of a file.
func readPEM(file string) ([]byte, error) {
	text, err := os.ReadFile(file) //nolint:gosec // the operator names it
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, errors.New("no PEM block in the file")
	}
	return block.Bytes, nil
}
