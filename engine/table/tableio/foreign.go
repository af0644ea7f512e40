package tableio

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
)

// What values of columnar files become. Numbers keep their text, so that they are
// the same whatever container they came in; dates and times are those of ISO 8601.

func integer(v int64) any      { return v }
func unsigned(v uint64) any    { return json.Number(strconv.FormatUint(v, 10)) }
func single(v float32) any     { return floating(float64(v), 32) }
func double(v float64) any     { return floating(v, 64) }
func date(days int64) any      { return time.Unix(days*86400, 0).UTC().Format(time.DateOnly) }
func clock(t time.Time) string { return t.UTC().Format("15:04:05.999999999") }

// floating keeps whole numbers of floating point as they read: 11, not 1.1e+01.
func floating(v float64, bits int) any {
	if v != v || v-v != 0 {
		return v
	}
	return json.Number(strconv.FormatFloat(v, 'g', -1, bits))
}

// timestamp is a time of day on a date, with its offset if it is one in the world.
func timestamp(t time.Time, absolute bool) any {
	if absolute {
		return t.Format("2006-01-02T15:04:05.999999999Z07:00")
	}
	return t.UTC().Format("2006-01-02T15:04:05.999999999")
}

// decimal writes a number that is unscaled / 10^scale exactly.
func decimal(unscaled *big.Int, scale int) (any, error) {
	if scale < 0 || scale > 76 {
		return nil, fmt.Errorf("it is a decimal of scale %d", scale)
	}
	digits := new(big.Int).Abs(unscaled).String()
	for len(digits) <= scale {
		digits = "0" + digits
	}
	text := digits[:len(digits)-scale]
	if scale > 0 {
		text += "." + digits[len(digits)-scale:]
	}
	if unscaled.Sign() < 0 {
		text = "-" + text
	}
	return json.Number(text), nil
}

// text is a string, which has to be UTF-8.
func text(b []byte) (any, error) {
	if !utf8.Valid(b) {
		return nil, errors.New("it isn't valid UTF-8")
	}
	return string(b), nil
}

// blob is text where it is UTF-8, which is how pandas and Spark write some, and
// bytes otherwise.
func blob(b []byte) any {
	if utf8.Valid(b) {
		return string(b)
	}
	return append([]byte(nil), b...)
}

// pairs is a map: an object if its keys are different texts, else a list of
// [key, value].
func pairs(keys, values []any) any {
	s, seen := Struct{}, map[string]bool{}
	for i, k := range keys {
		name, ok := k.(string)
		if !ok || seen[name] {
			return pairList(keys, values)
		}
		seen[name] = true
		s = append(s, Member{name, values[i]})
	}
	return s
}

func pairList(keys, values []any) any {
	list := make([]any, len(keys))
	for i, k := range keys {
		list[i] = []any{k, values[i]}
	}
	return list
}

// maxValues bounds how many values a file may have: each takes some of its bytes, but
// for those that columnar formats write in runs.
func maxValues(size int) int64 { return 1<<20 + 2000*int64(size) }

// columnar converts the values of Arrow arrays.
type columnar struct{ left int64 }

var errTooMany = errors.New("it has more values than a file of its size can have")

func (c *columnar) value(a arrow.Array, i int) (any, error) {
	if c.left--; c.left < 0 {
		return nil, errTooMany
	}
	if a.IsNull(i) || a.DataType().ID() == arrow.NULL {
		return nil, nil
	}
	switch a := a.(type) {
	case *array.Dictionary:
		return c.value(a.Dictionary(), a.GetValueIndex(i))
	case array.ExtensionArray:
		return c.value(a.Storage(), i)
	case *array.RunEndEncoded:
		return c.value(a.Values(), a.GetPhysicalIndex(i))
	case *array.Map:
		return c.pairs(a, i)
	case array.ListLike:
		return c.list(a, i)
	case *array.Struct:
		return c.fields(a, i)
	default:
		return scalar(a, i)
	}
}

func (c *columnar) list(a array.ListLike, i int) ([]any, error) {
	start, end := a.ValueOffsets(i)
	if start < 0 || end < start || end > int64(a.ListValues().Len()) {
		return nil, errors.New("its list lies outside of the values")
	}
	return c.span(a.ListValues(), int(start), int(end))
}

