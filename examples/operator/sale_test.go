package main

// The sales of a real store are listed, looked up and refunded.

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/fptshop/mobifone-go/mobifone/sale"
	"github.com/fptshop/mobifone-go/mobifone/sale/sqlstore"
	"github.com/fptshop/mobifone-go/mobifone/sandbox"
	"github.com/fptshop/mobifone-go/mobifone/telco"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestSaleList(t *testing.T) {
	t.Parallel()
	s := newShop(t, sandbox.Config{})
	states := func(args ...string) map[string]string {
		r := s.run(t, append([]string{"sale", "list", "--json"}, args...)...)
		require.Equal(t, 0, r.code, r.errs)
		var lines []struct {
			Order, State, LastThree string
			CashIn                  telco.VND
		}
		require.NoError(t, json.Unmarshal([]byte(r.out), &lines), r.out)
		found := map[string]string{}
		for _, l := range lines {
			found[l.Order] = l.State
			assert.Len(t, l.LastThree, 3)
			assert.Equal(t, telco.VND(120_000), l.CashIn)
		}
		return found
	}
	open := map[string]string{"DH-1003": "Resolving", "DH-1004": "RefundDue"}
	assert.Equal(t, open, states())
	assert.Equal(t, map[string]string{"DH-1004": "RefundDue"}, states("--waiting"))
	assert.Len(t, states("--all"), 4)
	assert.Equal(t, map[string]string{"DH-1001": "Registered", "DH-1002": "Registered"}, states("--state", "Registered"))
	assert.Empty(t, states("--all", "--shop", "HCM9"))
	assert.Empty(t, states("--waiting", "--shop", "HCM9"))
	assert.Empty(t, states("--all", "--date", "2020-01-01"))
	today := s.sale(t, "DH-1001").OpenedAt.In(vietnam)
	assert.Len(t, states("--all", "--date", today.Format(time.DateOnly)), 4)
	for _, beside := range []int{-1, 1} {
		assert.Empty(t, states("--all", "--date", today.AddDate(0, 0, beside).Format(time.DateOnly)))
	}
	assert.Len(t, states("--all", "--limit", "3"), 3)

	said := s.run(t, "sale", "list").out
	assert.Contains(t, said, "Đang kiểm tra")
	assert.Contains(t, said, "***108")
	assert.Contains(t, s.run(t, "sale", "list", "--lang", "en").out, "Refund due")

	for _, wrong := range [][]string{{"--state", "Lost"}, {"--date", "26/11/2026"}} {
		r := s.run(t, append([]string{"sale", "list"}, wrong...)...)
		assert.Equal(t, exitUsage, r.code)
		assert.Contains(t, r.errs, "→")
	}
	r := s.set("MOBIFONE_STORE", "").run(t, "sale", "list")
	assert.Equal(t, exitUsage, r.code)
	assert.Contains(t, r.errs, "MOBIFONE_STORE")
}

func TestSaleShow(t *testing.T) {
	t.Parallel()
	s := newShop(t, sandbox.Config{})
	id := s.sale(t, "DH-1003").ID
	for _, name := range []string{id, "HN01/DH-1003"} {
		r := s.run(t, "sale", "show", name)
		require.Equal(t, 0, r.code, r.errs)
		for _, want := range []string{id, "Resolving", "84*****108", "KHÔNG", "send-planned", "chưa rõ"} {
			assert.Contains(t, r.out, want)
		}
	}
	var shown struct {
		Sale       sale.Sale
		Subscriber string
		Action     struct{ Step string }
		Events     []sale.Event
	}
	require.NoError(t, json.Unmarshal([]byte(s.run(t, "sale", "show", id, "--json").out), &shown))
	assert.Equal(t, id, shown.Sale.ID)
	assert.Equal(t, "84*****108", shown.Subscriber)
	assert.Len(t, shown.Events, 7)

	r := s.run(t, "sale", "show", "HN01/DH-1001")
	assert.Regexp(t, `Gửi 1 .*, đã đăng ký`, r.out)
	assert.Regexp(t, `opened +GDV07`, r.out)
	assert.Regexp(t, `cash-taken +GDV07 120\.000 ₫`, r.out)
	r = s.run(t, "sale", "show", "NOPE")
	assert.Equal(t, exitFailed, r.code)
	assert.Contains(t, r.errs, "sale list --all")
}

