// Fleet sells packages from many processes over one PostgreSQL, one Redis and one rate, while
// processes are killed and stopped, the engines restart and the network is cut.
//
//	examples/fleet/run                       ninety seconds of it
//	examples/fleet/run -for 30m -limit 50    the soak
//
// It prints a live table, and at the end the balance: what was sold, refunded and left to a
// supervisor, what MobiFone registered, and the most requests that MobiFone saw in any second.
// It ends with an error when the books do not agree, when a process that lived all the time grew,
// or when the rate was above the limit.
//
// MobiFone is the SDK's sandbox. It tells the client its true semantics, which a real MobiFone
// would have to be asked for.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// flags are what the command line says.
type flags struct {
	processes, tellers           int
	limit                        float64
	burst                        int
	lasts                        time.Duration
	kill, stop, restart, cut     time.Duration
	postgres, redis, servicesDir string
}

// parse reads the flags. Where the engines are is in the environment, as scripts/services has it.
func parse(args []string, out io.Writer) (flags, error) {
	f := flags{
		postgres: os.Getenv("MOBIFONE_POSTGRES"), redis: os.Getenv("MOBIFONE_REDIS"), servicesDir: os.Getenv("MOBIFONE_SERVICES"),
	}
	set := flag.NewFlagSet("fleet", flag.ContinueOnError)
	set.SetOutput(out)
	set.IntVar(&f.processes, "processes", 6, "how many processes sell")
	set.IntVar(&f.tellers, "tellers", 6, "how many tellers each has")
	set.Float64Var(&f.limit, "limit", 100, "requests per second that MobiFone grants all of them together")
	set.IntVar(&f.burst, "burst", 20, "requests that may come at once")
	set.DurationVar(&f.lasts, "for", 90*time.Second, "how long they sell")
	set.DurationVar(&f.kill, "kill", 5*time.Second, "how often a process is killed; 0: never")
	set.DurationVar(&f.stop, "stop", 10*time.Second, "how often a process is stopped for 1 to 20 s; 0: never")
	set.DurationVar(&f.restart, "restart", time.Minute, "how often PostgreSQL and Redis are killed and started again; 0: never")
	set.DurationVar(&f.cut, "cut", 20*time.Second, "how often the network to MobiFone, PostgreSQL or Redis is cut for 1 to 3 s; 0: never")
	if err := set.Parse(args); err != nil {
		return f, err
	}
	switch {
	case set.NArg() > 0:
		return f, fmt.Errorf("what is %q? All is said with flags", set.Arg(0))
	case f.processes < 1 || f.tellers < 1 || f.limit <= 0 || f.burst < 1:
		return f, errors.New("processes, tellers, limit and burst are at least 1")
	case f.postgres == "" || f.redis == "":
		return f, errors.New("MOBIFONE_POSTGRES and MOBIFONE_REDIS are not set; start it with examples/fleet/run")
	}
	return f, nil
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := start(ctx)
	stop()
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "fleet:", err)
		os.Exit(1)
	}
}

// start is a process that sells, when the fleet has started it, and else the fleet.
func start(ctx context.Context) error {
	if text := os.Getenv(posVariable); text != "" {
		return sellAsTold(ctx, text, os.Stdout)
	}
	f, err := parse(os.Args[1:], os.Stderr)
	if err != nil {
		return err
	}
	return run(ctx, f, os.Stdout)
}

// run sells for as long as the flags say, lets everything come to rest, and judges.
func run(ctx context.Context, f flags, out io.Writer) error {
	world, err := build(ctx, f)
	if err != nil {
		return err
	}
	defer world.close(ctx)
	fleet, err := launch(ctx, f, world)
	if err != nil {
		return err
	}
	defer fleet.end()

	selling, enough := context.WithTimeout(ctx, f.lasts)
	defer enough()
	harm := harm(selling, f, world, fleet)
	screen(selling, out, f, world, fleet)
	harm.Wait()
	if ctx.Err() != nil {
		return ctx.Err()
	}
	fmt.Fprintln(out, "\nNobody opens another sale; what is open comes to rest.")
	fleet.rest()
	resting, tired := context.WithTimeout(ctx, longestRest)
	defer tired()
	if err := fleet.wait(resting); err != nil {
		return fmt.Errorf("not all processes came to rest: %w", err)
	}
	return balance(ctx, out, f, world, fleet)
}

// longestRest is more than any sale needs to be settled: the fence, a poll, and the patience of
// whoever takes it up.
const longestRest = 4 * time.Minute
