package cas

import (
	"encoding/binary"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/ouroflow/ouroflow/engine/digest"
)

// diskClaim is a Claim in a folder of its group:
//
//	claims/GROUP/lock      held while claims are read or written; counts them
//	claims/GROUP/*.keys    what one claim took; its holder keeps it locked
//
// A keys file that nobody holds is a claim that ended. While no other claim is
// there, and none was since the last look, nothing but the count is read.
type diskClaim struct {
	rows   *diskRows
	dir    string
	keys   *os.File
	count  uint64                 // of claims ever made, as last seen
	others map[string]*otherClaim // live at the last look, by file name
}

type otherClaim struct {
	read int64 // bytes of its file that are in keys
	keys map[digest.Digest]bool
}

// Claim implements RowSpace.
func (r *diskRows) Claim(group digest.Digest) (Claim, error) {
	c := &diskClaim{rows: r, dir: filepath.Join(r.store.dir, "claims", group.String()), others: map[string]*otherClaim{}}
	lock, err := lockFile(c.lockPath())
	if err != nil {
		return nil, err
	}
	defer lock.Close()
	if c.count, err = readCount(lock); err != nil {
		return nil, err
	}
	c.count++
	if err := writeCount(lock, c.count); err != nil {
		return nil, err
	}
	if err := c.findOthers(); err != nil {
		return nil, err
	}
	c.keys, err = newLockedFile(c.dir, ".keys")
	return c, err
}

func (c *diskClaim) lockPath() string { return filepath.Join(c.dir, "lock") }

func readCount(lock *os.File) (uint64, error) {
	var b [8]byte
	n, err := lock.ReadAt(b[:], 0)
	if n < len(b) && !errors.Is(err, io.EOF) {
		return 0, err
	}
	return binary.LittleEndian.Uint64(b[:]), nil
}

func writeCount(lock *os.File, n uint64) error {
	_, err := lock.WriteAt(binary.LittleEndian.AppendUint64(nil, n), 0)
	return err
}

// Take implements Claim.
func (c *diskClaim) Take(x *Index, keys []digest.Digest) ([]Holder, []*Miss, error) {
	lock, err := lockFile(c.lockPath())
	if err != nil {
		return nil, nil, err
	}
	defer lock.Close()
	damaged, err := c.look(lock, x)
	if err != nil {
		return nil, damaged, err
	}
	holders := make([]Holder, len(keys))
	var taken []byte
	for i, key := range keys {
		if holders[i] = c.holder(x, key); holders[i] == Mine {
			taken = append(taken, key[:]...)
		}
	}
	return holders, damaged, c.append(taken)
}

// look brings x and the claims of others up to date, unless nobody else was here.
func (c *diskClaim) look(lock *os.File, x *Index) ([]*Miss, error) {
	count, err := readCount(lock)
	if err != nil {
		return nil, err
	}
	if count == c.count && len(c.others) == 0 {
		return nil, nil
	}
	c.count = count
	if err := c.findOthers(); err != nil {
		return nil, err
	}
	return c.rows.Load(x)
}

func (c *diskClaim) holder(x *Index, key digest.Digest) Holder {
	if _, ok := x.Lookup(key); ok {
		return Known
	}
	for _, o := range c.others {
		if o.keys[key] {
			return Theirs
		}
	}
	return Mine
}

// findOthers reads the claims of the others that live and removes those of the
// dead.
func (c *diskClaim) findOthers() error {
	entries, err := os.ReadDir(c.dir)
	if err != nil {
		return err
	}
	before := c.others
	c.others = map[string]*otherClaim{}
	for _, e := range entries {
		path := filepath.Join(c.dir, e.Name())
		if !strings.HasSuffix(path, ".keys") || c.keys != nil && path == c.keys.Name() {
			continue
		}
		if !removeDead(path) {
			continue
		}
		o := before[e.Name()]
		if o == nil {
			o = &otherClaim{keys: map[digest.Digest]bool{}}
		}
		if err := o.update(path); err != nil {
			return err
		}
		c.others[e.Name()] = o
	}
	return nil
}

// update reads what was added to a claim since the last time.
func (o *otherClaim) update(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	added, err := io.ReadAll(io.NewSectionReader(f, o.read, 1<<62))
	if err != nil {
		return err
	}
	for ; len(added) >= digest.Size; added = added[digest.Size:] {
		o.keys[digest.Digest(added[:digest.Size])] = true
		o.read += digest.Size
	}
	return nil
}

// append adds to the claim's file. It is closed after each time, which is when
// other machines see it on a network file system.
func (c *diskClaim) append(taken []byte) error {
	if len(taken) == 0 {
		return nil
	}
	f, err := os.OpenFile(c.keys.Name(), os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		return err
	}
	_, err = f.Write(taken)
	return errors.Join(err, f.Close())
}

// Close implements Claim. The last one out removes the folder.
func (c *diskClaim) Close() error {
	lock, err := lockFile(c.lockPath())
	if err != nil {
		return errors.Join(err, c.keys.Close())
	}
	defer lock.Close()
	err = errors.Join(os.Remove(c.keys.Name()), c.keys.Close())
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	entries, readErr := os.ReadDir(c.dir)
	if readErr == nil && len(entries) == 1 { // the lock
		_ = os.Remove(c.lockPath())
		_ = os.Remove(c.dir)
	}
	return err
}
