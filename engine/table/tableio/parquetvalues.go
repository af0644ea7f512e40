package tableio

import (
	"encoding/hex"
	"errors"
	"fmt"
	"math/big"
	"sync"
	"time"

	"github.com/apache/arrow/go/v17/arrow/float16"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/apache/arrow/go/v17/parquet"
	"github.com/apache/arrow/go/v17/parquet/file"
	"github.com/apache/arrow/go/v17/parquet/schema"
)

// entry is a value of a leaf with its levels. The value is nil where there is none.
type entry struct {
	def, rep int16
	value    any
}

// leaf reads the entries of a column one by one.
type leaf struct {
	name    string
	column  *schema.Column
	fill    func() error // decodes more entries, none at the end
	entries []entry
}

func newLeaf(c *schema.Column) (*leaf, error) {
	if c.MaxDefinitionLevel() > 4*maxNesting || c.MaxRepetitionLevel() > maxNesting {
		return nil, fmt.Errorf("it is nested deeper than %d", maxNesting)
	}
	return &leaf{name: c.Path(), column: c}, nil
}

// peek returns the next entry, false if there is none.
func (l *leaf) peek() (entry, bool, error) {
	if len(l.entries) == 0 {
		if err := l.fill(); err != nil {
			return entry{}, false, err
		}
	}
	if len(l.entries) == 0 {
		return entry{}, false, nil
	}
	return l.entries[0], true, nil
}

// take returns the next value and goes past it.
func (l *leaf) take() (any, error) {
	e, ok, err := l.peek()
	if err != nil || !ok {
		return nil, errors.Join(errors.New("its values end early"), err)
	}
	l.entries = l.entries[1:]
	return e.value, nil
}

// open makes the leaf read these pages.
func (l *leaf) open(pages file.PageReader, mem memory.Allocator, pool *sync.Pool) error {
	l.entries = nil
	switch r := file.NewColumnReader(l.column, pages, mem, pool).(type) {
	case *file.BooleanColumnChunkReader:
		l.fill = filler(l, r, func(v bool) (any, error) { return v, nil })
	case *file.Int32ColumnChunkReader:
		l.fill = filler(l, r, func(v int32) (any, error) { return l.number(int64(v), uint64(uint32(v))) })
	case *file.Int64ColumnChunkReader:
		l.fill = filler(l, r, func(v int64) (any, error) { return l.number(v, uint64(v)) })
	case *file.Int96ColumnChunkReader:
		l.fill = filler(l, r, func(v parquet.Int96) (any, error) { return timestamp(v.ToTime(), false), nil })
	case *file.Float32ColumnChunkReader:
		l.fill = filler(l, r, func(v float32) (any, error) { return single(v), nil })
	case *file.Float64ColumnChunkReader:
		l.fill = filler(l, r, func(v float64) (any, error) { return double(v), nil })
	case *file.ByteArrayColumnChunkReader:
		l.fill = filler(l, r, func(v parquet.ByteArray) (any, error) { return l.bytes(v) })
	case *file.FixedLenByteArrayColumnChunkReader:
		l.fill = filler(l, r, func(v parquet.FixedLenByteArray) (any, error) { return l.bytes(v) })
	default:
		return fmt.Errorf("it is of the type %s, which isn't read", l.column.PhysicalType())
	}
	return nil
}

// entriesAtOnce is how many entries of a column are decoded at once.
const entriesAtOnce = 512

// filler returns what decodes further entries of a column, each value by convert.
func filler[T any](l *leaf, r interface {
	ReadBatch(int64, []T, []int16, []int16) (int64, int, error)
	Err() error
}, convert func(T) (any, error)) func() error {
	values := make([]T, entriesAtOnce)
	defs, reps := make([]int16, entriesAtOnce), make([]int16, entriesAtOnce)
	return func() error {
		levels, n, err := r.ReadBatch(entriesAtOnce, values, defs, reps)
		if err = errors.Join(err, r.Err()); err != nil {
			return err
		}
		l.entries, err = join(l.column, values[:n], defs[:levels], reps[:levels], convert)
		return err
	}
}

