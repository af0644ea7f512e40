package tableio

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/apache/arrow/go/v17/arrow/ipc"
)

// Arrow describes its columns and batches in flatbuffers. The library makes room for as
// many fields as they promise before it looks for them, and running out of memory can't
// be caught. So what they promise is checked first.

var errFlatbuffer = errors.New("its metadata is damaged")

// Numbers of fields in the tables of Arrow's format.
const (
	messageKind, messageHeader, messageBody  = 1, 2, 3
	footerSchema, footerDicts, footerBatches = 1, 2, 3
	schemaFields, schemaMeta                 = 1, 2
	fieldKind, fieldType                     = 2, 3
	fieldChildren, fieldMeta                 = 5, 6
	unionIDs                                 = 1
	batchViews                               = 4
	dictionaryData                           = 1

	kindSchema, kindDictionary, kindBatch = 1, 2, 3
	kindUnion                             = 14

	blockSize = 24 // offset, length of the message, length of its body
)

// flatTable is a table of a flatbuffer.
type flatTable struct {
	buf []byte
	at  int
}

func flatRoot(buf []byte) (flatTable, error) { return follow(buf, 0) }

// follow goes where the offset that stands at a position leads.
func follow(buf []byte, at int) (flatTable, error) {
	if at < 0 || at+4 > len(buf) {
		return flatTable{}, errFlatbuffer
	}
	to := at + int(binary.LittleEndian.Uint32(buf[at:]))
	if to+4 > len(buf) {
		return flatTable{}, errFlatbuffer
	}
	return flatTable{buf, to}, nil
}

// field is where a field stands, 0 if the table lacks it.
func (t flatTable) field(n int) (int, error) {
	v := t.at - int(int32(binary.LittleEndian.Uint32(t.buf[t.at:])))
	if v < 0 || v+4 > len(t.buf) {
		return 0, errFlatbuffer
	}
	size := int(binary.LittleEndian.Uint16(t.buf[v:]))
	if slot := 4 + 2*n; slot+2 > size {
		return 0, nil
	} else if v+slot+2 > len(t.buf) {
		return 0, errFlatbuffer
	} else if off := int(binary.LittleEndian.Uint16(t.buf[v+slot:])); off > 0 {
		return t.at + off, nil
	}
	return 0, nil
}

// number reads a field of 1 or 8 bytes, 0 if the table lacks it.
func (t flatTable) number(n, size int) (int64, error) {
	at, err := t.field(n)
	switch {
	case err != nil || at == 0:
		return 0, err
	case at+size > len(t.buf):
		return 0, errFlatbuffer
	case size == 1:
		return int64(t.buf[at]), nil
	default:
		return int64(binary.LittleEndian.Uint64(t.buf[at:])), nil
	}
}

// table follows a field that is a table.
func (t flatTable) table(n int) (flatTable, error) {
	at, err := t.field(n)
	if err != nil || at == 0 {
		return flatTable{}, errors.Join(errFlatbuffer, err)
	}
	return follow(t.buf, at)
}

// vector is where the elements of a field stand, and how many there are of a size.
func (t flatTable) vector(n, size int) (at, count int, err error) {
	if at, err = t.field(n); err != nil || at == 0 {
		return 0, 0, err
	}
	to, err := follow(t.buf, at)
	if err != nil {
		return 0, 0, err
	}
	count = int(binary.LittleEndian.Uint32(t.buf[to.at:]))
	if count > (len(t.buf)-to.at-4)/size {
		return 0, 0, errFlatbuffer
	}
	return to.at + 4, count, nil
}

// checkIPC checks what an Arrow file or stream says of itself.
func checkIPC(content []byte) error {
	if bytes.HasPrefix(content, ipc.Magic) {
		return checkFile(content)
	}
	for at := 0; at < len(content); {
		next, err := checkMessage(content, at)
		if err != nil || next == at {
			return err
		}
		at = next
	}
	return nil
}

