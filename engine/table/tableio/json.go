package tableio

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"
)

const (
	// maxRow bounds a row of JSON, which is in memory as a whole.
	maxRow = 64 << 20
	// maxDepth bounds how deep lists and objects may lie in each other.
	maxDepth = 500
)

func readJSONL(r io.Reader, yield func(Object) bool) error {
	lines := bufio.NewReaderSize(r, 1<<16)
	for n := 1; ; n++ {
		line, err := readLine(lines)
		if len(bytes.TrimSpace(line)) > 0 {
			o, err := decodeObject(line)
			if err != nil {
				return fmt.Errorf("line %d: want a JSON object: %w", n, err)
			}
			if !yield(o) {
				return nil
			}
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("line %d: %w", n, err)
		}
	}
}

// readLine returns a line, and io.EOF with the last.
func readLine(r *bufio.Reader) ([]byte, error) {
	var line []byte
	for {
		part, err := r.ReadSlice('\n')
		if line = append(line, part...); len(line) > maxRow {
			return nil, fmt.Errorf("it is longer than %d MiB", maxRow>>20)
		}
		if !errors.Is(err, bufio.ErrBufferFull) {
			return line, err
		}
	}
}

// readJSON reads an array of objects, or objects one after the other.
func readJSON(r io.Reader, yield func(Object) bool) error {
	b := bufio.NewReader(r)
	first, err := firstByte(b)
	if err != nil {
		return fmt.Errorf("want a JSON array of objects: %w", err)
	}
	source := &rowReader{r: b, left: maxRow}
	d := json.NewDecoder(source)
	if first == '[' {
		d.Token() //nolint:errcheck // it was peeked
	}
	for n := 1; d.More(); n++ {
		source.left = maxRow
		o, err := decodeNext(d)
		if err != nil {
			return fmt.Errorf("row %d: want a JSON object: %w", n, err)
		}
		if !yield(o) {
			return nil
		}
	}
	if source.err != nil {
		return source.err
	}
	source.left = maxRow
	return ended(d, first == '[')
}

func firstByte(b *bufio.Reader) (byte, error) {
	for {
		c, err := b.ReadByte()
		if err != nil {
			return 0, noEOF(err)
		}
		if c != ' ' && c != '\t' && c != '\n' && c != '\r' {
			return c, b.UnreadByte()
		}
	}
}

func decodeNext(d *json.Decoder) (Object, error) {
	var raw json.RawMessage
	if err := d.Decode(&raw); err != nil {
		return nil, noEOF(err)
	}
	return decodeObject(raw)
}

// ended checks that nothing but the end of the array, if it is one, is left.
func ended(d *json.Decoder, array bool) error {
	if array {
		if _, err := d.Token(); err != nil {
			return fmt.Errorf("the array doesn't end: %w", noEOF(err))
		}
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errors.New("something follows the JSON array")
	}
	return nil
}

func noEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// rowReader limits what is read for one row.
type rowReader struct {
	r    io.Reader
	left int
	err  error // other than the end
}

func (l *rowReader) Read(p []byte) (int, error) {
	if l.left <= 0 {
		l.err = fmt.Errorf("a row is longer than %d MiB", maxRow>>20)
		return 0, l.err
	}
	n, err := l.r.Read(p[:min(len(p), l.left)])
	l.left -= n
	if err != nil && !errors.Is(err, io.EOF) {
		l.err = err
	}
	return n, err
}

func decodeObject(b []byte) (Object, error) {
	v, err := DecodeJSON(b)
	if err != nil {
		return nil, err
	}
	s, ok := v.(Struct)
	if !ok {
		return nil, fmt.Errorf("it is %s", KindOf(v))
	}
	o := make(Object, len(s))
	for _, m := range s {
		o[m.Name] = m.Value
	}
	return o, nil
}

// DecodeJSON reads one JSON value with the values that Object has. Text that isn't
// UTF-8, a key that is there twice, and what follows the value are errors.
func DecodeJSON(b []byte) (any, error) {
	if i := invalidUTF8(b); i >= 0 {
		return nil, fmt.Errorf("byte %d is not valid UTF-8", i)
	}
	if i := loneSurrogate(b); i >= 0 {
		return nil, fmt.Errorf("byte %d: %.6s is half of a character", i, b[i:])
	}
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	v, err := decodeValue(d, maxDepth)
	if err != nil {
		return nil, noEOF(err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("something follows the value")
	}
	return v, nil
}

func decodeValue(d *json.Decoder, depth int) (any, error) {
	token, err := d.Token()
	if err != nil {
		return nil, err
	}
	if depth == 0 {
		return nil, fmt.Errorf("it is nested deeper than %d", maxDepth)
	}
	switch token {
	case json.Delim('['):
		return decodeList(d, depth-1)
	case json.Delim('{'):
		return decodeStruct(d, depth-1)
	default:
		return token, nil
	}
}

func decodeList(d *json.Decoder, depth int) (any, error) {
	list := []any{}
	for d.More() {
		v, err := decodeValue(d, depth)
		if err != nil {
			return nil, err
		}
		list = append(list, v)
	}
	_, err := d.Token()
	return list, err
}

func decodeStruct(d *json.Decoder, depth int) (any, error) {
	s, seen := Struct{}, map[string]bool{}
	for d.More() {
		token, err := d.Token()
		if err != nil {
			return nil, err
		}
		name, _ := token.(string)
		if seen[name] {
			return nil, fmt.Errorf("the key %q is there twice", name)
		}
		seen[name] = true
		v, err := decodeValue(d, depth)
		if err != nil {
			return nil, err
		}
		s = append(s, Member{name, v})
	}
	_, err := d.Token()
	return s, err
}

// invalidUTF8 is where text stops being UTF-8, -1 if nowhere.
func invalidUTF8(b []byte) int {
	if utf8.Valid(b) {
		return -1
	}
	for i := 0; ; {
		r, n := utf8.DecodeRune(b[i:])
		if r == utf8.RuneError && n == 1 {
			return i
		}
		i += n
	}
}

// loneSurrogate is where JSON writes half of a pair of surrogates, which is no
// character, -1 if nowhere. The standard library would replace it.
func loneSurrogate(b []byte) int {
	for i := 0; i < len(b); i++ {
		if b[i] != '\\' {
			continue
		}
		first := escaped(b[i:])
		switch {
		case first < 0xd800 || first > 0xdfff:
			i++ // what is escaped may be a backslash
		case first < 0xdc00 && isLow(escaped(b[i+6:])):
			i += 11
		default:
			return i
		}
	}
	return -1
}

func isLow(unit int) bool { return 0xdc00 <= unit && unit <= 0xdfff }

// escaped is the unit of UTF-16 that \uXXXX at the start of b is, -1 if there is none.
func escaped(b []byte) int {
	if len(b) < 6 || b[0] != '\\' || b[1] != 'u' {
		return -1
	}
	unit := 0
	for _, c := range b[2:6] {
		digit := bytes.IndexByte([]byte("0123456789abcdef"), c|0x20)
		if digit < 0 {
			return -1
		}
		unit = unit<<4 | digit
	}
	return unit
}

// KindOf names the kind of a value of an Object for messages: "a list", say.
func KindOf(v any) string {
	switch v.(type) {
	case nil:
		return "null"
	case bool:
		return "true or false"
	case string:
		return "text"
	case []any:
		return "a list"
	case Struct:
		return "an object"
	case []byte:
		return "binary"
	default:
		return "a number"
	}
}
