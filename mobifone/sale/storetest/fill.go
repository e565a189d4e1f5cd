package storetest

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"time"

	"github.com/fptshop/mobifone-go/mobifone/sale"
	"github.com/fptshop/mobifone-go/mobifone/telco"
)

// fill sets every field that v points to, at any depth, to something other than its zero
// value, so that a field which a store forgets is found out, also one that is added later.
func fill(r *rand.Rand, v any) { fillValue(r, reflect.ValueOf(v).Elem()) }

func fillValue(r *rand.Rand, v reflect.Value) {
	switch v.Interface().(type) {
	case time.Time:
		v.Set(reflect.ValueOf(dawn.Add(time.Duration(r.Int64N(int64(1000 * time.Hour))))))
		return
	case telco.MSISDN:
		v.Set(reflect.ValueOf(subscriber(r.IntN(scope))))
		return
	case sale.State:
		all := sale.States()
		v.Set(reflect.ValueOf(all[r.IntN(len(all))]))
		return
	case telco.PartnerTransID:
		v.Set(reflect.ValueOf(transID(r.IntN(scope), 1+r.IntN(3))))
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		for _, field := range v.Fields() {
			fillValue(r, field)
		}
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fillValue(r, v.Elem())
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		for i := range v.Len() {
			fillValue(r, v.Index(i))
		}
	case reflect.String:
		v.SetString(fmt.Sprintf("%s “%d” \\ ₫\n", v.Type().Name(), r.IntN(1000)))
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Uint8:
		v.SetUint(1 + r.Uint64N(3)) // enumerations of MobiFone package have at least four values
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		v.SetInt(1 + r.Int64N(1<<min(50, v.Type().Bits()-2))) // an int has 32 bits on some machines
	default:
		panic("storetest: nothing to fill a " + v.Type().String() + " with; teach fill")
	}
}
