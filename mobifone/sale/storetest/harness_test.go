package storetest

import (
	"math/rand/v2"
	"reflect"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fptshop/mobifone-go/mobifone/sale"
	"github.com/fptshop/mobifone-go/mobifone/telco"
)

func TestMemory(t *testing.T) {
	t.Parallel()
	Run(t, Harness{
		Open:   func(testing.TB) sale.Store { return sale.NewMemory() },
		Reopen: func(_ testing.TB, s sale.Store) sale.Store { return s },
	})
}

// What a field cannot hold would come out as another number, and a sound store would be
// blamed for it: an int has 32 bits on some machines.
func TestFillFitsEveryWidth(t *testing.T) {
	t.Parallel()
	for seed := range uint64(64) {
		var v struct {
			A int
			B int8
			C int16
			D int32
			E int64
		}
		fill(rand.New(rand.NewPCG(seed, 1)), &v)
		require.Positive(t, v.A)
		require.Positive(t, v.B)
		require.Positive(t, v.C)
		require.Positive(t, v.D)
		require.Positive(t, v.E)
	}
}

// No OTP and no secret can reach a store, because nothing a store is given has room for
// one by its type.
func TestNoRoomForAnOTP(t *testing.T) {
	t.Parallel()
	assert.Empty(t, secretsIn(reflect.TypeFor[sale.Change](), "Change"))
	type leaky struct{ Sends []*struct{ Code telco.OTP } }
	assert.NotEmpty(t, secretsIn(reflect.TypeFor[leaky](), "leaky"))
}

func secretsIn(t reflect.Type, path string) (found []string) {
	switch {
	case t == reflect.TypeFor[telco.OTP](), t == reflect.TypeFor[telco.Secret]():
		return []string{path}
	case t.Kind() == reflect.Pointer, t.Kind() == reflect.Slice, t.Kind() == reflect.Map:
		return secretsIn(t.Elem(), path)
	case t.Kind() == reflect.Interface:
		return []string{path + " can hold anything"}
	case t.Kind() == reflect.Struct && t.PkgPath() != "time" && t != reflect.TypeFor[telco.MSISDN]():
		for field := range t.Fields() {
			found = append(found, secretsIn(field.Type, path+"."+field.Name)...)
		}
	}
	return found
}