func checkFile(content []byte) error {
	end := len(content) - len(ipc.Magic) - 4
	if end < len(ipc.Magic) {
		return errors.New("it is cut")
	}
	size := int64(binary.LittleEndian.Uint32(content[end:]))
	if size > int64(end) {
		return errFlatbuffer
	}
	footer, err := flatRoot(content[end-int(size) : end])
	if err != nil {
		return err
	}
	schema, err := footer.table(footerSchema)
	if err != nil {
		return err
	}
	return errors.Join(checkSchema(schema), checkBlocks(content, footer, footerDicts), checkBlocks(content, footer, footerBatches))
}

func checkBlocks(content []byte, footer flatTable, n int) error {
	at, count, err := footer.vector(n, blockSize)
	for i := 0; i < count && err == nil; i++ {
		start := int64(binary.LittleEndian.Uint64(footer.buf[at+i*blockSize:]))
		if start < 0 || start >= int64(len(content)) {
			return errFlatbuffer
		}
		_, err = checkMessage(content, int(start))
	}
	return err
}

// checkMessage checks the message at a position and returns where the next one begins,
// the same position at the end.
func checkMessage(content []byte, at int) (int, error) {
	start, size := at+4, 0
	if start > len(content) {
		return 0, fmt.Errorf("byte %d: a message is cut", at)
	}
	if size = int(int32(binary.LittleEndian.Uint32(content[at:]))); size == -1 && start+4 <= len(content) {
		size = int(int32(binary.LittleEndian.Uint32(content[start:])))
		start += 4
	}
	if size == 0 {
		return at, nil
	}
	if size < 0 || size > len(content)-start {
		return 0, fmt.Errorf("byte %d: a message is cut, or it isn't Arrow", at)
	}
	message, err := flatRoot(content[start : start+size])
	if err != nil {
		return 0, err
	}
	body, err := message.number(messageBody, 8)
	if err != nil || body < 0 || body > int64(len(content)-start-size) {
		return 0, fmt.Errorf("byte %d: the body of a message is cut", at)
	}
	return start + size + int(body), checkHeader(message)
}

func checkHeader(message flatTable) error {
	kind, err := message.number(messageKind, 1)
	if err != nil {
		return err
	}
	header, err := message.table(messageHeader)
	if err != nil {
		return err
	}
	switch kind {
	case kindSchema:
		return checkSchema(header)
	case kindDictionary:
		if header, err = header.table(dictionaryData); err != nil {
			return err
		}
	case kindBatch:
	default:
		return nil
	}
	return checkViews(header)
}

// checkViews checks how many buffers columns of views have.
func checkViews(batch flatTable) error {
	at, count, err := batch.vector(batchViews, 8)
	for i := range count {
		if n := int64(binary.LittleEndian.Uint64(batch.buf[at+8*i:])); n < 0 || n > int64(len(batch.buf)) {
			return errFlatbuffer
		}
	}
	return err
}

func checkSchema(schema flatTable) error {
	left := len(schema.buf) // fields that there can be
	if _, _, err := schema.vector(schemaMeta, 4); err != nil {
		return err
	}
	return checkFields(schema, schemaFields, &left, maxNesting)
}

// checkFields checks the fields that a table has as its n-th field, and theirs.
func checkFields(t flatTable, n int, left *int, depth int) error {
	at, count, err := t.vector(n, 4)
	if *left -= count; err != nil || *left < 0 || depth == 0 {
		return errors.Join(errFlatbuffer, err)
	}
	for i := range count {
		field, err := follow(t.buf, at+4*i)
		if err != nil {
			return err
		}
		if _, _, err := field.vector(fieldMeta, 4); err != nil {
			return err
		}
		if err := errors.Join(checkUnion(field), checkFields(field, fieldChildren, left, depth-1)); err != nil {
			return err
		}
	}
	return nil
}

func checkUnion(field flatTable) error {
	kind, err := field.number(fieldKind, 1)
	if err != nil || kind != kindUnion {
		return err
	}
	union, err := field.table(fieldType)
	if err != nil {
		return err
	}
	_, _, err = union.vector(unionIDs, 4)
	return err
}
