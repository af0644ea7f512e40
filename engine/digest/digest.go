// Package digest names content. A Digest is the SHA-256 of some bytes; a
// Transcript is a labelled, length-framed list of fields whose digest is a
// cache key, kept so that two keys can be compared field by field.
package digest

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"os"
)

// Size is the length of a digest in bytes.
const Size = sha256.Size

// Digest is the SHA-256 of some content.
type Digest [Size]byte

// Of returns the digest of b.
func Of(b []byte) Digest { return sha256.Sum256(b) }

// Reader returns the digest of everything that r yields, and its length.
func Reader(r io.Reader) (Digest, int64, error) {
	h := sha256.New()
	n, err := io.Copy(h, r)
	return FromHash(h), n, err
}

// File returns the digest of the content of a file.
func File(path string) (Digest, error) {
	f, err := os.Open(path)
	if err != nil {
		return Digest{}, err
	}
	defer f.Close()
	d, _, err := Reader(f)
	return d, err
}

// FromHash returns the digest that a running SHA-256 hash has reached.
func FromHash(h hash.Hash) Digest {
	var d Digest
	h.Sum(d[:0])
	return d
}

// Parse reads the hexadecimal form that String writes.
func Parse(s string) (Digest, error) {
	var d Digest
	if len(s) != hex.EncodedLen(Size) {
		return d, fmt.Errorf("digest: %q has %d characters, want %d", s, len(s), hex.EncodedLen(Size))
	}
	if _, err := hex.Decode(d[:], []byte(s)); err != nil {
		return d, fmt.Errorf("digest: %q: %w", s, err)
	}
	return d, nil
}

// String returns the digest in lower-case hexadecimal.
func (d Digest) String() string { return hex.EncodeToString(d[:]) }

// Short returns the first 12 hexadecimal characters, for people.
func (d Digest) Short() string { return d.String()[:12] }

// Uint64 returns the first 64 bits, for tables that can do with less than all.
func (d Digest) Uint64() uint64 { return binary.LittleEndian.Uint64(d[:]) }

// Compare orders digests by their bytes, as cmp.Compare does.
func Compare(a, b Digest) int { return bytes.Compare(a[:], b[:]) }

// IsZero reports whether d is the zero value, which no content has.
func (d Digest) IsZero() bool { return d == Digest{} }

// MarshalText implements encoding.TextMarshaler.
func (d Digest) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (d *Digest) UnmarshalText(b []byte) error {
	v, err := Parse(string(b))
	*d = v
	return err
}
