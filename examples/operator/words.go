package main

// This file chooses the words: the language, what an error means and what to do about it, and which numbers and
// secrets are masked. Each sentence is written in both languages where it is said, so that whoever changes one sees
// the other. A whole phone number is shown only to whoever says why, and that is on disk first.

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"net/http"
	"net/netip"
	"os"
	"regexp"
	"strings"
	"syscall"
	"time"

	"github.com/fptshop/mobifone-go/mobifone/contract"
	"github.com/fptshop/mobifone-go/mobifone/sale"
	"github.com/fptshop/mobifone-go/mobifone/sale/sqlstore"
	"github.com/fptshop/mobifone-go/mobifone/telco"
	"github.com/fptshop/mobifone-go/transactions"
)

// failure ends a command: what went wrong, what to do, and the exit code.
type failure struct {
	what, todo string
	code       int
}

// Error says what went wrong.
func (f *failure) Error() string { return f.what }

// misused is a failure of the command line or the configuration.
func (a *app) misused(what, todo string) *failure {
	return &failure{what: what, todo: todo, code: exitUsage}
}

// failed is a failure of what was to be done.
func (a *app) failed(what, todo string) *failure {
	return &failure{what: what, todo: todo, code: exitFailed}
}

// explain says what to do about an error of the SDK or the system.
func (a *app) explain(err error) *failure {
	if f, ok := errors.AsType[*failure](err); ok {
		return f
	}
	f := &failure{what: err.Error(), code: exitFailed}
	if errors.Is(err, context.Canceled) {
		f.what, f.todo = a.t("đã dừng", "stopped"), a.t("chạy lại: lệnh này làm lại được", "run it again: that does no harm")
		return f
	}
	if problems := contract.Problems(err); len(problems) > 0 {
		f.todo = a.t("xem: mobifonectl contract check TỆP", "see: mobifonectl contract check FILE")
		return f
	}
	if e, ok := errors.AsType[*telco.Error](err); ok {
		if e.Code == telco.InvalidInput {
			f.code = exitUsage
		}
		f.todo = a.telcoTodo(e)
		// The sentence is for a teller who sells; after a lookup it would speak of a sale that is none.
		if text := a.text(e.Sentence()); text != "" && !e.Code.Local() && !e.Operation.Lookup() {
			f.what += "\n  " + text
		}
		return f
	}
	if _, absent := errors.AsType[*sale.NotFoundError](err); absent {
		f.what = a.t("không có giao dịch đó trong sổ này", "there is no such sale in this store")
	}
	if f.todo = a.storeTodo(err); f.todo == "" {
		f.todo = a.systemTodo(err)
	}
	return f
}

// systemTodo says what to do about an error of the operating system, or of what nobody thought of.
func (a *app) systemTodo(err error) string {
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.EISDIR):
		return a.t("kiểm tra đường dẫn", "check the path")
	case errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.EROFS):
		return a.t("kiểm tra quyền đọc ghi của bạn với tệp và thư mục đó", "check your rights on that file and its directory")
	case errors.Is(err, transactions.ErrUnstable):
		return a.t("chạy lại sau ít phút: danh sách của MobiFone còn đang đổi", "run it again in some minutes: MobiFone's list is still changing")
	case errors.Is(err, syscall.ENOSPC):
		return a.t("dọn đĩa hay chọn chỗ khác, rồi chạy lại: đĩa đã đầy", "make room or go elsewhere, then run it again: the disk is full")
	default:
		return a.t("còn lỗi thì gửi dòng trên cho người giữ công cụ này: mobifonectl doctor",
			"if it persists send the line above to who keeps this tool: mobifonectl doctor")
	}
}

