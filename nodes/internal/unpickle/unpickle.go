// Package unpickle reads a text that Python pickled, and nothing else: pickles can run
// code, and this has none of the operations by which they do.
package unpickle

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Opcodes of pickle, protocols 0 to 5, that the pickle of a text has.
const (
	opProto           = 0x80
	opFrame           = 0x95
	opMemoize         = 0x94
	opShortBinUnicode = 0x8c
	opBinUnicode8     = 0x8d
	opBinUnicode      = 'X'
	opUnicode         = 'V'
	opPut             = 'p'
	opBinPut          = 'q'
	opLongBinPut      = 'r'
	opStop            = '.'
)

var errCut = errors.New("the pickle is cut")

// Text returns the text that a pickle holds. A pickle of anything else is an error.
func Text(pickle []byte) (string, error) {
	r := &reader{data: pickle}
	var text *string
	for {
		op, err := r.take(1)
		if err != nil {
			return "", err
		}
		if op[0] == opStop {
			break
		}
		s, err := r.step(op[0])
		if err != nil {
			return "", err
		}
		if s != nil && text != nil {
			return "", errors.New("the pickle holds more than one text")
		}
		if s != nil {
			text = s
		}
	}
	if text == nil || len(r.data) > 0 {
		return "", errors.New("the pickle is not one text")
	}
	return *text, nil
}

type reader struct{ data []byte }

func (r *reader) take(n uint64) ([]byte, error) {
	if n > uint64(len(r.data)) {
		return nil, errCut
	}
	b := r.data[:n]
	r.data = r.data[n:]
	return b, nil
}

// step does an operation: it returns a text, or nil for those that only remember.
func (r *reader) step(op byte) (*string, error) {
	switch op {
	case opProto, opBinPut:
		return nil, r.skip(1)
	case opLongBinPut:
		return nil, r.skip(4)
	case opFrame:
		return nil, r.skip(8)
	case opMemoize:
		return nil, nil
	case opPut:
		_, err := r.line()
		return nil, err
	case opShortBinUnicode:
		return r.counted(1)
	case opBinUnicode:
		return r.counted(4)
	case opBinUnicode8:
		return r.counted(8)
	case opUnicode:
		return r.escaped()
	default:
		return nil, fmt.Errorf("the pickle has the operation %#x, which no text has", op)
	}
}

func (r *reader) skip(n uint64) error {
	_, err := r.take(n)
	return err
}

// counted reads a text after its length, which is a number of so many bytes.
func (r *reader) counted(size uint64) (*string, error) {
	b, err := r.take(size)
	if err != nil {
		return nil, err
	}
	var length [8]byte
	copy(length[:], b)
	text, err := r.take(binary.LittleEndian.Uint64(length[:]))
	if err != nil {
		return nil, err
	}
	if !utf8.Valid(text) {
		return nil, errors.New("the text isn't valid UTF-8")
	}
	s := string(text)
	return &s, nil
}

func (r *reader) line() (string, error) {
	line, rest, ok := bytes.Cut(r.data, []byte("\n"))
	if !ok {
		return "", errCut
	}
	r.data = rest
	return string(line), nil
}

// escaped reads a line of Latin-1 with \u and \U, as protocol 0 writes texts.
func (r *reader) escaped() (*string, error) {
	line, err := r.line()
	if err != nil {
		return nil, err
	}
	var b strings.Builder
	for i := 0; i < len(line); i++ {
		if line[i] != '\\' || i+1 == len(line) || line[i+1] != 'u' && line[i+1] != 'U' {
			b.WriteRune(rune(line[i]))
			continue
		}
		n := 4
		if line[i+1] == 'U' {
			n = 8
		}
		if i+2+n > len(line) {
			return nil, errCut
		}
		code, err := strconv.ParseUint(line[i+2:i+2+n], 16, 32)
		if err != nil || code > utf8.MaxRune || !utf8.ValidRune(rune(code)) {
			return nil, fmt.Errorf("%q is no character", line[i:i+2+n])
		}
		b.WriteRune(rune(code))
		i += 1 + n
	}
	s := b.String()
	return &s, nil
}