// The whole number is shown to whoever says why, and only after that was written down.
func TestReveal(t *testing.T) {
	t.Parallel()
	s := newShop(t, sandbox.Config{})
	r := s.run(t, "sale", "show", "HN01/DH-1003", "--reveal", "khách gọi tổng đài")
	assert.Equal(t, exitUsage, r.code, "nobody knows where to write it")
	assert.Contains(t, r.errs, "MOBIFONE_AUDIT")

	audit := filepath.Join(s.dir, "audit.jsonl")
	whole := s.set("MOBIFONE_AUDIT", audit)
	whole.canaries = nil
	r = whole.run(t, "sale", "show", "HN01/DH-1003", "--reveal", "khách gọi tổng đài")
	require.Equal(t, 0, r.code, r.errs)
	assert.Contains(t, r.out, "0912347108")
	r = whole.run(t, "tx", "get", string(s.sale(t, "DH-1001").Receipt.TransID), "--reveal", "kiểm tra")
	assert.Contains(t, r.out, "0912345100")
	written, err := os.ReadFile(audit)
	require.NoError(t, err)
	s.clean(t, string(written))
	lines := strings.Split(strings.TrimSpace(string(written)), "\n")
	require.Len(t, lines, 2)
	for _, want := range []string{"GDV07", "khách gọi tổng đài", "84*****108"} {
		assert.Contains(t, lines[0], want)
	}
	r = s.set("MOBIFONE_AUDIT", s.dir).run(t, "sale", "show", "HN01/DH-1003", "--reveal", "x")
	assert.Equal(t, exitFailed, r.code, "what cannot be written down is not shown")
	if _, err := os.Stat("/dev/full"); err == nil {
		r = s.set("MOBIFONE_AUDIT", "/dev/full").run(t, "sale", "show", "HN01/DH-1003", "--reveal", "x")
		assert.Equal(t, exitFailed, r.code, "neither is what did not get to the disk")
	}
	info, err := os.Stat(audit)
	require.NoError(t, err)
	assert.Equal(t, os.FileMode(0o600), info.Mode().Perm(), "for the owner alone")
	r = s.set("MOBIFONE_AUDIT", audit, "MOBIFONE_EMPLOYEE", "").run(t, "sale", "show", "HN01/DH-1003", "--reveal", "x")
	assert.Equal(t, exitUsage, r.code, "nobody knows who looks")
}

func TestSaleResolve(t *testing.T) {
	t.Parallel()
	s := newShop(t, sandbox.Config{})
	before := s.sale(t, "DH-1003")

	r := s.run(t, "sale", "resolve", "--all")
	assert.Equal(t, exitUsage, r.code, "nobody can answer")
	assert.Contains(t, r.errs, "--yes")
	r = s.run(t, "sale", "resolve", "--all", "--dry-run")
	assert.Equal(t, 0, r.code)
	assert.Contains(t, r.errs, "tra cứu 1 giao dịch")
	assert.Equal(t, before.Version, s.sale(t, "DH-1003").Version, "neither did anything")

	r = s.run(t, "sale", "resolve", before.ID, "--yes", "--json")
	require.Equal(t, 0, r.code, r.errs)
	var results []resolved
	require.NoError(t, json.Unmarshal([]byte(r.out), &results))
	require.Len(t, results, 1)
	assert.Equal(t, [2]string{"Resolving", "Registered"}, [2]string{results[0].Was, results[0].State})
	assert.Equal(t, sale.Registered, s.sale(t, "DH-1003").State)
	assert.Equal(t, 1, s.srv.Executed(telco.MustParseMSISDN("0912347108")), "it only looked")

	r = s.run(t, "sale", "resolve", "--all", "--yes")
	assert.Equal(t, 0, r.code)
	assert.Contains(t, r.errs, "Không có giao dịch nào chưa rõ")
	assert.Equal(t, exitUsage, s.run(t, "sale", "resolve").code)
	assert.Equal(t, exitFailed, s.run(t, "sale", "resolve", "NOPE", "--yes").code)
}

// A lookup that fails leaves the sale as it is, and says so.
func TestSaleResolveWithoutMobiFone(t *testing.T) {
	t.Parallel()
	s := newShop(t, sandbox.Config{})
	require.NoError(t, s.srv.Script(sandbox.Fault{Operation: telco.OpGet, Kind: "status", Status: 403, Times: -1}))
	r := s.run(t, "sale", "resolve", "--all", "--yes")
	assert.Equal(t, exitFailed, r.code)
	assert.Contains(t, r.errs, "doctor")
	assert.Equal(t, sale.Resolving, s.sale(t, "DH-1003").State)
}