// storeTodo says what to do about an error of the store or of the desk.
func (a *app) storeTodo(err error) string {
	var (
		key     *sqlstore.KeyError
		moved   *sqlstore.MovedError
		corrupt *sqlstore.CorruptError
		absent  *sale.NotFoundError
		taken   *sale.ConflictError
		refused *sale.RefusedError
		newer   *sqlstore.NewerSchemaError
	)
	switch {
	case errors.As(err, &key) && key.Missing:
		return a.t("thêm khóa “"+key.KeyID+"” vào tệp --keys (lấy từ kho khóa)",
			"add the key “"+key.KeyID+"” to the --keys file (from your key store)")
	case key != nil:
		return a.t("dùng đúng tệp khóa của sổ này (--keys)", "use the keys of this store (--keys)")
	case errors.As(err, &moved):
		return a.t("dừng mọi chương trình, trả tệp và -wal về chỗ cũ", "stop all programs, put the file and its -wal back")
	case errors.As(err, &corrupt):
		return a.t("ngừng bán và ngừng ghi vào sổ; khôi phục bản sao, rồi đối soát", "stop selling and write nothing more; restore a copy, then reconcile")
	case errors.As(err, &newer):
		return a.t("dùng bản mobifonectl mới, cùng bản với quầy", "use the newer mobifonectl, that of the tills")
	case strings.Contains(err.Error(), "SQLITE_BUSY"):
		return a.t("đợi rồi chạy lại, hay đóng chương trình đang giữ sổ (sao lưu, sqlite3?)",
			"wait and run it again, or close the program that holds the store (a backup, sqlite3?)")
	case errors.As(err, &absent):
		return a.t("tìm mã bằng: mobifonectl sale list --all", "find the id: mobifonectl sale list --all")
	case errors.As(err, &taken):
		return a.t("xem lại bằng sale show: người khác vừa đổi giao dịch này", "look again with sale show: somebody else changed it just now")
	case errors.As(err, &refused):
		return a.t("xem bước đúng bằng sale show; giao dịch chưa đổi gì", "see the right step with sale show; the sale is unchanged")
	default:
		return ""
	}
}

// telcoTodo says what to do about an error of a call.
func (a *app) telcoTodo(e *telco.Error) string {
	switch e.Code {
	case telco.InvalidInput:
		return a.t("sửa giá trị được nêu", "correct the value that is named")
	case telco.ConnectFailed, telco.ReplyLost:
		return a.t("kiểm tra mạng và --url: mobifonectl doctor", "check the network and --url: mobifonectl doctor")
	case telco.OperationAbsent:
		return a.t("giao thức không có chức năng này: kiểm tra --contract", "the contract does not have this operation: check --contract")
	case telco.AuthTimestamp, telco.ClockUnreliable:
		return a.t("chỉnh đồng hồ máy (chronyc makestep): mobifonectl doctor", "set this machine's clock (chronyc makestep): mobifonectl doctor")
	case telco.AuthKey, telco.AuthSignature, telco.CredentialsFailed, telco.AuthNonce:
		// Which of them the contract needs, the error says.
		names := "$MOBIFONE_API_KEY, $MOBIFONE_SECRET, $MOBIFONE_USERNAME, $MOBIFONE_PASSWORD: mobifonectl doctor"
		return a.t("kiểm tra ", "check ") + names
	case telco.AuthIP:
		return a.t("báo MobiFone thêm địa chỉ IP của máy này", "have MobiFone allow this machine's IP address")
	case telco.LimitReached, telco.RateLimited:
		return a.t("đợi rồi chạy lại; xem: mobifonectl quota watch", "wait, run it again; see: mobifonectl quota watch")
	case telco.TransactionNotFound:
		return a.t("kiểm tra mã; giao dịch mới thì đợi vài phút rồi tra lại", "check the id; of a new sale wait some minutes and look again")
	default:
		if e.Evidence.HTTPStatus == http.StatusNotFound {
			return a.t("kiểm tra --url và --contract, MobiFone không có địa chỉ đó: mobifonectl doctor",
				"check --url and --contract, MobiFone does not have that address: mobifonectl doctor")
		}
		return a.t("còn lỗi thì gửi MobiFone dòng trên: mobifonectl doctor", "if it persists send MobiFone the line above: mobifonectl doctor")
	}
}

// addresses finds what is written as an amount, or as an address of a network; a number is never all four
// parts of one.
var addresses = regexp.MustCompile(`\b[0-9]{1,3}(?:\.[0-9]{3})+ ₫|\b[0-9]{1,3}(?:\.[0-9]{1,3}){3}\b`)

// phones finds what could be a phone number that somebody typed, in any of its forms. Ids hold
// digits too, but with letters or dashes before them.
var phones = regexp.MustCompile(`(^|[^0-9A-Za-z.-])(?:(?:\+|00)?84|0)?[ .-]?[135789](?:[ .-]?[0-9]){5,6}((?:[ .-]?[0-9]){3})\b`)

