package table

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/ouroflow/ouroflow/engine/cas"
	"github.com/ouroflow/ouroflow/engine/digest"
)

// Kinds of artifacts.
const (
	KindTable = "table"
	KindTree  = "tree"
)

// Artifact is an output of a node: a table, or a tree of files.
type Artifact struct {
	Kind   string        `json:"kind"`
	Digest digest.Digest `json:"digest"`
	Rows   int64         `json:"rows"` // rows of a table, files of a tree
	Bytes  int64         `json:"bytes"`
}

// manifest lists the files of a tree; its own bytes are the blob that the
// tree's digest names.
type manifest struct {
	Format int            `json:"ouroflow_tree"`
	Files  []manifestFile `json:"files"`
}

type manifestFile struct {
	Path   string        `json:"path"`
	Digest digest.Digest `json:"digest"`
	Size   int64         `json:"size"`
}

const treeFormat = 1

// PutTree stores the regular files under dir as a tree.
func PutTree(s cas.Store, dir string) (Artifact, error) {
	m := manifest{Format: treeFormat}
	var total int64
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() {
			return err
		}
		d, n, err := putFile(s, path)
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(dir, path)
		total += n
		m.Files = append(m.Files, manifestFile{filepath.ToSlash(rel), d, n})
		return err
	})
	if err != nil {
		return Artifact{}, err
	}
	slices.SortFunc(m.Files, func(a, b manifestFile) int { return bytes.Compare([]byte(a.Path), []byte(b.Path)) })
	body, err := json.Marshal(m)
	if err != nil {
		return Artifact{}, err
	}
	d, err := cas.Put(s, body)
	return Artifact{KindTree, d, int64(len(m.Files)), total}, err
}

func putFile(s cas.Store, path string) (digest.Digest, int64, error) {
	f, err := os.Open(path)
	if err != nil {
		return digest.Digest{}, 0, err
	}
	defer f.Close()
	w, err := s.Create()
	if err != nil {
		return digest.Digest{}, 0, err
	}
	defer w.Abort()
	if _, err := io.Copy(w, f); err != nil {
		return digest.Digest{}, 0, err
	}
	return w.Commit()
}

// Tree is a stored tree of files, open for reading.
type Tree struct {
	store cas.Store
	files []manifestFile
}

// OpenTree opens the tree that d names.
func OpenTree(s cas.Store, d digest.Digest) (*Tree, error) {
	body, err := cas.ReadAll(s, d)
	if err != nil {
		return nil, err
	}
	var m manifest
	if err := json.Unmarshal(body, &m); err != nil || m.Format != treeFormat {
		return nil, fmt.Errorf("blob %s is not a tree of format %d", d.Short(), treeFormat)
	}
	return &Tree{s, m.Files}, nil
}

// Names lists the files of the tree, sorted.
func (t *Tree) Names() []string {
	names := make([]string, len(t.files))
	for i, f := range t.files {
		names[i] = f.Path
	}
	return names
}

// Digests lists the blobs of the files of the tree.
func (t *Tree) Digests() []digest.Digest {
	digests := make([]digest.Digest, len(t.files))
	for i, f := range t.files {
		digests[i] = f.Digest
	}
	return digests
}

// Open opens one file. The caller closes it.
func (t *Tree) Open(name string) (cas.Blob, error) {
	for _, f := range t.files {
		if f.Path == name {
			return t.store.Open(f.Digest)
		}
	}
	return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
}

// ReadFile returns the content of one file.
func (t *Tree) ReadFile(name string) ([]byte, error) {
	b, err := t.Open(name)
	if err != nil {
		return nil, err
	}
	defer b.Close()
	return io.ReadAll(io.NewSectionReader(b, 0, b.Size()))
}

// Extract writes the files of the tree into dir.
func (t *Tree) Extract(dir string) error {
	for _, f := range t.files {
		if !filepath.IsLocal(f.Path) {
			return fmt.Errorf("tree: path %q leaves the folder", f.Path)
		}
		b, err := cas.ReadAll(t.store, f.Digest)
		if err != nil {
			return err
		}
		path := filepath.Join(dir, filepath.FromSlash(f.Path))
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			return err
		}
		if err := os.WriteFile(path, b, 0o666); err != nil {
			return err
		}
	}
	return nil
}

// Blobs lists everything that an artifact consists of: the table, or the list of files
// of a tree and the files.
func Blobs(s cas.Store, a Artifact) ([]digest.Digest, error) {
	if a.Kind != KindTree {
		return []digest.Digest{a.Digest}, nil
	}
	t, err := OpenTree(s, a.Digest)
	if err != nil {
		return nil, err
	}
	return append(t.Digests(), a.Digest), nil
}

// Verify checks that everything an artifact consists of is in the store,
// undamaged.
func Verify(s cas.Store, a Artifact) error {
	blobs, err := Blobs(s, a)
	if err != nil {
		return err
	}
	for _, d := range blobs {
		b, err := s.Open(d)
		if err != nil {
			return err
		}
		b.Close()
	}
	return nil
}
