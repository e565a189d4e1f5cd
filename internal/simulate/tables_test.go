package main

import (
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fptshop/mobifone-go/mobifone/partner"
	"github.com/fptshop/mobifone-go/mobifone/sale"
)

func TestFaultsAreNamedAndPlaced(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for k, f := range faultTable {
		assert.NotEmpty(t, f.name, "fault %d", k)
		assert.NotEmpty(t, f.numbers, f.name)
		assert.Positive(t, f.nths, f.name)
		assert.False(t, seen[f.name], f.name)
		seen[f.name] = true
		named, ok := faultNamed(f.name)
		assert.True(t, ok)
		assert.Equal(t, faultKind(k), named)
	}
	_, ok := faultNamed("no such fault")
	assert.False(t, ok)
}

func TestCells(t *testing.T) {
	t.Parallel()
	for _, b := range flaggedCells {
		assert.NotEmpty(t, b.reason)
	}
	assert.False(t, cellOf(fCopy, "D", true).flagged)
	assert.True(t, cellOf(fCopy, "D", false).flagged)
	assert.False(t, cellOf(fCopy, "C", false).flagged)
	assert.False(t, cellOf(fReplyLost, "F", false).flagged)
}

// sameSale must see a difference in every field of a sale and of a send.
func TestSameSaleSeesEveryField(t *testing.T) {
	t.Parallel()
	full := func() sale.Sale {
		return sale.Sale{Ticket: &sale.Ticket{}, Receipt: &sale.Receipt{}, Sends: []sale.Send{{Fingerprint: []byte{1}}}}
	}
	require.True(t, sameSale(full(), full()))
	var change func(path string, v reflect.Value, check func(path string))
	change = func(path string, v reflect.Value, check func(path string)) {
		switch v.Type() {
		case reflect.TypeFor[time.Time]():
			v.Set(reflect.ValueOf(time.Unix(7, 0)))
			check(path)
			return
		case reflect.TypeFor[partner.MSISDN]():
			v.Set(reflect.ValueOf(partner.MustParseMSISDN("0770000001")))
			check(path)
			return
		}
		switch v.Kind() {
		case reflect.Struct:
			for i := range v.NumField() {
				change(path+"."+v.Type().Field(i).Name, v.Field(i), check)
			}
		case reflect.Pointer:
			change(path, v.Elem(), check)
		case reflect.Slice:
			if v.Type().Elem().Kind() == reflect.Uint8 {
				v.SetBytes([]byte{2})
				check(path)
				return
			}
			change(path, v.Index(0), check)
		case reflect.String:
			v.SetString("x")
			check(path)
		case reflect.Bool:
			v.SetBool(true)
			check(path)
		case reflect.Int, reflect.Int64:
			v.SetInt(7)
			check(path)
		case reflect.Uint8:
			v.SetUint(7)
			check(path)
		default:
			t.Errorf("%s: kind %s", path, v.Kind())
		}
	}
	s := full()
	fields := 0
	last := full()
	change("Sale", reflect.ValueOf(&s).Elem(), func(path string) {
		fields++
		now := deepCopy(s)
		assert.False(t, sameSale(last, now), path)
		assert.True(t, sameSale(now, deepCopy(s)), path)
		last = now
	})
	assert.Greater(t, fields, 40)
}

func deepCopy(s sale.Sale) sale.Sale {
	ticket, receipt := *s.Ticket, *s.Receipt
	s.Ticket, s.Receipt = &ticket, &receipt
	s.Sends = append([]sale.Send(nil), s.Sends...)
	s.Sends[0].Fingerprint = append([]byte(nil), s.Sends[0].Fingerprint...)
	return s
}

func TestReverseGivesAnotherCode(t *testing.T) {
	t.Parallel()
	for n := range 1000 {
		code := strconv.Itoa(100_000 + n*899)
		assert.NotEqual(t, code, reverse(code))
		assert.Len(t, reverse(code), 6)
	}
}

func TestAgendaKeepsTheOrder(t *testing.T) {
	t.Parallel()
	var a agenda
	var got []string
	add := func(at time.Duration, name string) { a.add(happening{at: at, do: func() { got = append(got, name) }}) }
	add(3, "c1")
	add(1, "a")
	add(3, "c2")
	add(2, "b")
	for a.soonest() != nil {
		a.pop().do()
	}
	assert.Equal(t, "a b c1 c2", strings.Join(got, " "))
}
