package main

// This file is DuckDB's side. It does less than ours: it matches by both ids and then, what is alone,
// by transId; it adds up no amounts, and does not look for duplicates or at the form of the cells.

import (
	"bufio"
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"time"

	_ "github.com/duckdb/duckdb-go/v2" // the driver
)

const columns = `columns={'tid':'VARCHAR','pid':'VARCHAR','isdn':'VARCHAR','pkg':'VARCHAR','amount':'BIGINT','status':'VARCHAR',` +
	`'x':'VARCHAR','shop':'VARCHAR','created':'VARCHAR','updated':'VARCHAR'}, header=true, delim=',', auto_detect=false`

// The first query leaves what is not matched, the second matches what is alone by transId.
const (
	joinAll = `CREATE TEMP TABLE odd AS
SELECT o.tid otid, t.tid ttid, o.isdn oisdn, t.isdn tisdn, o.pkg opkg, t.pkg tpkg,
	o.amount oamount, t.amount tamount, o.status ostatus, t.status tstatus
FROM read_csv('%s', ` + columns + `) o FULL JOIN read_csv('%s', ` + columns + `) t ON o.pid = t.pid AND o.tid = t.tid
WHERE NOT coalesce(o.isdn = t.isdn AND o.pkg = t.pkg AND o.amount = t.amount AND o.status = 'REGISTERED' AND t.status = 'SUCCESS', false)`
	classify = `WITH again AS (
	SELECT otid, ttid, oisdn, tisdn, opkg, tpkg, oamount, tamount, ostatus, tstatus FROM odd WHERE otid IS NOT NULL AND ttid IS NOT NULL
	UNION ALL
	SELECT o.otid, t.ttid, o.oisdn, t.tisdn, o.opkg, t.tpkg, o.oamount, t.tamount, o.ostatus, t.tstatus
	FROM (SELECT otid, oisdn, opkg, oamount, ostatus FROM odd WHERE ttid IS NULL) o
	FULL JOIN (SELECT ttid, tisdn, tpkg, tamount, tstatus FROM odd WHERE otid IS NULL) t ON o.otid = t.ttid
)
SELECT CASE
	WHEN ttid IS NULL THEN CASE ostatus WHEN 'REGISTERED' THEN 'OURS_ONLY' WHEN 'UNDECIDED' THEN 'STILL_OPEN' ELSE 'UNSOLD' END
	WHEN otid IS NULL THEN CASE tstatus WHEN 'SUCCESS' THEN 'THEIRS_ONLY' WHEN 'REVERSED' THEN 'REVERSED' WHEN 'PENDING' THEN 'STILL_OPEN' ELSE 'UNSOLD' END
	WHEN tstatus = 'SUCCESS' AND ostatus = 'REFUNDED' THEN 'REFUNDED_REGISTERED'
	WHEN tstatus = 'REVERSED' THEN 'REVERSED'
	WHEN tstatus = 'PENDING' THEN 'STILL_OPEN'
	WHEN tstatus <> 'SUCCESS' THEN CASE ostatus WHEN 'REGISTERED' THEN 'DIFFERS' WHEN 'UNDECIDED' THEN 'STILL_OPEN' ELSE 'UNSOLD' END
	WHEN oisdn <> tisdn OR opkg <> tpkg OR oamount <> tamount OR ostatus = 'NOT_REGISTERED' THEN 'DIFFERS'
	WHEN ostatus = 'UNDECIDED' THEN 'NOW_KNOWN'
	ELSE 'MATCHED' END, coalesce(otid, ''), coalesce(ttid, '') FROM again`
)

// duckdbSide joins two files and prints a result. sales is how many there are: one in every×12 of
// them is theirs alone.
func duckdbSide(ctx context.Context, ours, theirs string, sales int) error {
	began := time.Now()
	db, err := sql.Open("duckdb", "")
	if err != nil {
		return err
	}
	defer db.Close()
	db.SetMaxOpenConns(1) // a temporary table is a connection's
	threads := min(runtime.GOMAXPROCS(0), 2)
	for _, q := range []string{
		fmt.Sprintf("SET threads = %d", threads), "SET preserve_insertion_order = false", fmt.Sprintf(joinAll, ours, theirs),
	} {
		if _, err := db.ExecContext(ctx, q); err != nil {
			return err
		}
	}
	rows, err := db.QueryContext(ctx, classify)
	if err != nil {
		return err
	}
	defer rows.Close()
	var r result
	out := bufio.NewWriter(os.Stdout)
	oddOfOurs := 0
	for rows.Next() {
		var kind, mine, other string
		if err := rows.Scan(&kind, &mine, &other); err != nil {
			return err
		}
		if kind == "MATCHED" {
			continue
		}
		if mine != "" {
			oddOfOurs++
		}
		fmt.Fprintf(out, "%s %s|%s\n", kind, mine, other)
	}
	if err := rows.Err(); err != nil {
		return err
	}
	if err := out.Flush(); err != nil {
		return err
	}
	r.Took = time.Since(began).Seconds()
	r.Peak = peak()
	missing := 0 // sales that only MobiFone has
	for k := range sales {
		if k%every == 7 && 1+k/every%12 == 5 {
			missing++
		}
	}
	r.Matched = int64(sales - missing - oddOfOurs)
	return json.NewEncoder(os.Stdout).Encode(r)
}

// peak is the largest resident set so far, in KiB; 0 where the system does not tell.
func peak() int {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	_, after, _ := strings.Cut(string(status), "VmHWM:")
	text, _, _ := strings.Cut(strings.TrimSpace(after), " ")
	n, _ := strconv.Atoi(text)
	return n
}
