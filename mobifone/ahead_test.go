package mobifone_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fptshop/mobifone-go/internal/wiretest"
	"github.com/fptshop/mobifone-go/mobifone"
	"github.com/fptshop/mobifone-go/mobifone/contract"
	"github.com/fptshop/mobifone-go/mobifone/telco"
)

// A connection is opened ahead after an OTP request that succeeded, if the client was told
// to, and after no other call. The registration then opens none.
func TestDialAhead(t *testing.T) {
	t.Parallel()
	told := []mobifone.Option{mobifone.WithDialAhead()}
	for name, tc := range map[string]struct {
		opts   []mobifone.Option
		status int // 0: a ticket
		answer string
		opens  bool
	}{
		"told to":     {told, 0, "", true},
		"not told to": {nil, 0, "", false},
		"OTP refused": {told, 200, `{"errorCode":"7004"}`, false},
		"OTP unknown": {told, 502, "no", false},
		"no transId":  {told, 200, `{"errorCode":"0000"}`, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := wiretest.New(t, contract.Default())
			client := newClient(t, p, append([]mobifone.Option{quick(1)}, tc.opts...)...)
			require.NoError(t, eligible(t.Context(), client))
			if tc.status != 0 {
				p.On(telco.OpOTP, wiretest.Raw(tc.status, "application/json", tc.answer))
			}
			_, err := client.OTP.Request(t.Context(), otpRequest())
			assert.Equal(t, tc.status == 0, err == nil)
			if tc.opens {
				require.Eventually(t, func() bool { return p.Conns() == 2 }, 5*time.Second, time.Millisecond)
			}
			<-time.After(300 * time.Millisecond) // longer than it is read for
			conns := p.Conns()
			assert.Equal(t, tc.opens, conns == 2, "%d", conns)
			assert.Zero(t, p.OnWire(telco.OpRegister))
			_, err = client.Registration.Register(t.Context(), aRequest(t))
			require.NoError(t, err)
			assert.Equal(t, 2, p.Conns())
			assert.Equal(t, 1, p.OnWire(telco.OpRegister))
		})
	}
}
