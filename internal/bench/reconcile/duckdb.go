package main

// This file is DuckDB's side. It matches by both ids and then, what is alone, by transId, and counts
// and adds up each category. It does less than ours: it does not look for duplicates or at the form of
// the cells.

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

// How the files are read: told everything, or as somebody writes it who has not measured.
const (
	told = `columns={'tid':'VARCHAR','pid':'VARCHAR','isdn':'VARCHAR','pkg':'VARCHAR','amount':'BIGINT','status':'VARCHAR',` +
		`'x':'VARCHAR','shop':'VARCHAR','created':'VARCHAR','updated':'VARCHAR'}, header=true, delim=',', auto_detect=false`
	asWritten = `names=['tid','pid','isdn','pkg','amount','status','x','shop','created','updated']`
)

// The first query counts what is matched and keeps the rest, the second matches what is alone by transId.
const (
	joinAll = `CREATE TEMP TABLE pass AS
SELECT equal, count(*) pairs, coalesce(sum(oamount), 0)::BIGINT vnd,
	list({otid: otid, ttid: ttid, oisdn: oisdn, tisdn: tisdn, opkg: opkg, tpkg: tpkg, oamount: oamount, tamount: tamount,
		ostatus: ostatus, tstatus: tstatus}) FILTER (NOT equal) odd
FROM (SELECT o.tid otid, t.tid ttid, o.isdn oisdn, t.isdn tisdn, o.pkg opkg, t.pkg tpkg,
		o.amount oamount, t.amount tamount, o.status ostatus, t.status tstatus, coalesce(o.isdn = t.isdn
			AND o.pkg = t.pkg AND o.amount = t.amount AND o.status = 'REGISTERED' AND t.status = 'SUCCESS', false) equal
	FROM read_csv('%s', %s) o FULL JOIN read_csv('%s', %s) t ON o.pid = t.pid AND o.tid = t.tid)
GROUP BY equal`
	unpack   = `CREATE TEMP TABLE odd AS SELECT unnest(odd, recursive := true) FROM pass WHERE NOT equal`
	counted  = `SELECT pairs, vnd FROM pass WHERE equal`
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
	ELSE 'MATCHED' END, coalesce(otid, ''), coalesce(ttid, ''), coalesce(oamount, 0), coalesce(tamount, 0) FROM again`
)

// duckdbSide joins two files and prints a result.
func duckdbSide(ctx context.Context, ours, theirs string, plain bool) error {
	began := time.Now()
	db, err := sql.Open("duckdb", "")
	if err != nil {
		return err
	}
	defer db.Close()
	db.SetMaxOpenConns(1) // a temporary table is a connection's
	queries := []string{fmt.Sprintf("SET threads = %d", min(runtime.GOMAXPROCS(0), 2))}
	columns := asWritten
	if !plain {
		queries, columns = append(queries, "SET preserve_insertion_order = false"), told
	}
	for _, q := range append(queries, fmt.Sprintf(joinAll, ours, columns, theirs, columns), unpack) {
		if _, err := db.ExecContext(ctx, q); err != nil {
			return err
		}
	}
	r := result{Kinds: map[string]sides{}}
	var equal count
	if err := db.QueryRowContext(ctx, counted).Scan(&equal.Rows, &equal.VND); err != nil {
		return err
	}
	r.Kinds["MATCHED"] = sides{Ours: equal, Theirs: equal}
	rows, err := db.QueryContext(ctx, classify)
	if err != nil {
		return err
	}
	defer rows.Close()
	out := bufio.NewWriter(os.Stdout)
	for rows.Next() {
		var kind, mine, other string
		var ourVND, theirVND int64
		if err := rows.Scan(&kind, &mine, &other, &ourVND, &theirVND); err != nil {
			return err
		}
		sum := r.Kinds[kind]
		if mine != "" {
			sum.Ours.add(ourVND)
		}
		if other != "" {
			sum.Theirs.add(theirVND)
		}
		r.Kinds[kind] = sum
		if kind != "MATCHED" {
			fmt.Fprintf(out, "%s %s|%s\n", kind, mine, other)
		}
	}
	if err := rows.Err(); err != nil {
		return err
	}
	if err := out.Flush(); err != nil {
		return err
	}
	r.Took = time.Since(began).Seconds()
	r.Peak = peak()
	return json.NewEncoder(os.Stdout).Encode(r)
}

func (c *count) add(vnd int64) {
	c.Rows++
	c.VND += vnd
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