// scrub masks secrets and what could be a phone number in a text that was made elsewhere. Options of the SDK
// get the names of their flags.
func (a *app) scrub(s string) string {
	s = flagNames.Replace(s)
	for _, secret := range a.set.secrets() {
		if len(secret) >= 4 {
			s = strings.ReplaceAll(s, secret, "***")
		}
	}
	// An operator has to see which address does not answer, and by how much a day is off.
	var b strings.Builder
	from := 0
	for _, at := range addresses.FindAllStringIndex(s, -1) {
		one := s[at[0]:at[1]]
		_, err := netip.ParseAddr(one)
		before := strings.TrimRight(s[:at[0]], " .-") // with a digit there it may be the end of a number
		amount := strings.HasSuffix(one, "₫") && !strings.ContainsAny(before[max(len(before)-1, 0):], "0123456789")
		if err == nil || amount {
			b.WriteString(phones.ReplaceAllString(s[from:at[0]], "$1***$2") + one)
			from = at[1]
		}
	}
	return b.String() + phones.ReplaceAllString(s[from:], "$1***$2")
}

// english says that English was chosen; Vietnamese otherwise.
func english(args []string, env map[string]string) (bool, error) {
	// The help is written before flags are read, so --lang is looked for by hand.
	for i, arg := range args {
		value, found := strings.CutPrefix(arg, "--lang=")
		if arg == "--lang" && i+1 < len(args) {
			value, found = args[i+1], true
		}
		if arg == "--" {
			break
		}
		if !found {
			continue
		}
		switch value {
		case "en":
			return true, nil
		case "vi":
			return false, nil
		default:
			return false, &failure{what: "--lang " + value, todo: "--lang vi | --lang en", code: exitUsage}
		}
	}
	// The order is that of POSIX: the first one that is set counts.
	for _, name := range []string{"LC_ALL", "LC_MESSAGES", "LANG"} {
		if value := env[name]; value != "" {
			return strings.HasPrefix(value, "en"), nil
		}
	}
	return false, nil
}

// t is the sentence in the language chosen.
func (a *app) t(vi, en string) string {
	if a.english {
		return en
	}
	return vi
}

// text is a sentence of the SDK's in the language chosen.
func (a *app) text(t telco.Text) string { return a.t(t.VI, t.EN) }

// stateWords are the states of a sale in the shop's words.
var stateWords = map[sale.State]telco.Text{
	sale.Open:        {VI: "Mới mở", EN: "Open"},
	sale.Paid:        {VI: "Đã thu tiền", EN: "Paid"},
	sale.OTPSent:     {VI: "Đã gửi OTP", EN: "OTP sent"},
	sale.Registering: {VI: "Đang đăng ký", EN: "Registering"},
	sale.Resolving:   {VI: "Đang kiểm tra", EN: "Resolving"},
	sale.Registered:  {VI: "Đã đăng ký", EN: "Registered"},
	sale.RefundDue:   {VI: "Phải hoàn tiền", EN: "Refund due"},
	sale.Refunding:   {VI: "Đang hoàn tiền", EN: "Refunding"},
	sale.Refunded:    {VI: "Đã hoàn tiền", EN: "Refunded"},
	sale.Review:      {VI: "Chờ quyết định", EN: "Review"},
	sale.Cancelled:   {VI: "Đã hủy", EN: "Cancelled"},
	sale.Closed:      {VI: "Đã đóng", EN: "Closed"},
}

// state is a state in the language chosen, coloured by how urgent it is.
func (a *app) state(s sale.State) string {
	word := a.text(stateWords[s])
	switch s {
	case sale.Registered, sale.Refunded:
		return a.green.on(word)
	case sale.Review, sale.RefundDue, sale.Refunding:
		return a.red.on(word)
	case sale.Resolving, sale.Registering:
		return a.yellow.on(word)
	default:
		return word
	}
}

// shown is a number as it is printed: masked, or whole after the reason was written down.
func (a *app) shown(number telco.MSISDN, of string) (string, error) {
	if a.set.reveal == "" || number.IsZero() {
		return number.String(), nil
	}
	if a.set.Audit == "" || a.set.Employee == "" {
		return "", a.misused(a.t("--reveal cần biết ai xem và ghi vào đâu", "--reveal has to know who looks, and where to write it"),
			a.t("đặt --by ($MOBIFONE_EMPLOYEE) và $MOBIFONE_AUDIT=TỆP", "set --by ($MOBIFONE_EMPLOYEE) and $MOBIFONE_AUDIT=FILE"))
	}
	line, err := json.Marshal(map[string]string{
		"at": a.now().UTC().Format(time.RFC3339), "by": a.set.Employee, "shown": of, "number": number.String(), "reason": a.set.reveal,
	})
	if err != nil {
		return "", err
	}
	f, err := os.OpenFile(a.set.Audit, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return "", err
	}
	_, err = f.Write(append(line, '\n'))
	if err == nil {
		err = f.Sync()
	}
	if closed := f.Close(); err == nil {
		err = closed
	}
	if err != nil {
		return "", err
	}
	return number.Reveal("0"), nil
}
