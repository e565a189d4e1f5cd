package storetest

import (
	"reflect"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/fptshop/mobifone-go/mobifone/sale"
	"github.com/fptshop/mobifone-go/mobifone/telco"
)

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
