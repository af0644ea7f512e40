package tableio

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"math"
	"math/bits"
	"slices"

	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/apache/arrow/go/v17/parquet"
	"github.com/apache/arrow/go/v17/parquet/compress"
	"github.com/apache/arrow/go/v17/parquet/file"
	"github.com/apache/arrow/go/v17/parquet/schema"
)

// pageReader reads the pages of a column for the library's decoders. It checks what
// they would believe: they don't end where levels are missing, and make room for as
// many values as a header promises. The library's own reader of pages can read what
// isn't there for ever.
type pageReader struct {
	data   []byte // of the column, from its first page on
	codec  compress.Codec
	stored bool // not compressed
	mem    memory.Allocator
	column *schema.Column
	most   int64 // values that are still to come
	page   file.Page
	err    error
}

// Page returns the current page.
func (p *pageReader) Page() file.Page { return p.page }

// Err says what was wrong.
func (p *pageReader) Err() error { return p.err }

// SetMaxPageHeaderSize is part of the interface.
func (p *pageReader) SetMaxPageHeaderSize(int) {}

// Reset is part of the interface; readers aren't used again here.
func (p *pageReader) Reset(parquet.BufferedReader, int64, compress.Compression, *file.CryptoContext) {
	panic("not used")
}

// Next goes to the next page, false at the end or if there is none.
func (p *pageReader) Next() bool {
	p.page = nil
	for p.err == nil && p.page == nil && p.most > 0 {
		p.err = p.next()
	}
	return p.err == nil && p.page != nil
}

// Parquet's kinds of pages, and where their headers stand in the header of a page.
const (
	dataPage, indexPage, dictionaryPage, dataPageV2       = 0, 1, 2, 3
	dataHeader, dictionaryHeader, dataHeaderV2            = 5, 7, 8
	headerKind, headerUnpacked, headerPacked, headerCheck = 1, 2, 3, 4
)

func (p *pageReader) next() error {
	r := &thriftReader{p.data}
	h, err := r.fields(8)
	if err != nil {
		return err
	}
	size := h.number(headerPacked)
	if size < 0 || size > int64(len(r.data)) {
		return errors.New("a page is longer than its column")
	}
	packed := r.data[:size]
	p.data = r.data[size:]
	if sum, ok := h[headerCheck].(int64); ok && uint32(sum) != crc32.ChecksumIEEE(packed) {
		return errors.New("a page doesn't have its checksum")
	}
	if p.page, err = p.make(h, packed); err != nil || p.page == nil {
		return err
	}
	return p.check(p.page)
}

// make makes a page of its header and content, none of what holds no values.
func (p *pageReader) make(h thriftFields, packed []byte) (file.Page, error) {
	size := h.number(headerUnpacked)
	switch h.number(headerKind) {
	case dataPage:
		d := h.fields(dataHeader)
		b, err := p.unpack(packed, size)
		return file.NewDataPageV1(b, int32(d.number(1)), encodingOf(d, 2), encodingOf(d, 3), encodingOf(d, 4), int32(size)), err
	case dictionaryPage:
		d := h.fields(dictionaryHeader)
		b, err := p.unpack(packed, size)
		return file.NewDictionaryPage(b, int32(d.number(1)), encodingOf(d, 2)), err
	case dataPageV2:
		return p.makeV2(h.fields(dataHeaderV2), packed, size)
	case indexPage:
		return nil, nil
	default:
		return nil, errHeader
	}
}

func encodingOf(h thriftFields, n int) parquet.Encoding { return parquet.Encoding(h.number(n)) }

// makeV2 makes a page whose levels stand before what is compressed.
func (p *pageReader) makeV2(d thriftFields, packed []byte, size int64) (file.Page, error) {
	defs, reps := d.number(5), d.number(6)
	if defs < 0 || reps < 0 || defs+reps > min(size, int64(len(packed))) {
		return nil, errors.New("its levels are longer than their page")
	}
	levels, values := packed[:defs+reps], packed[defs+reps:]
	compressed, set := d[7].(bool)
	if compressed || !set {
		b, err := p.unpack(values, size-defs-reps)
		if err != nil {
			return nil, err
		}
		values = b.Bytes()
	}
	b := memory.NewBufferBytes(slices.Concat(levels, values))
	return file.NewDataPageV2(b, int32(d.number(1)), int32(d.number(2)), int32(d.number(3)), encodingOf(d, 4), int32(defs), int32(reps), int32(size), false), nil
}

func (p *pageReader) unpack(packed []byte, size int64) (*memory.Buffer, error) {
	if size < 0 || size > math.MaxInt32 {
		return nil, errHeader
	}
	if p.stored && size != int64(len(packed)) {
		return nil, fmt.Errorf("a page promises %d bytes and has %d", size, len(packed))
	}
	if size == 0 {
		return memory.NewBufferBytes(nil), nil
	}
	out := p.codec.Decode(p.mem.Allocate(int(size)), packed)
	if int64(len(out)) != size {
		return nil, fmt.Errorf("a page promises %d bytes and has %d", size, len(out))
	}
	return memory.NewBufferBytes(out), nil
}

