// The tables loopback and tls compare calls over real sockets, by the wall: how long a
// number of callers at once take for a number of calls. A registration dials a connection
// of its own by design, so the work by hand is there twice, with a dial each too. The floor
// below HTTP is frames: a message and its answer with four bytes of length in front.

package main

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"
)

// tuned is a transport that keeps a connection for every caller.
func tuned(r *remote) *http.Transport {
	// Fewer idle connections than callers would measure dialling instead of calls.
	t := &http.Transport{MaxIdleConnsPerHost: 256, IdleConnTimeout: 90 * time.Second, ForceAttemptHTTP2: true}
	if r.roots != nil {
		t.TLSClientConfig = &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: r.roots}
	}
	return t
}

// dialling is a transport that dials for every call.
func dialling(r *remote) *http.Transport {
	t := tuned(r)
	t.DisableKeepAlives = true
	return t
}

// over makes an HTTP client of a transport.
func over(t http.RoundTripper) *http.Client { return &http.Client{Transport: t} }

// named renames a contender.
func (c *contender) named(name string) *contender {
	c.name = name
	return c
}

// onLoopback is the table loopback.
func onLoopback(ctx context.Context, s settings) error {
	s = s.or(9, 3000)
	return s.sockets(ctx, "tcp", []int{1, 64, 256}, func(r *remote) ([]*contender, error) {
		base, client := r.base(), over(tuned(r))
		bare, err := newSDK(ctx, base, nil) // with the transport that ships
		if err != nil {
			return nil, err
		}
		all := append([]*contender{plain(base, client)}, pairs(newHand(base, client), bare)...)
		dials := &contender{name: "by hand: the same as registration.Register, a dial each", call: newHand(base, over(dialling(r))).register}
		all = append(all, dials)
		for _, c := range all {
			if c.beside != nil && c.beside.name == "by hand: the same as registration.Register" {
				// A registration of ours dials, so it is compared with the work by hand that
				// dials.
				c.beside = dials
			}
		}
		others, err := peers(base, client)
		if err != nil {
			return nil, err
		}
		least, err := floor(base, tuned(r))
		if err != nil {
			return nil, err
		}
		all = append(append(all, others...), withRetryable("go-retryablehttp, all defaults", base, nil))
		return append(all, least, rawTCP(r.addr)), nil
	})
}

// sockets runs a table at several numbers of callers against a server process of its own. It also
// counts what arrives there, so that a contender which sends more or less than one request is
// found out.
func (s settings) sockets(ctx context.Context, mode string, callers []int, rivals func(*remote) ([]*contender, error)) (err error) {
	r, err := spawn(ctx, mode)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.stop()) }()
	all, err := rivals(r)
	if err != nil {
		return err
	}
	defer release(ctx, all)
	all = s.chosen(all)
	// The server's counts before the turn.
	var last counts
	if last, err = r.counts(); err != nil {
		return err
	}
	var dials, resumptions map[*contender][]float64
	for _, c := range all {
		c.after = func(_ context.Context, n int) error {
			now, err := r.counts()
			if err != nil {
				return err
			}
			// The server must have seen one request for each call.
			if got := now.requests - last.requests; got != n {
				err = fmt.Errorf("%d requests for %d calls", got, n)
			}
			dials[c] = append(dials[c], 1000*float64(now.conns-last.conns)/float64(n))
			resumptions[c] = append(resumptions[c], 1000*float64(now.resumed-last.resumed)/float64(n))
			last = now
			return err
		}
	}
	// One group of columns for each number of callers.
	head, line := "| "+mode+" |", "|---|"
	rows := make([]string, len(all))
	for _, workers := range callers {
		dials, resumptions = map[*contender][]float64{}, map[*contender][]float64{}
		if err := (turns{settings: s, workers: workers, clock: wall}).run(ctx, all); err != nil {
			return err
		}
		head, line = head+fmt.Sprintf(" %d at once, ratio | to the same by hand | µs |", workers), line+"--:|--:|--:|"
		for i, c := range all {
			rows[i] += fmt.Sprintf(" %s | %.1f |", c.ratios(all[0]), c.micros())
		}
	}
	fmt.Fprintf(s.out, "%d rounds of %d calls; wall time, server in its own process; the last four columns at %d at once\n\n",
		s.rounds, s.n, callers[len(callers)-1])
	fmt.Fprintf(s.out, "%s allocs | B | dials per 1000 | resumed |\n%s--:|--:|--:|--:|\n", head, line)
	for i, c := range all {
		fmt.Fprintf(s.out, "| %s |%s %.0f | %.0f | %.0f | %.0f |\n", c.name, rows[i], c.mallocs(), c.size(),
			spreadOf(dials[c]).median, spreadOf(resumptions[c]).median)
	}
	return nil
}

