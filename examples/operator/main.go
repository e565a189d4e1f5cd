// Mobifonectl is the operator's tool: it says what is wrong with a shop's connection to
// MobiFone and its store of sales, shows sales and transactions, brings an unknown sale to
// its end, pays refunds out in two steps, and balances a day.
//
//	go -C examples/operator run . sandbox    a MobiFone to try it on
//	go -C examples/operator run . -h         what it can do
//
// docs/operator.md says what to type when something is wrong at night. It is built of what
// users can import, so it is also an example of a tool of your own.
package main

// This file starts the program and turns what became of a command into its exit code.

import (
	"context"
	"errors"
	"io"
	"os"
	"os/signal"
	"slices"
	"syscall"

	"github.com/redis/go-redis/v9/logging"
)

// The exit codes. They are part of what scripts rely on, and stand in docs/operator.md.
const (
	exitDone    = 0
	exitFailed  = 1 // it could not be done, or doctor found a problem
	exitUsage   = 2 // the command line or the configuration is wrong
	exitDiffers = 3 // reconcile found differences; contract diff too
)

// main hands run the real world; what it does is decided there.
func main() {
	// Who reads the result may leave (| head); what was begun is ended all the same, and no draft stays.
	signal.Ignore(syscall.SIGPIPE)
	logging.Disable() // what go-redis logs is in the error too
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	code := run(ctx, world{os.Args[1:], os.Environ(), os.Stdin, os.Stdout, os.Stderr})
	stop()
	os.Exit(code)
}

// world is what the program is started with.
type world struct {
	args, env []string
	in        *os.File
	out, errs io.Writer
}

// run runs one command and returns the exit code.
func run(ctx context.Context, w world) int {
	a, err := newApp(w)
	if err == nil {
		root := a.root() //nolint:contextcheck // cobra hands each command its context
		root.SetArgs(w.args)
		err = root.ExecuteContext(ctx)
	}
	return a.end(err)
}

// end prints what went wrong and what to do about it, without anything that nobody may see.
func (a *app) end(err error) int {
	if a.out.failed != nil {
		err = a.unwritten(a.out.failed)
	}
	if err == nil {
		return exitDone
	}
	f := a.explain(err)
	if f.what != "" {
		a.note("%s", a.red.on("mobifonectl: ")+a.scrub(f.what))
	}
	if f.todo != "" {
		a.note("%s", a.t("→ Việc cần làm: ", "→ What to do: ")+a.scrub(f.todo))
	}
	if a.wantsJSON() && !a.out.written {
		_ = a.json(map[string]any{"error": map[string]any{"what": a.scrub(f.what), "todo": a.scrub(f.todo), "code": f.code}})
	}
	return f.code
}

// unwritten is the failure of an output that could not be written. Of one whose reader has left
// nobody needs to be told.
func (a *app) unwritten(err error) *failure {
	if errors.Is(err, syscall.EPIPE) {
		return &failure{code: exitFailed}
	}
	return a.failed(a.t("không in được kết quả: ", "the result could not be written: ")+err.Error(),
		a.t("việc có thể đã làm xong: xem lại, rồi in ra chỗ khác", "the work may be done: look, then write elsewhere"))
}

// wantsJSON says that --json was asked for, also on a command line that could not be read.
func (a *app) wantsJSON() bool { return a.set.asJSON || slices.Contains(a.args, "--json") }
