package tableio

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/zstd"
)

// What a compressed file may grow to. Text of data sets shrinks to a tenth, seldom to a
// hundredth; only files that are made to do harm go far beyond.
const (
	maxUnpacked = 16 << 30
	maxRatio    = 200
	freeOfRatio = 64 << 20 // bytes that may come of however little
)

var (
	gzipMagic = []byte{0x1f, 0x8b}
	zstdMagic = []byte{0x28, 0xb5, 0x2f, 0xfd}
	utf8Mark  = []byte("\xef\xbb\xbf")
)

// inflated returns the content of a file, decompressed if it is compressed, without
// a byte order mark.
func inflated(r io.Reader) (io.ReadCloser, error) {
	b := bufio.NewReaderSize(r, 1<<16)
	head, _ := b.Peek(len(zstdMagic))
	switch {
	case bytes.HasPrefix(head, gzipMagic):
		return ungzip(b)
	case bytes.HasPrefix(head, zstdMagic):
		return unzstd(b)
	default:
		return unmarked(io.NopCloser(b))
	}
}

func ungzip(r io.Reader) (io.ReadCloser, error) {
	in := &counter{r: r}
	z, err := gzip.NewReader(in)
	if err != nil {
		return nil, fmt.Errorf("not valid gzip: %w", err)
	}
	return unmarked(&bounded{ReadCloser: z, in: in, format: "gzip"})
}

func unzstd(r io.Reader) (io.ReadCloser, error) {
	in := &counter{r: r}
	z, err := zstd.NewReader(in, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(128<<20))
	if err != nil {
		return nil, fmt.Errorf("not valid zstd: %w", err)
	}
	return unmarked(&bounded{ReadCloser: z.IOReadCloser(), in: in, format: "zstd"})
}

// unmarked drops a byte order mark of UTF-8. Other encodings are refused.
func unmarked(r io.ReadCloser) (io.ReadCloser, error) {
	b := bufio.NewReaderSize(r, 1<<16)
	head, _ := b.Peek(len(utf8Mark))
	if bytes.HasPrefix(head, []byte{0xff, 0xfe}) || bytes.HasPrefix(head, []byte{0xfe, 0xff}) {
		return nil, errors.New("the file is text in UTF-16; save it as UTF-8")
	}
	if bytes.Equal(head, utf8Mark) {
		b.Discard(len(utf8Mark)) //nolint:errcheck // they were peeked
	}
	return struct {
		io.Reader
		io.Closer
	}{b, r}, nil
}

// counter counts what is read.
type counter struct {
	r io.Reader
	n int64
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	return n, err
}

// bounded ends with an error where little compressed data becomes too much.
type bounded struct {
	io.ReadCloser
	in     *counter
	format string
	out    int64
}

func (b *bounded) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.out += int64(n)
	switch {
	case b.out > maxUnpacked:
		return 0, fmt.Errorf("decompressed, the file is larger than %d GiB", int64(maxUnpacked)>>30)
	case b.out > freeOfRatio && b.out > maxRatio*b.in.n:
		return 0, fmt.Errorf("%d bytes of %s become more than %d: more than %d times as much is refused", b.in.n, b.format, b.out, maxRatio)
	case err != nil && !errors.Is(err, io.EOF):
		err = fmt.Errorf("not valid %s: %w", b.format, err)
	}
	return n, err
}