func TestSaleRefund(t *testing.T) {
	t.Parallel()
	s := newShop(t, sandbox.Config{})
	const order = "HN01/DH-1004"
	r := s.run(t, "sale", "refund", "confirm", order, "--yes")
	assert.Equal(t, exitFailed, r.code, "nobody claimed it")
	assert.Equal(t, sale.RefundDue, s.sale(t, "DH-1004").State)

	r = s.run(t, "sale", "refund", "claim", order, "-n")
	assert.Equal(t, 0, r.code)
	assert.Contains(t, r.errs, "120.000 ₫")
	assert.Equal(t, sale.RefundDue, s.sale(t, "DH-1004").State)
	r = s.set("MOBIFONE_EMPLOYEE", "").run(t, "sale", "refund", "claim", order, "--yes")
	assert.Equal(t, exitUsage, r.code)
	assert.Contains(t, r.errs, "--by")

	r = s.run(t, "sale", "refund", "claim", order, "--yes")
	require.Equal(t, 0, r.code, r.errs)
	claimed := s.sale(t, "DH-1004")
	assert.Equal(t, sale.Refunding, claimed.State)
	assert.Equal(t, "GDV07", claimed.RefundBy)

	r = s.run(t, "sale", "refund", "confirm", order, "--yes", "--by", "GDV99")
	assert.Equal(t, exitFailed, r.code, "only the one who claimed it")
	assert.Contains(t, r.errs, "→ Việc cần làm: Nhân viên GDV07 đã nhận trả tiền: chỉ người này trả")
	r = s.run(t, "sale", "refund", "confirm", order, "--yes", "--json")
	require.Equal(t, 0, r.code, r.errs)
	var paid struct {
		State   string
		CashOut telco.VND
	}
	require.NoError(t, json.Unmarshal([]byte(r.out), &paid))
	assert.Equal(t, "Refunded", paid.State)
	assert.Equal(t, telco.VND(120_000), paid.CashOut)
	assert.Equal(t, sale.Refunded, s.sale(t, "DH-1004").State)
	r = s.run(t, "sale", "refund", "confirm", order, "--yes")
	assert.Equal(t, exitFailed, r.code, "once")
	assert.Regexp(t, `HN01/DH-1004 +C120 +0 ₫`, s.run(t, "sale", "list", "--state", "Refunded").out, "no cash is held any more")

	// A sale that is registered is not refunded.
	r = s.run(t, "sale", "refund", "claim", "HN01/DH-1001", "--yes")
	assert.Equal(t, exitFailed, r.code)
	assert.Equal(t, sale.Registered, s.sale(t, "DH-1001").State)
}

// The same over PostgreSQL, whose URL holds a password that nobody may see.
func TestSalesInPostgres(t *testing.T) {
	t.Parallel()
	url := schema(t, engine(t, "MOBIFONE_POSTGRES"))
	s := newShop(t, sandbox.Config{})
	k, err := readKeys(s.env["MOBIFONE_KEYS"])
	require.NoError(t, err)
	pool, err := pgxpool.New(t.Context(), url)
	require.NoError(t, err)
	defer pool.Close()
	store, err := sqlstore.OnPostgres(t.Context(), pool, k.ring())
	require.NoError(t, err)
	defer store.Close()

	s = s.set("MOBIFONE_STORE", url)
	r := s.run(t, "sale", "list", "--all")
	assert.Equal(t, 0, r.code, r.errs)
	assert.Contains(t, r.out, "Không có giao dịch")
	checks, _ := checksOf(t, s)
	assert.Equal(t, checkOK, checks["store"].State, "%+v", checks)
}

// schema makes a schema of the test's own, and returns the URL that works in it.
func schema(t *testing.T, url string) string {
	t.Helper()
	name := "operator_" + strings.ToLower(strings.NewReplacer("/", "_", "-", "_").Replace(t.Name()))
	pool, err := pgxpool.New(t.Context(), url)
	require.NoError(t, err)
	defer pool.Close()
	_, err = pool.Exec(t.Context(), "DROP SCHEMA IF EXISTS "+name+" CASCADE; CREATE SCHEMA "+name)
	require.NoError(t, err)
	joint := "?"
	if strings.Contains(url, "?") {
		joint = "&"
	}
	return url + joint + "search_path=" + name
}
