package main

// Doctor is judged by faults that are planted one at a time.

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"database/sql"
	"encoding/json"
	"encoding/pem"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/fptshop/mobifone-go/mobifone/sandbox"
	"github.com/fptshop/mobifone-go/mobifone/telco"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// said is what doctor --json says.
type said struct {
	Checks   []check `json:"checks"`
	Problems int     `json:"problems"`
}

// checksOf runs doctor and returns its checks by name.
func checksOf(t *testing.T, s *shop, args ...string) (map[string]check, result) {
	t.Helper()
	r := s.run(t, append([]string{"doctor", "--json"}, args...)...)
	var all said
	require.NoError(t, json.Unmarshal([]byte(r.out), &all), r.out+r.errs)
	found := map[string]check{}
	for _, c := range all.Checks {
		found[c.Name] = c
	}
	require.Len(t, found, 6)
	return found, r
}

func TestDoctorFindsAHealthyShopHealthy(t *testing.T) {
	t.Parallel()
	s := newShop(t, sandbox.Config{})
	checks, r := checksOf(t, s)
	assert.Equal(t, 0, r.code, r.errs)
	for name, c := range checks {
		want := checkOK
		if name == "quota" {
			want = checkSkipped
		}
		assert.Equal(t, want, c.State, "%+v", c)
		assert.Empty(t, c.Todo)
	}
	human := s.run(t, "doctor")
	assert.Equal(t, 0, human.code)
	assert.Equal(t, 6, strings.Count(strings.TrimSpace(human.out), "\n")+1, "one line for each check")
	assert.Equal(t, 4, s.srv.Requests("registration.register"), "the trial's own; doctor registers nothing")
}

