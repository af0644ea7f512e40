package recall

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/ouroflow/ouroflow/engine/digest"
	"github.com/ouroflow/ouroflow/engine/durable"
	"github.com/ouroflow/ouroflow/engine/run"
)

// Folder holds memos, and the files that tell of nodes, named by their digests.
type Folder string

// MemoPath is where the memo of a key is.
func (d Folder) MemoPath(key digest.Digest) string {
	return filepath.Join(string(d), key.String()+".memo")
}

// StatePath is where the file about nodes with that digest is.
func (d Folder) StatePath(state digest.Digest) string {
	return filepath.Join(string(d), state.String()+".json")
}

// SaveState stores a file about nodes and returns its digest.
func (d Folder) SaveState(state []byte) (digest.Digest, error) {
	sum := digest.Of(state)
	return sum, durable.WriteFile(durable.OS{}, string(d), d.StatePath(sum), state, 0o444)
}

// Save stores a memo, whose file about nodes is there.
func (d Folder) Save(key digest.Digest, m *Memo) error {
	return durable.WriteSealed(durable.OS{}, d.MemoPath(key), m.encode())
}

// Load returns the memo of a key, or nil if there is none that can be used.
func (d Folder) Load(key digest.Digest) *Memo {
	b, err := durable.ReadSealed(d.MemoPath(key))
	if err != nil {
		return nil
	}
	m, err := decode(b)
	if err != nil || !d.hasState(m.State) {
		return nil
	}
	return m
}

// hasState reports whether the file about nodes with that digest is there, whole.
func (d Folder) hasState(state digest.Digest) bool {
	got, err := digest.File(d.StatePath(state))
	return err == nil && got == state
}

// State returns what the file about nodes has at some places of it.
func (d Folder) State(state digest.Digest, places []run.Place) ([][]byte, error) {
	f, err := os.Open(d.StatePath(state))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	parts := make([][]byte, len(places))
	for i, p := range places {
		parts[i] = make([]byte, p.Size)
		if _, err := f.ReadAt(parts[i], p.At); err != nil {
			return nil, fmt.Errorf("%s: %w", f.Name(), err)
		}
	}
	return parts, nil
}
