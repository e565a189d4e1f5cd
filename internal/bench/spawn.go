// Spawn starts the server's process and asks it for its counts, and makes the certificate
// with which it speaks TLS.

package main

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"os"
	"os/exec"
	"strings"
	"time"
)

// remote is a server in another process.
type remote struct {
	addr  string
	roots *x509.CertPool // nil: no TLS
	cmd   *exec.Cmd
	in    io.WriteCloser
	out   *bufio.Reader
}

// counts are what a server has seen.
type counts struct{ requests, conns, resumed int }

// spawn starts this program as a server.
func spawn(ctx context.Context, mode string) (*remote, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, self) //nolint:gosec // this very program, as another process
	cmd.Env = append(os.Environ(), serveVariable+"="+mode)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	r := &remote{cmd: cmd, in: in, out: bufio.NewReader(out)}
	if err := r.greet(mode); err != nil {
		return nil, errors.Join(err, r.stop())
	}
	return r, nil
}

func (r *remote) greet(mode string) error {
	line, err := r.out.ReadString('\n')
	if err != nil {
		return err
	}
	r.addr = strings.TrimSpace(line)
	if mode != "tls" {
		return nil
	}
	var certificate strings.Builder
	for !strings.HasPrefix(line, "-----END") {
		if line, err = r.out.ReadString('\n'); err != nil {
			return err
		}
		certificate.WriteString(line)
	}
	r.roots = x509.NewCertPool()
	if !r.roots.AppendCertsFromPEM([]byte(certificate.String())) {
		return errors.New("the server's certificate cannot be read")
	}
	return nil
}

func (r *remote) base() string {
	if r.roots != nil {
		return "https://" + r.addr
	}
	return "http://" + r.addr
}

func (r *remote) counts() (counts, error) {
	var c counts
	if _, err := fmt.Fprintln(r.in); err != nil {
		return c, err
	}
	line, err := r.out.ReadString('\n')
	if err == nil {
		_, err = fmt.Sscan(line, &c.requests, &c.conns, &c.resumed)
	}
	return c, err
}

// stop closes the server's standard input, at which it ends.
func (r *remote) stop() error {
	return errors.Join(r.in.Close(), r.cmd.Wait())
}

// newCertificate makes a key and a certificate of its own for loopback.
func newCertificate() (*tls.Config, []byte, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		IsCA: true, BasicConstraintsValid: true,
		KeyUsage:    x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, nil, err
	}
	config := &tls.Config{
		MinVersion: tls.VersionTLS12, NextProtos: []string{"http/1.1"},
		Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}},
	}
	return config, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), nil
}
