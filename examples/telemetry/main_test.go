package main

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The example sells, loses the reply and finds the sale registered; it prints spans and metrics, and
// nothing of the customer.
func TestRun(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	require.NoError(t, run(t.Context(), &out))
	for _, want := range []string{
		"registered: Resolving", "looked up: Registered",
		`"Name": "mobifone registration.register"`, `"Value": "local.REPLY_LOST"`, `"Name": "mobifone.sale.event"`,
		"# TYPE http_client_request_duration_seconds histogram",
		`mobifone_operation="registration.register",mobifone_outcome="unknown"`,
		"mobifone_client_retries_left", `mobifone_sale_open{mobifone_sale_state="Resolving"`,
	} {
		assert.Contains(t, out.String(), want)
	}
	for _, never := range []string{"901234100", "NV007", "HN01"} {
		assert.NotContains(t, out.String(), never)
	}
}
