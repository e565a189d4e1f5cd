// Crashtest kills a real process that sells on a real SQLite file, or on a real PostgreSQL, at
// every place where it can die, and checks after its recovery that MobiFone registered at most once and
// that no dong and no send is unaccounted for.
//
//	go -C internal/crashtest run . -kills 10000
//	scripts/services go -C internal/crashtest run . -store postgres -anytime
//
// Each sale is sold by a child process that kills itself with SIGKILL at a labelled
// point; the next child takes the sale up and may be killed too, up to three deep. The
// last one is let live. With -anytime the parent kills it instead, at any moment of its life. Every
// other customer wants the cash back once a till died on an intent. With -syscalls every write, sync
// and send system call of one sale is a point, by strace. With -duels nobody is killed: two processes
// open and register the same order at once.
package main

// This file reads the flags and does what they say to a shop (shop.go): kill its tills at labelled points
// or at any moment, kill one at every system call, or let two of them race. After each it asks check.go.
// A run is told again from its seed.

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/fptshop/mobifone-go/mobifone/sale"
	"github.com/fptshop/mobifone-go/mobifone/telco"
)

func main() {
	if os.Getenv(childEnv) != "" {
		os.Exit(child())
	}
	var s settings
	flag.IntVar(&s.kills, "kills", 1000, "at least so many SIGKILLs")
	flag.Uint64Var(&s.seed, "seed", uint64(time.Now().UnixNano()), "of the choice of points")
	flag.BoolVar(&s.anytime, "anytime", false, "kill at any moment instead of at a labelled point")
	flag.BoolVar(&s.syscalls, "syscalls", false, "kill at every system call of one sale instead; needs strace")
	flag.IntVar(&s.duels, "duels", 0, "kill nobody: let two processes sell the same order at once, so often")
	store := flag.String("store", "sqlite", "sell on sqlite, or on the postgres that MOBIFONE_POSTGRES names")
	flag.Parse()
	err := s.choose(*store)
	if err == nil {
		err = s.run(context.Background())
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "crashtest:", err)
		os.Exit(1)
	}
}

// settings are the flags.
type settings struct {
	// postgres is the URL of the server with the store; "" says that the store is a file.
	postgres          string
	kills, duels      int
	seed              uint64
	anytime, syscalls bool
}

// choose chooses the store.
func (s *settings) choose(store string) error {
	switch store {
	case "sqlite":
		return nil
	case "postgres":
		if s.postgres = os.Getenv("MOBIFONE_POSTGRES"); s.postgres == "" {
			return errors.New("MOBIFONE_POSTGRES is not set; scripts/services sets it")
		}
		return nil
	default:
		return errors.New("-store: sqlite or postgres")
	}
}

// run opens a shop in a directory of its own and does what the flags say. Its error is a broken
// promise, or a test that could not be run; either names what it takes to see it again.
func (s *settings) run(ctx context.Context) error {
	dir, err := os.MkdirTemp("", "crashtest")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	shop, err := openShop(ctx, dir, s.postgres)
	if err != nil {
		return err
	}
	defer shop.close() //nolint:contextcheck // the schema is dropped also when ctx has ended
	switch {
	case s.syscalls:
		return atEverySyscall(ctx, shop)
	case s.duels > 0:
		began := time.Now()
		if err := shop.duels(ctx, s.duels); err != nil {
			return err
		}
		fmt.Fprintf(os.Stdout, "%d orders sold by two processes at once, one registration each, %s\n", s.duels, time.Since(began).Round(time.Second))
		return nil
	}
	return s.killing(ctx, shop)
}

// killing sells until enough children were killed, and reports at which labels they were.
func (s *settings) killing(ctx context.Context, shop *shop) error {
	points, err := shop.points(ctx)
	if err != nil {
		return err
	}
	fmt.Fprintf(os.Stdout, "seed %d, %d labelled points in an undisturbed sale\n", s.seed, points)
	chance := rand.New(rand.NewPCG(s.seed, 0)) //nolint:gosec // to be told again from its seed
	began := time.Now()
	for n := 0; shop.killed < s.kills; n++ {
		// The first child dies at each point in turn, the second and third where chance says.
		plan := []int{n%points + 1, 1 + chance.IntN(points), 1 + chance.IntN(points)}[:1+chance.IntN(3)]
		if s.anytime {
			for i := range plan {
				plan[i] = shop.moment(chance)
			}
		}
		o := shop.next()
		o.givesUp = chance.IntN(2) == 0
		if err := shop.sellThrough(ctx, o, plan); err != nil {
			return fmt.Errorf("points %v, gives up %t: %w", plan, o.givesUp, err)
		}
		if n%500 == 499 {
			fmt.Fprintf(os.Stdout, "%d sales, %d kills, %s\n", shop.sales, shop.killed, time.Since(began).Round(time.Second))
		}
	}
	where := fmt.Sprintf("%d labels", len(shop.labels))
	if s.anytime {
		where = "any moment"
	}
	fmt.Fprintf(os.Stdout, "%d sales, %d SIGKILLs at %s, 0 violations, %s\n", shop.sales, shop.killed, where, time.Since(began).Round(time.Second))
	fmt.Fprintf(os.Stdout, "what was found after a death, where it was looked at: %v\n", shop.found)
	return nil
}

// traced are the system calls by which a process changes anything outside itself.
var traced = []string{
	"write", "pwrite64", "pwritev", "writev", "fsync", "fdatasync", "ftruncate", "sendto", "sendmsg",
	"unlink", "unlinkat", "rename", "renameat", "openat", "connect", "read",
}