func (c *columnar) span(a arrow.Array, start, end int) ([]any, error) {
	out := []any{}
	for j := start; j < end; j++ {
		v, err := c.value(a, j)
		if err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	return out, nil
}

func (c *columnar) pairs(a *array.Map, i int) (any, error) {
	start, end := a.ValueOffsets(i)
	if start < 0 || end < start || end > int64(a.Keys().Len()) {
		return nil, errors.New("its map lies outside of the values")
	}
	keys, err := c.span(a.Keys(), int(start), int(end))
	if err != nil {
		return nil, err
	}
	values, err := c.span(a.Items(), int(start), int(end))
	if err != nil {
		return nil, err
	}
	return pairs(keys, values), nil
}

func (c *columnar) fields(a *array.Struct, i int) (any, error) {
	s := Struct{}
	for f, field := range a.DataType().(*arrow.StructType).Fields() {
		v, err := c.value(a.Field(f), i)
		if err != nil {
			return nil, err
		}
		s = append(s, Member{field.Name, v})
	}
	return s, nil
}

func scalar(a arrow.Array, i int) (any, error) {
	switch a := a.(type) {
	case *array.Boolean:
		return a.Value(i), nil
	case array.StringLike:
		return text([]byte(a.Value(i)))
	case interface{ Value(int) []byte }:
		return blob(a.Value(i)), nil
	case *array.Decimal128:
		return decimal(a.Value(i).BigInt(), int(a.DataType().(*arrow.Decimal128Type).Scale))
	case *array.Decimal256:
		return decimal(a.Value(i).BigInt(), int(a.DataType().(*arrow.Decimal256Type).Scale))
	default:
		if v := number(a, i); v != nil {
			return v, nil
		}
		if v := moment(a, i); v != nil {
			return v, nil
		}
		return nil, fmt.Errorf("it is of type %s, which isn't read", a.DataType())
	}
}

// number is a value of a column of numbers, nil if it is no such column.
func number(a arrow.Array, i int) any {
	switch a := a.(type) {
	case *array.Int8:
		return integer(int64(a.Value(i)))
	case *array.Int16:
		return integer(int64(a.Value(i)))
	case *array.Int32:
		return integer(int64(a.Value(i)))
	case *array.Int64:
		return integer(a.Value(i))
	case *array.Uint8:
		return unsigned(uint64(a.Value(i)))
	case *array.Uint16:
		return unsigned(uint64(a.Value(i)))
	case *array.Uint32:
		return unsigned(uint64(a.Value(i)))
	case *array.Uint64:
		return unsigned(a.Value(i))
	case *array.Float16:
		return single(a.Value(i).Float32())
	case *array.Float32:
		return single(a.Value(i))
	case *array.Float64:
		return double(a.Value(i))
	default:
		return nil
	}
}

// moment is a value of a column of dates or times, nil if it is no such column.
func moment(a arrow.Array, i int) any {
	switch a := a.(type) {
	case *array.Date32:
		return date(int64(a.Value(i)))
	case *array.Date64:
		return a.Value(i).ToTime().Format(time.DateOnly)
	case *array.Time32:
		return clock(a.Value(i).ToTime(a.DataType().(*arrow.Time32Type).Unit))
	case *array.Time64:
		return clock(a.Value(i).ToTime(a.DataType().(*arrow.Time64Type).Unit))
	case *array.Timestamp:
		t := a.DataType().(*arrow.TimestampType)
		return timestamp(a.Value(i).ToTime(t.Unit), t.TimeZone != "")
	default:
		return nil
	}
}

// frugal is an allocator that refuses what a file of its size can't need: a length
// that was damaged would else take all memory.
type frugal struct {
	memory.Allocator
	max int
}

func newFrugal(size int) frugal {
	return frugal{memory.DefaultAllocator, min(max(256<<20, maxRatio*size), maxUnpacked)}
}

func (f frugal) check(size int) {
	if size < 0 || size > f.max {
		panic(fmt.Sprintf("it asks for %d bytes at once", size))
	}
}

func (f frugal) Allocate(size int) []byte {
	f.check(size)
	return f.Allocator.Allocate(size)
}

func (f frugal) Reallocate(size int, b []byte) []byte {
	f.check(size)
	return f.Allocator.Reallocate(size, b)
}