// overTLS is the table tls. A registration dials by design, so its rivals dial as well, with and
// without sessions.
func overTLS(ctx context.Context, s settings) error {
	s = s.or(9, 600)
	return s.sockets(ctx, "tls", []int{1, 64}, func(r *remote) ([]*contender, error) {
		base, client := r.base(), over(tuned(r))
		byHand := newHand(base, client)
		kept := byHand.contenders()
		remembering := func(t *http.Transport) *http.Transport {
			t.TLSClientConfig.ClientSessionCache = tls.NewLRUClientSessionCache(64)
			return t
		}
		// The same wire with session tickets refused.
		never := tuned(r)
		never.TLSClientConfig.SessionTicketsDisabled = true
		all := []*contender{plain(base, client), kept[0], kept[1]}
		dials := &contender{name: "by hand: register, a dial each", call: newHand(base, over(dialling(r))).register}
		resumes := &contender{name: "by hand: register, a dial each, sessions resumed", call: newHand(base, over(remembering(dialling(r)))).register}
		for i, way := range []struct {
			name  string
			wire  *http.Transport
			rival *contender
		}{
			{"as the SDK does it", tuned(r), resumes},
			{"without sessions", never, dials},
			{"with a session cache given", remembering(tuned(r)), resumes},
		} {
			ours, err := newSDK(ctx, base, over(way.wire))
			if err != nil {
				return nil, err
			}
			calls := ours.contenders("")
			calls[0].done = ours.close
			if i == 0 {
				calls[0].beside, calls[1].beside = kept[0], kept[1]
				all = append(all, calls[0], calls[1])
			}
			register := calls[3].named("ours: registration.Register, " + way.name)
			register.beside = way.rival
			all = append(all, register)
		}
		return append(all, dials, resumes), nil
	})
}

// rawTCP is the limit of the machine: frames over connections that are kept, without HTTP.
func rawTCP(addr string) *contender {
	// As many idle connections as the largest number of callers.
	pool := &frames{addr: addr, idle: make(chan *framed, 256)}
	return &contender{name: "floor: frames over TCP, codec by hand", call: pool.call, done: pool.close}
}

// frames is a pool of connections that carry frames.
type frames struct {
	addr string
	idle chan *framed
}

// framed is one connection with its buffers.
type framed struct {
	conn     net.Conn
	in       *bufio.Reader
	out, got []byte
}

// call exchanges one frame, and keeps the connection for the next call.
func (f *frames) call(ctx context.Context, t *ticket) error {
	c, err := f.take(ctx)
	if err != nil {
		return err
	}
	if err = c.exchange(t); err != nil {
		_ = c.conn.Close()
		return err
	}
	select {
	case f.idle <- c:
	default:
		_ = c.conn.Close()
	}
	return nil
}

// take gives out an idle connection, or dials.
func (f *frames) take(ctx context.Context) (*framed, error) {
	select {
	case c := <-f.idle:
		return c, nil
	default:
	}
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, "tcp", f.addr)
	if err != nil {
		return nil, err
	}
	return &framed{conn: conn, in: bufio.NewReader(conn)}, nil
}

// exchange sends the order of a ticket and checks the answer.
func (c *framed) exchange(t *ticket) error {
	body := appendOrder(c.got[:0], t)
	c.out = appendFrame(c.out[:0], body)
	if _, err := c.conn.Write(c.out); err != nil {
		return err
	}
	var err error
	if c.got, err = readFrame(c.in, body); err != nil {
		return err
	}
	return checkOrder(c.got, t)
}

// close closes the idle connections.
func (f *frames) close(context.Context) {
	for {
		select {
		case c := <-f.idle:
			_ = c.conn.Close()
		default:
			return
		}
	}
}
