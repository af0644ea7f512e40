package cas

import (
	"bytes"
	"testing"

	"github.com/ouroflow/ouroflow/engine/digest"
)

func FuzzDecodeIndex(f *testing.F) {
	id := digest.Of([]byte("segment"))
	f.Add(encodeIndex(id, nil))
	f.Add(encodeIndex(id, []digest.Digest{digest.Of([]byte("a")), digest.Of([]byte("b"))}))
	f.Add([]byte(indexMagic))
	f.Fuzz(func(t *testing.T, file []byte) {
		segment, keys, err := decodeIndex(file)
		if err == nil && !bytes.Equal(encodeIndex(segment, keys), file) {
			t.Fatal("an accepted index doesn't round-trip")
		}
	})
}

func FuzzDecodeAction(f *testing.F) {
	key := digest.Of([]byte("key"))
	f.Add(encodeAction(key, []byte(`{"outputs":{}}`)))
	f.Add([]byte(actionMagic + "zz\n"))
	f.Fuzz(func(t *testing.T, file []byte) {
		body, err := decodeAction(key, file)
		if err == nil && !bytes.Equal(encodeAction(key, body), file) {
			t.Fatal("an accepted action doesn't round-trip")
		}
	})
}

// No byte of an index can change without being noticed: with two keys exchanged
// it would lead to wrong rows.
func TestIndexNoticesEveryChange(t *testing.T) {
	file := encodeIndex(digest.Of([]byte("segment")), []digest.Digest{digest.Of([]byte("a")), digest.Of([]byte("b"))})
	for i := range file {
		changed := bytes.Clone(file)
		changed[i] ^= 1
		if _, _, err := decodeIndex(changed); err == nil {
			t.Errorf("a change of byte %d went unnoticed", i)
		}
	}
}