func (p *pageReader) check(page file.Page) error {
	n, data := int64(page.NumValues()), page.Data()
	switch page := page.(type) {
	case *file.DictionaryPage:
		if n < 0 || n > int64(len(data))*8 {
			return fmt.Errorf("a dictionary promises %d values in %d bytes", n, len(data))
		}
		return nil
	case *file.DataPageV1:
		return p.checkV1(page, data, n)
	case *file.DataPageV2:
		return p.checkV2(page, data, n)
	default:
		return nil
	}
}

// checkV1 checks levels that say themselves how long they are.
func (p *pageReader) checkV1(page *file.DataPageV1, data []byte, n int64) error {
	if err := p.count(n); err != nil {
		return err
	}
	for _, l := range []struct {
		most     int16
		encoding parquet.Encoding
	}{{p.column.MaxRepetitionLevel(), page.RepetitionLevelEncoding()}, {p.column.MaxDefinitionLevel(), page.DefinitionLevelEncoding()}} {
		if l.most == 0 {
			continue
		}
		if l.encoding != parquet.Encodings.RLE {
			return fmt.Errorf("its levels are encoded as %s, which isn't read", l.encoding)
		}
		if len(data) < 4 || uint64(binary.LittleEndian.Uint32(data)) > uint64(len(data)-4) {
			return errors.New("its levels are longer than their page")
		}
		end := 4 + int(binary.LittleEndian.Uint32(data))
		if err := checkRuns(data[4:end], l.most, n); err != nil {
			return err
		}
		data = data[end:]
	}
	return p.checkDeltas(parquet.Encoding(page.Encoding()), data, n)
}

func (p *pageReader) checkV2(page *file.DataPageV2, data []byte, n int64) error {
	reps, defs := int64(page.RepetitionLevelByteLen()), int64(page.DefinitionLevelByteLen())
	if reps < 0 || defs < 0 || reps+defs > int64(len(data)) {
		return errors.New("its levels are longer than their page")
	}
	if err := p.count(n); err != nil {
		return err
	}
	if err := checkRuns(data[:reps], p.column.MaxRepetitionLevel(), n); err != nil {
		return err
	}
	if err := checkRuns(data[reps:reps+defs], p.column.MaxDefinitionLevel(), n); err != nil {
		return err
	}
	return p.checkDeltas(parquet.Encoding(page.Encoding()), data[reps+defs:], n)
}

func (p *pageReader) count(n int64) error {
	if n < 0 || n > p.most {
		return fmt.Errorf("a page promises %d values of %d", n, p.most)
	}
	p.most -= n
	return nil
}

// checkRuns goes over levels in the hybrid of runs and packed bits, and checks that
// there are n of them.
func checkRuns(data []byte, most int16, n int64) error {
	if most == 0 {
		return nil
	}
	width := int64(bits.Len16(uint16(most)))
	for n > 0 {
		header, k := binary.Uvarint(data)
		if k <= 0 || header < 2 || header > 1<<32 {
			return errors.New("its levels end early")
		}
		count, size := int64(header>>1), (width+7)/8
		if header&1 == 1 { // groups of 8 packed levels
			count, size = 8*count, width*count
		}
		if data = data[k:]; size > int64(len(data)) {
			return errors.New("its levels end early")
		}
		data, n = data[size:], n-count
	}
	return nil
}

// checkDeltas checks the streams of deltas that values of some encodings begin with.
func (p *pageReader) checkDeltas(encoding parquet.Encoding, data []byte, n int64) (err error) {
	streams := map[parquet.Encoding]int{
		parquet.Encodings.DeltaBinaryPacked: 1, parquet.Encodings.DeltaLengthByteArray: 1, parquet.Encodings.DeltaByteArray: 2,
	}[encoding]
	least := n
	if p.column.MaxDefinitionLevel() > 0 { // some may be null
		least = 0
	}
	for range streams {
		if data, err = skipDeltas(data, least, n); err != nil {
			return err
		}
	}
	return nil
}

var errDeltas = errors.New("its deltas are damaged")

// skipDeltas goes past a stream of deltas in packed blocks, which has to have between
// least and most values.
func skipDeltas(data []byte, least, most int64) ([]byte, error) {
	var header [4]uint64 // values of a block, its parts, all values, the first
	for i := range header {
		v, k := binary.Uvarint(data)
		if k <= 0 {
			return nil, errDeltas
		}
		header[i], data = v, data[k:]
	}
	block, parts, total := header[0], header[1], header[2]
	if block > 1<<20 || parts == 0 || parts > block || total > uint64(most) || total < uint64(least) {
		return nil, errDeltas
	}
	for left := int64(total) - 1; left > 0; {
		_, k := binary.Uvarint(data) // the smallest delta
		if k <= 0 || len(data) < k+int(parts) {
			return nil, errDeltas
		}
		widths := data[k : k+int(parts)]
		data = data[k+int(parts):]
		for i := 0; i < len(widths) && left > 0; i++ {
			size := int(widths[i]) * int(block/parts) / 8
			if size > len(data) {
				return nil, errDeltas
			}
			data, left = data[size:], left-int64(block/parts)
		}
	}
	return data, nil
}
