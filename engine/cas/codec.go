package cas

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"

	"github.com/ouroflow/ouroflow/engine/digest"
)

// On disk, actions and indexes carry a magic string with their format version
// and a checksum: docs/format/cas.md describes both.
const (
	actionMagic = "ouroflow-action-2 "
	indexMagic  = "OFROWIX1"
	indexHead   = len(indexMagic) + 4 + digest.Size
)

func encodeAction(key digest.Digest, body []byte) []byte {
	head := actionMagic + key.String() + " " + digest.Of(body).String() + "\n"
	return append([]byte(head), body...)
}

// decodeAction returns the body of the action of a key. The file names its key, so
// that one in the place of another is noticed.
func decodeAction(key digest.Digest, file []byte) ([]byte, error) {
	head, body, ok := bytes.Cut(file, []byte("\n"))
	if !ok || !bytes.HasPrefix(head, []byte(actionMagic)) {
		return nil, errors.New("not an action file of this format")
	}
	of, sum, _ := strings.Cut(string(head[len(actionMagic):]), " ")
	if of != key.String() {
		return nil, fmt.Errorf("it is the action of another key, %.12s", of)
	}
	if sum != digest.Of(body).String() {
		return nil, errors.New("checksum differs")
	}
	return body, nil
}

func encodeIndex(segment digest.Digest, keys []digest.Digest) []byte {
	b := make([]byte, 0, indexHead+(len(keys)+1)*digest.Size)
	b = append(b, indexMagic...)
	b = binary.LittleEndian.AppendUint32(b, uint32(len(keys)))
	b = append(b, segment[:]...)
	for _, k := range keys {
		b = append(b, k[:]...)
	}
	sum := digest.Of(b)
	return append(b, sum[:]...)
}

func decodeIndex(file []byte) (segment digest.Digest, keys []digest.Digest, err error) {
	if len(file) < indexHead+digest.Size || string(file[:len(indexMagic)]) != indexMagic {
		return segment, nil, errors.New("not a row index of this format")
	}
	n := int(binary.LittleEndian.Uint32(file[len(indexMagic):]))
	if want := indexHead + (n+1)*digest.Size; len(file) != want {
		return segment, nil, fmt.Errorf("has %d bytes, want %d for %d rows", len(file), want, n)
	}
	body, sum := file[:len(file)-digest.Size], file[len(file)-digest.Size:]
	if digest.Of(body) != digest.Digest(sum) {
		return segment, nil, errors.New("checksum differs")
	}
	segment = digest.Digest(body[len(indexMagic)+4 : indexHead])
	keys = make([]digest.Digest, n)
	for i := range keys {
		keys[i] = digest.Digest(body[indexHead+i*digest.Size:])
	}
	return segment, keys, nil
}

// decodeIndexOf is decodeIndex for the file that is named as the index of a segment.
func decodeIndexOf(id string, file []byte) (segment digest.Digest, keys []digest.Digest, err error) {
	segment, keys, err = decodeIndex(file)
	if err == nil && segment.String() != id {
		err = errors.New("it is the index of segment " + segment.Short())
	}
	return segment, keys, err
}
