package main

// This file holds the flags that say what MobiFone's files are like.

import (
	"slices"
	"strings"

	"github.com/fptshop/mobifone-go/mobifone/telco"
	"github.com/fptshop/mobifone-go/transactions/reconcile"
	"github.com/spf13/cobra"
)

// fileFlags are the flags as they were given.
type fileFlags struct {
	encoding, footer  string
	grouped, dayFirst bool
	columns, states   []string
}

// encodings are the values of --encoding. The SDK would refuse another one too, but only once the store is read.
var encodings = []string{"", "utf-8", "utf-16le", "utf-16be", "windows-1258"}

// statementColumns are the columns of a statement of MobiFone's.
var statementColumns = []string{
	"transId", "partnerTransId", "isdn", "packageCode", "amount", "status", "resultCode", "shopCode", "createdAt", "updatedAt",
}

// addFileFlags adds the flags to a command.
func (a *app) addFileFlags(cmd *cobra.Command, q *fileFlags) {
	f := cmd.Flags()
	f.BoolVar(&q.grouped, "grouped-amounts", false, a.t("trong tệp đó, 120.000 là 120000", "in that file 120.000 is 120000"))
	f.BoolVar(&q.dayFirst, "day-first", false, a.t("trong tệp đó, ngày viết dd/MM/yyyy", "in that file dates are dd/MM/yyyy"))
	f.StringVar(&q.encoding, "encoding", "", a.t("bảng mã `NAME` của tệp đó nếu không phải UTF-8: utf-16le, utf-16be, windows-1258",
		"encoding `NAME` of that file if not UTF-8: utf-16le, utf-16be, windows-1258"))
	f.StringArrayVar(&q.columns, "column", nil, a.t("tên cột trong tệp đó, `NAME=COLUMN` như \"Mã GD=transId\"; lặp lại được",
		"name of a column in that file, `NAME=COLUMN` as in \"Mã GD=transId\"; may be repeated"))
	f.StringArrayVar(&q.states, "state", nil, a.t("từ chỉ trạng thái trong tệp đó, `WORD=STATE` như \"HOAN TAT=SUCCESS\"; lặp lại được",
		"word for a state in that file, `WORD=STATE` as in \"HOAN TAT=SUCCESS\"; may be repeated"))
	f.StringVar(&q.footer, "footer", "", a.t("tệp đó kết thúc bằng dòng bắt đầu bằng `WORDS`, như \"Tổng cộng\"",
		"that file ends with a line that begins with `WORDS`, such as \"Tổng cộng\""))
}

// fileOptions are the flags as the SDK takes them.
func (a *app) fileOptions(q reconciling) (reconcile.FileOptions, error) {
	o := reconcile.FileOptions{
		GroupedAmounts: q.grouped, DayFirst: q.dayFirst, Footer: q.footer, Encoding: q.encoding, Columns: map[string]string{}, States: map[string]telco.State{},
	}
	given := q.grouped || q.dayFirst || q.footer != "" || q.encoding != "" || len(q.columns)+len(q.states) > 0
	if given && len(q.statements) == 0 {
		return o, a.misused(a.t("cờ nói về tệp của MobiFone, mà không có tệp nào", "a flag speaks of MobiFone's file, and there is none"), "--statement FILE")
	}
	if !slices.Contains(encodings, strings.ToLower(q.encoding)) {
		return o, a.misused("--encoding "+q.encoding, "--encoding utf-16le | utf-16be | windows-1258")
	}
	for _, one := range q.columns {
		name, column, ok := named(one)
		if !ok || !slices.Contains(statementColumns, column) {
			return o, a.misused("--column "+one, `--column "Mã GD=transId": `+strings.Join(statementColumns, " | "))
		}
		o.Columns[name] = column
	}
	states := map[string]telco.State{}
	var words []string
	for s := telco.StateInit; s <= telco.StateReversed; s++ {
		states[s.String()] = s
		words = append(words, s.String())
	}
	for _, one := range q.states {
		word, state, ok := named(one)
		s, known := states[strings.ToUpper(state)]
		if !ok || !known {
			return o, a.misused("--state "+one, `--state "HOAN TAT=SUCCESS": `+strings.Join(words, " | "))
		}
		o.States[word] = s
	}
	return o, nil
}

// named parts NAME=VALUE at the last sign: a name of MobiFone's may have one too.
func named(s string) (name, value string, ok bool) {
	at := strings.LastIndexByte(s, '=')
	if at < 0 {
		return "", "", false
	}
	name, value = strings.TrimSpace(s[:at]), strings.TrimSpace(s[at+1:])
	return name, value, name != ""
}

// flagNames turns what the SDK says of its options into what to type here.
var flagNames = strings.NewReplacer(
	"set FileOptions.Encoding to windows-1258", "add --encoding windows-1258",
	"set FileOptions.Encoding", "add --encoding utf-16le or utf-16be",
	"FileOptions.Encoding", "--encoding",
	"set FileOptions.GroupedAmounts", "add --grouped-amounts",
	"set FileOptions.DayFirst", "add --day-first",
	"in FileOptions.Columns", `with --column "NAME=COLUMN"`,
	"FileOptions.Columns", "--column",
	"in FileOptions.Footer", "in --footer",
	"FileOptions.Footer", "--footer",
	", or raise Config.Memory", "",
	"Config.Dir", "--temp",
)