// Each fault is planted alone. Doctor finds it, finds nothing else, and says what to do.
func TestDoctorFindsTheFault(t *testing.T) {
	t.Parallel()
	free := func(t *testing.T) string {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		defer l.Close()
		return l.Addr().String()
	}
	for name, c := range map[string]struct {
		plant          func(t *testing.T, s *shop) *shop
		check          string
		todoVI, todoEN string
	}{
		"wrong secret": {func(_ *testing.T, s *shop) *shop { return s.set("MOBIFONE_SECRET", "canary-wrong-secret-0123456789") }, "credentials", "kiểm tra $MOBIFONE_API_KEY", "check $MOBIFONE_API_KEY"},
		"wrong key":    {func(_ *testing.T, s *shop) *shop { return s.set("MOBIFONE_API_KEY", "wrong-key") }, "credentials", "kiểm tra $MOBIFONE_API_KEY", "check $MOBIFONE_API_KEY"},
		"no secret":    {func(_ *testing.T, s *shop) *shop { return s.set("MOBIFONE_SECRET", "") }, "credentials", "kiểm tra $MOBIFONE_API_KEY", "check $MOBIFONE_API_KEY"},
		"clock behind": {func(_ *testing.T, s *shop) *shop { s.srv.SetSkew(10 * time.Minute); return s }, "clock", "đồng bộ giờ", "synchronize"},
		"clock ahead":  {func(_ *testing.T, s *shop) *shop { s.srv.SetSkew(-2 * time.Minute); return s }, "clock", "đồng bộ giờ", "synchronize"},
		"broken contract": {func(t *testing.T, s *shop) *shop {
			file := filepath.Join(t.TempDir(), "c.json")
			require.NoError(t, os.WriteFile(file, []byte(`{"version": 1}`), 0o600))
			return s.set("MOBIFONE_CONTRACT", file, "MOBIFONE_USERNAME", "somebody", "MOBIFONE_PASSWORD", "canary-password")
		}, "contract", "contract check", "contract check"},
		"another contract": {func(t *testing.T, s *shop) *shop {
			file, err := filepath.Abs("../../mobifone/contract/testdata/signed.json")
			require.NoError(t, err)
			return s.set("MOBIFONE_CONTRACT", file, "MOBIFONE_USERNAME", "somebody", "MOBIFONE_PASSWORD", "canary-password")
		}, "credentials", "--contract", "--contract"},
		"missing key": {func(t *testing.T, s *shop) *shop {
			return s.set("MOBIFONE_KEYS", otherKeys(t, s, func(k *keys) { k.Keys["2027"], k.Current = k.Keys["trial"], "2027"; delete(k.Keys, "trial") }))
		}, "store", "thêm khóa “trial”", "add the key “trial”"},
		"wrong cipher key": {func(t *testing.T, s *shop) *shop {
			return s.set("MOBIFONE_KEYS", otherKeys(t, s, func(k *keys) { k.Keys = makeKeys().Keys }))
		}, "store", "dùng đúng tệp khóa", "use the keys of this store"},
		"wrong busy key": {func(t *testing.T, s *shop) *shop {
			return s.set("MOBIFONE_KEYS", otherKeys(t, s, func(k *keys) { k.Busy = makeKeys().Busy }))
		}, "store", "dùng đúng tệp khóa", "use the keys of this store"},
		"no store": {func(_ *testing.T, s *shop) *shop { return s.set("MOBIFONE_STORE", filepath.Join(s.dir, "nowhere.db")) }, "store", "không tạo sổ mới", "makes no new one"},
		"store of another shape": {func(t *testing.T, s *shop) *shop {
			db, err := sql.Open("sqlite", s.env["MOBIFONE_STORE"])
			require.NoError(t, err)
			_, err = db.ExecContext(t.Context(), "ALTER TABLE sales RENAME COLUMN opened_at TO opened")
			require.NoError(t, err)
			require.NoError(t, db.Close())
			return s
		}, "store", "người giữ công cụ", "who keeps this tool"},
		"store elsewhere": {func(t *testing.T, s *shop) *shop {
			return s.set("MOBIFONE_STORE", "postgres://x:hidden-pw@"+free(t)+"/d")
		}, "store", "PostgreSQL có chạy", "PostgreSQL runs"},
		"redis down": {func(t *testing.T, s *shop) *shop { return s.set("MOBIFONE_QUOTA", "redis://:hidden-pw@"+free(t)+"/0") }, "quota", "Redis có chạy", "Redis runs"},
		"postgres down": {func(t *testing.T, s *shop) *shop {
			return s.set("MOBIFONE_QUOTA", "postgres://x:hidden-pw@"+free(t)+"/d")
		}, "quota", "PostgreSQL có chạy", "PostgreSQL runs"},
		"nobody there": {func(t *testing.T, s *shop) *shop { return s.set("MOBIFONE_URL", "http://"+free(t)) }, "tls", "kiểm tra mạng", "check network"},
		"no address":   {func(_ *testing.T, s *shop) *shop { return s.set("MOBIFONE_URL", "") }, "tls", "đặt $MOBIFONE_URL", "set $MOBIFONE_URL"},
		"untrusted": {func(t *testing.T, s *shop) *shop {
			return s.set("MOBIFONE_URL", encrypted(t, s).URL)
		}, "tls", "cài CA", "install the CA"},
		"wrong name": {func(t *testing.T, s *shop) *shop {
			srv := encrypted(t, s)
			return s.set("MOBIFONE_URL", strings.Replace(srv.URL, "127.0.0.1", "localhost", 1), "SSL_CERT_FILE", certificate(t, srv))
		}, "tls", "sai tên máy", "host name"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newShop(t, sandbox.Config{})
			s.canaries = append(s.canaries, "hidden-pw", "canary-wrong-secret-0123456789")
			s = c.plant(t, s)
			found, r := checksOf(t, s, "--lang", "vi")
			assert.Equal(t, exitFailed, r.code)
			assert.Equal(t, checkProblem, found[c.check].State, "%+v", found)
			assert.Contains(t, found[c.check].Todo, c.todoVI)
			assert.NotContains(t, found[c.check].Todo, "mobifonectl doctor", "that is where we are")
			for other, o := range found {
				// Without a contract or a connection there is nothing to call with.
				follows := c.check == "contract" && (other == "credentials")
				if other != c.check && !follows {
					assert.NotEqual(t, checkProblem, o.State, "%+v", o)
				}
			}
			human := s.run(t, "doctor", "--lang", "en")
			assert.Equal(t, exitFailed, human.code)
			assert.Contains(t, human.out, "BAD  "+c.check)
			assert.Contains(t, human.out, c.todoEN)
		})
	}
}

// A trusted certificate is fine; one that ends soon is not.
func TestDoctorReadsTheCertificate(t *testing.T) {
	t.Parallel()
	s := newShop(t, sandbox.Config{})
	srv := encrypted(t, s)
	checks, r := checksOf(t, s.set("MOBIFONE_URL", srv.URL, "SSL_CERT_FILE", certificate(t, srv)))
	assert.Equal(t, 0, r.code, r.out)
	assert.Contains(t, checks["tls"].Said, "TLS 1.3")

	srv = httptest.NewUnstartedServer(s.srv.Sandbox)
	srv.TLS = &tls.Config{Certificates: []tls.Certificate{ending(t, time.Now().Add(5*24*time.Hour))}, MinVersion: tls.VersionTLS12}
	srv.StartTLS()
	t.Cleanup(srv.Close)
	checks, r = checksOf(t, s.set("MOBIFONE_URL", srv.URL, "SSL_CERT_FILE", certificate(t, srv)), "--lang", "en")
	assert.Equal(t, exitFailed, r.code)
	assert.Equal(t, checkProblem, checks["tls"].State)
	assert.Contains(t, checks["tls"].Todo, "renew")
}

