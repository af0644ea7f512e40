package tableio

import (
	"encoding/binary"
	"errors"
)

var errHeader = errors.New("the header of a page is damaged")

// Types of values in Thrift's compact protocol.
const (
	thriftStop, thriftTrue, thriftFalse, thriftByte = 0, 1, 2, 3
	thriftI16, thriftI32, thriftI64, thriftDouble   = 4, 5, 6, 7
	thriftBinary, thriftList, thriftSet, thriftMap  = 8, 9, 10, 11
	thriftStruct                                    = 12
)

// thriftReader reads a struct in Thrift's compact protocol, of which it keeps the
// integers, truth values and structs: all that the headers of Parquet's pages need. The
// library doesn't end where headers are damaged.
type thriftReader struct{ data []byte }

// thriftFields are the values of a struct by their numbers: int64, bool, thriftFields.
type thriftFields map[int]any

func (f thriftFields) number(n int) int64 {
	v, _ := f[n].(int64)
	return v
}

func (f thriftFields) fields(n int) thriftFields {
	v, _ := f[n].(thriftFields)
	return v
}

func (r *thriftReader) byte() (byte, error) {
	if len(r.data) == 0 {
		return 0, errHeader
	}
	b := r.data[0]
	r.data = r.data[1:]
	return b, nil
}

func (r *thriftReader) skip(n uint64) error {
	if n > uint64(len(r.data)) {
		return errHeader
	}
	r.data = r.data[n:]
	return nil
}

func (r *thriftReader) uvarint() (uint64, error) {
	v, k := binary.Uvarint(r.data)
	if k <= 0 {
		return 0, errHeader
	}
	r.data = r.data[k:]
	return v, nil
}

// varint reads an integer whose sign is in its lowest bit.
func (r *thriftReader) varint() (int64, error) {
	v, k := binary.Varint(r.data)
	if k <= 0 {
		return 0, errHeader
	}
	r.data = r.data[k:]
	return v, nil
}

func (r *thriftReader) fields(depth int) (thriftFields, error) {
	if depth == 0 {
		return nil, errHeader
	}
	f, id := thriftFields{}, int64(0)
	for {
		head, err := r.byte()
		if err != nil || head == thriftStop {
			return f, err
		}
		id += int64(head >> 4)
		if head>>4 == 0 {
			if id, err = r.varint(); err != nil {
				return nil, err
			}
		}
		if f[int(id)], err = r.value(head&15, depth-1); err != nil {
			return nil, err
		}
	}
}

func (r *thriftReader) value(kind byte, depth int) (any, error) {
	switch kind {
	case thriftTrue, thriftFalse:
		return kind == thriftTrue, nil
	case thriftByte:
		return nil, r.skip(1)
	case thriftI16, thriftI32, thriftI64:
		return r.varint()
	case thriftDouble:
		return nil, r.skip(8)
	case thriftBinary:
		n, err := r.uvarint()
		if err != nil {
			return nil, err
		}
		return nil, r.skip(n)
	case thriftStruct:
		return r.fields(depth)
	default: // headers of pages have no lists and no maps
		return nil, errHeader
	}
}
