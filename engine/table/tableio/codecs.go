package tableio

import (
	"errors"
	"fmt"
	"io"

	"github.com/apache/arrow/go/v17/parquet/compress"
	"github.com/klauspost/compress/snappy"
	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"
)

// lz4Raw is the codec LZ4_RAW of Parquet, which the library names and lacks.
const lz4Raw = compress.Compression(7)

func init() {
	limited, err := zstd.NewReader(nil, zstd.WithDecodeAllCapLimit(true))
	if err != nil {
		panic(err) // a mistake in the program
	}
	compress.RegisterCodec(lz4Raw, lz4Codec{})
	compress.RegisterCodec(compress.Codecs.Zstd, zstdCodec{known(compress.Codecs.Zstd), limited})
	compress.RegisterCodec(compress.Codecs.Snappy, snappyCodec{known(compress.Codecs.Snappy)})
}

func known(c compress.Compression) compress.Codec {
	codec, err := compress.GetCodec(c)
	if err != nil {
		panic(err) // a mistake in the program
	}
	return codec
}

// snappyCodec and zstdCodec decompress into the room that there is. The library's own
// take as much as the data asks for, whatever size the file promises.
type snappyCodec struct{ compress.Codec }

func (c snappyCodec) Decode(dst, src []byte) []byte {
	n, err := snappy.DecodedLen(src)
	if err == nil && n > len(dst) {
		err = fmt.Errorf("snappy: %d bytes don't fit into the %d promised", n, len(dst))
	}
	if err != nil {
		panic(err)
	}
	return c.Codec.Decode(dst, src)
}

type zstdCodec struct {
	compress.Codec
	limited *zstd.Decoder
}

func (c zstdCodec) Decode(dst, src []byte) []byte {
	out, err := c.limited.DecodeAll(src, dst[:0])
	if err != nil {
		panic(err)
	}
	return out
}

// lz4Codec reads blocks of LZ4. Nothing here writes them.
type lz4Codec struct{}

func (lz4Codec) Decode(dst, src []byte) []byte {
	n, err := lz4.UncompressBlock(src, dst)
	if err != nil {
		panic(fmt.Errorf("lz4: %w", err))
	}
	return dst[:n]
}

var errReadOnly = errors.New("LZ4_RAW is only read")

func (lz4Codec) NewReader(io.Reader) io.ReadCloser                     { panic(errReadOnly) }
func (lz4Codec) NewWriter(io.Writer) io.WriteCloser                    { panic(errReadOnly) }
func (lz4Codec) NewWriterLevel(io.Writer, int) (io.WriteCloser, error) { return nil, errReadOnly }
func (lz4Codec) Encode([]byte, []byte) []byte                          { panic(errReadOnly) }
func (lz4Codec) EncodeLevel([]byte, []byte, int) []byte                { panic(errReadOnly) }
func (lz4Codec) CompressBound(n int64) int64                           { return int64(lz4.CompressBlockBound(int(n))) }