// ending is a certificate for this machine that ends at a time.
func ending(t *testing.T, end time.Time) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	c := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: end, IsCA: true, BasicConstraintsValid: true, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}
	raw, err := x509.CreateCertificate(rand.Reader, c, c, key.Public(), key)
	require.NoError(t, err)
	leaf, err := x509.ParseCertificate(raw)
	require.NoError(t, err)
	return tls.Certificate{Certificate: [][]byte{raw}, PrivateKey: key, Leaf: leaf}
}

// encrypted serves the shop's MobiFone over TLS.
func encrypted(t *testing.T, s *shop) *httptest.Server {
	t.Helper()
	srv := httptest.NewUnstartedServer(s.srv.Sandbox)
	srv.Config.ErrorLog = log.New(io.Discard, "", 0) // handshakes fail on purpose
	srv.StartTLS()
	t.Cleanup(srv.Close)
	return srv
}

// certificate is a file with the server's certificate, for $SSL_CERT_FILE.
func certificate(t *testing.T, srv *httptest.Server) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "ca.pem")
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: srv.Certificate().Raw})
	require.NoError(t, os.WriteFile(file, text, 0o600))
	return file
}

// otherKeys is a keys file that is not quite the shop's.
func otherKeys(t *testing.T, s *shop, change func(*keys)) string {
	t.Helper()
	k, err := readKeys(s.env["MOBIFONE_KEYS"])
	require.NoError(t, err)
	change(&k)
	text, err := json.Marshal(k)
	require.NoError(t, err)
	file := filepath.Join(t.TempDir(), "keys.json")
	require.NoError(t, os.WriteFile(file, text, 0o600))
	return file
}

// The clock is read from a refusal too; one that MobiFone does not take is a problem, whatever it seems.
func TestDoctorReadsTheClockFromARefusal(t *testing.T) {
	t.Parallel()
	s := newShop(t, sandbox.Config{})
	s.srv.SetSkew(10 * time.Minute)
	checks, r := checksOf(t, s.set("MOBIFONE_SECRET", "canary-wrong-secret-0123456789"))
	assert.Equal(t, exitFailed, r.code)
	assert.Equal(t, checkProblem, checks["credentials"].State)
	assert.Equal(t, checkProblem, checks["clock"].State, "%+v", checks)
	assert.Regexp(t, `lệch MobiFone -(10m0|9m59)s`, checks["clock"].Said)

	s.srv.SetSkew(0)
	require.NoError(t, s.srv.Script(sandbox.Fault{Operation: telco.OpList, Kind: "code", Code: telco.AuthTimestamp, Times: -1}))
	checks, _ = checksOf(t, s)
	assert.Equal(t, checkProblem, checks["clock"].State, "%+v", checks)
	assert.Contains(t, checks["clock"].Todo, "chronyc")
}

// Where MobiFone lists nothing, the doctor asks for one transaction. That there is none is an answer,
// also when a cache has given it.
func TestDoctorAsksForOneTransaction(t *testing.T) {
	t.Parallel()
	s := newShop(t, sandbox.Config{})
	doc := s.srv.Contract().Document()
	delete(doc.Operations, telco.OpList)
	text, err := json.Marshal(doc)
	require.NoError(t, err)
	file := filepath.Join(t.TempDir(), "contract.json")
	require.NoError(t, os.WriteFile(file, text, 0o600))
	to, err := url.Parse(s.srv.URL)
	require.NoError(t, err)
	for _, age := range []string{"", "9"} {
		proxy := httputil.NewSingleHostReverseProxy(to)
		proxy.ModifyResponse = func(r *http.Response) error {
			if age != "" {
				r.Header.Set("Age", age)
			}
			return nil
		}
		front := httptest.NewServer(proxy)
		defer front.Close()
		checks, r := checksOf(t, s.set("MOBIFONE_CONTRACT", file, "MOBIFONE_URL", front.URL))
		assert.Equal(t, checkOK, checks["credentials"].State, "%s %+v %d", age, checks, r.code)
	}
}