// atEverySyscall sells one sale for each such call of an undisturbed one and kills the
// child at that call.
func atEverySyscall(ctx context.Context, s *shop) error {
	strace, err := exec.LookPath("strace")
	if err != nil {
		return errors.New("strace is needed: install it (Debian: apt-get install strace)")
	}
	log := filepath.Join(s.dir, "strace.log")
	o := s.next()
	if out, err := s.start(ctx, o, 0, []string{strace, "-f", "-qq", "-o", log, "-e", "trace=" + strings.Join(traced, ",")}); err != nil {
		return fmt.Errorf("%w: %s", err, out)
	}
	text, err := os.ReadFile(log) //nolint:gosec // strace wrote it for us
	if err != nil {
		return err
	}
	for _, name := range traced {
		n := strings.Count(string(text), " "+name+"(")
		if name == "openat" || name == "read" {
			n = min(n, 60) // most are the runtime's own beginnings
		}
		before := s.killed
		for when := 1; when <= n; when++ {
			if err := s.killAtSyscall(ctx, strace, name, when); err != nil {
				return fmt.Errorf("at %s number %d: %w", name, when, err)
			}
		}
		if n > 0 {
			fmt.Fprintf(os.Stdout, "%-10s %3d calls, %3d kills\n", name, n, s.killed-before)
		}
	}
	fmt.Fprintf(os.Stdout, "%d sales, %d SIGKILLs at system calls, 0 violations\n", s.sales, s.killed)
	return nil
}

// killAtSyscall sells one sale, kills the child at one system call, and lets another one recover. A call
// that does not come again kills nobody; the sale is checked all the same.
func (s *shop) killAtSyscall(ctx context.Context, strace, name string, when int) error {
	o := s.next()
	inject := fmt.Sprintf("inject=%s:signal=SIGKILL:when=%d", name, when)
	out, err := s.start(ctx, o, 0, []string{strace, "-f", "-qq", "-o", os.DevNull, "-e", "trace=" + name, "-e", inject})
	switch {
	case killed(err):
		s.killed++
	case err != nil:
		return fmt.Errorf("%w: %s", err, out)
	}
	if out, err := s.start(ctx, o, 0, nil); err != nil {
		return fmt.Errorf("recovery: %w: %s", err, out)
	}
	return s.check(ctx, o)
}

// duelist is a child in a duel: two processes sell the same order at once and nobody is killed. Whoever
// is slower at a step must look again, and MobiFone must register once. It sells the orders that it is
// told, one a line, each at the same moment as another duelist.
func duelist(ctx context.Context, c *counter, in io.Reader) int {
	lines := bufio.NewScanner(in)
	for lines.Scan() {
		id, number, _ := strings.Cut(lines.Text(), " ")
		c.orders.Order = id
		var err error
		if c.number, err = telco.ParseMSISDN(number); err == nil {
			err = c.duel(ctx)
		}
		fmt.Fprintln(os.Stdout, "done", err)
	}
	return 0
}

// duel drives a sale that somebody else drives too. Where the other one was faster it looks again.
func (c *counter) duel(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	view, err := c.open(ctx)
	if err != nil {
		return err
	}
	id := view.Sale.ID
	for {
		switch view.Sale.State {
		case sale.Open:
			_, err = c.desk.TakeCash(ctx, id, price, staff.Employee)
		case sale.Paid:
			_, err = c.desk.RequestOTP(ctx, id, staff.Employee)
		case sale.OTPSent:
			_, err = c.register(ctx, id)
		case sale.Registering, sale.Resolving:
			_, err = c.desk.Resolve(ctx, id)
		default:
			return nil
		}
		_, refused := errors.AsType[*sale.RefusedError](err)
		// Refused and slower are what losing looks like; anything else is a bug.
		_, slower := errors.AsType[*sale.ConflictError](err)
		if err != nil && !refused && !slower && telco.OutcomeOf(err) != telco.Unknown {
			return fmt.Errorf("%s: %w", view.Sale.State, err)
		}
		if err != nil {
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-time.After(2 * time.Millisecond):
			}
		}
		if view, err = c.desk.Look(ctx, id); err != nil {
			return err
		}
	}
}

// opponent is a duelist's process.
type opponent struct {
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Scanner
}

// opponent starts a duelist. Its number is replaced by that of each order.
func (s *shop) opponent(ctx context.Context) (*opponent, error) {
	told := s.orders(order{number: telco.MustParseMSISDN("0900000199")}, 0)
	cmd := exec.CommandContext(ctx, s.program) //nolint:gosec // this very program
	cmd.Env = append(os.Environ(), childEnv+"="+told.text(), duelEnv+"=1")
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	return &opponent{cmd, in, bufio.NewScanner(out)}, cmd.Start()
}

// duels lets two processes open and register the same order at once, over and over.
func (s *shop) duels(ctx context.Context, n int) error {
	var sides [2]*opponent
	for i := range sides {
		var err error
		if sides[i], err = s.opponent(ctx); err != nil {
			return err
		}
	}
	defer func() {
		for _, o := range sides {
			_ = o.in.Close()
			_ = o.cmd.Wait()
		}
	}()
	for range n {
		o := s.next()
		// Both read the same order at the same moment, and race from its opening to its
		// registration.
		line := o.id + " " + o.number.Reveal("84") + "\n"
		for _, side := range sides {
			if _, err := io.WriteString(side.in, line); err != nil {
				return err
			}
		}
		for i, side := range sides {
			if !side.out.Scan() {
				return fmt.Errorf("process %d ended", i)
			}
			if said := side.out.Text(); said != "done <nil>" {
				return fmt.Errorf("order %s, process %d: %s", o.id, i, said)
			}
		}
		if err := s.check(ctx, o); err != nil {
			return fmt.Errorf("order %s: %w", o.id, err)
		}
	}
	return nil
}
