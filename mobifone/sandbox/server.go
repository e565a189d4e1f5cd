package sandbox

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"time"

	"github.com/fptshop/mobifone-go/mobifone/telco"
)

// Server is a sandbox on a loopback port, with all that a client needs to talk to it.
type Server struct {
	*Sandbox
	URL string // base URL, http://127.0.0.1:port

	http *http.Server
	done chan struct{}
}

// Start runs a sandbox on a free loopback port, for tests: Start(Config{}) is the default
// one. Its error names every problem of the config. The caller must Close the server.
func Start(cfg Config) (*Server, error) {
	s, err := New(cfg)
	if err != nil {
		return nil, err
	}
	return s.Listen("127.0.0.1:0")
}

// Listen serves the sandbox on an address until the server is closed. On an address that
// is not loopback anybody who reaches it is served; the admin endpoints still answer to
// this machine only.
func (s *Sandbox) Listen(addr string) (*Server, error) {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("sandbox: %w", err)
	}
	srv := &Server{
		Sandbox: s, URL: "http://" + l.Addr().String(), done: make(chan struct{}),
		http: &http.Server{Handler: s, ErrorLog: log.New(io.Discard, "", 0), ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 60 * time.Second},
	}
	go func() {
		defer close(srv.done)
		_ = srv.http.Serve(l) // ends with ErrServerClosed, or the listener is gone
	}()
	return srv, nil
}

// Close stops listening, ends every connection and lets go of requests held back. It
// returns when the port is free.
func (s *Server) Close() error {
	s.Sandbox.Close()
	err := s.http.Close()
	<-s.done
	return err
}

// Shutdown stops listening and waits for requests under way until ctx ends. Requests
// held back are let go.
func (s *Server) Shutdown(ctx context.Context) error {
	s.Sandbox.Close()
	err := s.http.Shutdown(ctx)
	if err != nil {
		err = errors.Join(err, s.http.Close())
	}
	<-s.done
	return err
}

// Code waits for nothing: it returns the newest OTP on the subscriber's phone; false
// when there is none.
func (s *Sandbox) Code(n telco.MSISDN) (telco.OTP, bool) {
	box := s.Inbox(n)
	if len(box) == 0 {
		return telco.OTP{}, false
	}
	return box[len(box)-1].OTP, true
}