// join gives each level its value: levels below the highest have none.
func join[T any](c *schema.Column, values []T, defs, reps []int16, convert func(T) (any, error)) ([]entry, error) {
	entries := make([]entry, len(defs))
	for i := range entries {
		e := entry{def: defs[i], rep: reps[i]}
		if e.def > c.MaxDefinitionLevel() || e.rep > c.MaxRepetitionLevel() {
			return nil, errors.New("a level is higher than the schema has")
		}
		if e.def == c.MaxDefinitionLevel() {
			if len(values) == 0 {
				return nil, errors.New("it has fewer values than levels")
			}
			v, err := convert(values[0])
			if err != nil {
				return nil, err
			}
			e.value, values = v, values[1:]
		}
		entries[i] = e
	}
	return entries, nil
}

// number is what an integer means in the column, u being its bits without a sign.
func (l *leaf) number(v int64, u uint64) (any, error) {
	switch t := l.column.LogicalType().(type) {
	case schema.DateLogicalType:
		return date(v), nil
	case *schema.TimeLogicalType:
		d, err := inUnit(v, t.TimeUnit())
		return clock(time.Unix(0, 0).Add(d)), err
	case *schema.TimestampLogicalType:
		at, err := momentOf(v, t.TimeUnit())
		return timestamp(at.UTC(), t.IsAdjustedToUTC()), err
	case *schema.DecimalLogicalType:
		return decimal(big.NewInt(v), int(t.Scale()))
	case *schema.IntLogicalType:
		if !t.IsSigned() {
			return unsigned(u), nil
		}
	}
	return integer(v), nil
}

func inUnit(v int64, unit schema.TimeUnitType) (time.Duration, error) {
	switch unit {
	case schema.TimeUnitMillis:
		return time.Duration(v) * time.Millisecond, nil
	case schema.TimeUnitMicros:
		return time.Duration(v) * time.Microsecond, nil
	case schema.TimeUnitNanos:
		return time.Duration(v), nil
	default:
		return 0, errors.New("its unit of time isn't known")
	}
}

func momentOf(v int64, unit schema.TimeUnitType) (time.Time, error) {
	switch unit {
	case schema.TimeUnitMillis:
		return time.UnixMilli(v), nil
	case schema.TimeUnitMicros:
		return time.UnixMicro(v), nil
	case schema.TimeUnitNanos:
		return time.Unix(0, v), nil
	default:
		return time.Time{}, errors.New("its unit of time isn't known")
	}
}

// bytes is what bytes mean in the column.
func (l *leaf) bytes(b []byte) (any, error) {
	switch t := l.column.LogicalType().(type) {
	case schema.StringLogicalType, schema.EnumLogicalType, schema.JSONLogicalType:
		return text(b)
	case *schema.DecimalLogicalType:
		return decimal(twosComplement(b), int(t.Scale()))
	case schema.UUIDLogicalType:
		h := hex.EncodeToString(b)
		if len(h) != 32 {
			return nil, errors.New("it is no UUID")
		}
		return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:], nil
	case schema.Float16LogicalType:
		if len(b) != 2 {
			return nil, errors.New("it is no number of half precision")
		}
		return single(float16.FromLEBytes(b).Float32()), nil
	case schema.IntervalLogicalType:
		return nil, errors.New("it is an interval of time, which isn't read")
	default:
		return blob(b), nil
	}
}

// twosComplement is a signed number of big-endian bytes.
func twosComplement(b []byte) *big.Int {
	v := new(big.Int).SetBytes(b)
	if len(b) > 0 && b[0]&0x80 != 0 {
		v.Sub(v, new(big.Int).Lsh(big.NewInt(1), uint(8*len(b))))
	}
	return v
}
