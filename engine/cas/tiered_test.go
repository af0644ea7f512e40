package cas_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/ouroflow/ouroflow/engine/cas"
	"github.com/ouroflow/ouroflow/engine/digest"
	"pgregory.net/rapid"
)

// faultyRemote is a remote in memory that records the order of what it is given, and
// damages or refuses what it is asked for.
type faultyRemote struct {
	mu     sync.Mutex
	files  map[string][]byte
	order  []string
	damage func(name string, content []byte) ([]byte, error)
}

func (r *faultyRemote) Name() string { return "faulty" }

func (r *faultyRemote) Get(_ context.Context, name string) (io.ReadCloser, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	b, ok := r.files[name]
	if !ok {
		return nil, fs.ErrNotExist
	}
	var err error
	if r.damage != nil {
		b, err = r.damage(name, b)
	}
	return io.NopCloser(bytes.NewReader(b)), err
}

func (r *faultyRemote) Put(_ context.Context, name string, content io.ReadSeeker, _ int64) error {
	b, err := io.ReadAll(content)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.files[name] = b
	r.order = append(r.order, name)
	return err
}

func (r *faultyRemote) List(_ context.Context, prefix string) (names []string, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for name := range r.files {
		if strings.HasPrefix(name, prefix) {
			names = append(names, name)
		}
	}
	return names, nil
}

func newTiered(t *rapid.T, base string, r cas.Remote) *cas.Tiered {
	dir, err := os.MkdirTemp(base, "")
	if err != nil {
		t.Fatal(err)
	}
	s, err := cas.NewTiered(context.Background(), cas.NewDisk(dir), r, func(string) {})
	if err != nil {
		t.Fatal(err)
	}
	s.CompleteWith(func([]byte) error { return nil })
	return s
}

// Whatever a remote answers, what comes out is what was stored or a miss; and at no
// moment does it hold something that refers to what it doesn't have.
func TestRemoteProperty(t *testing.T) {
	base := t.TempDir()
	rapid.Check(t, func(t *rapid.T) {
		r := &faultyRemote{files: map[string][]byte{}}
		first := newTiered(t, base, r)
		var all []stored
		for range rapid.IntRange(1, 6).Draw(t, "writes") {
			content := rapid.SliceOfN(rapid.Byte(), 0, 40).Draw(t, "content")
			check := rapid.SampledFrom([]func(*rapid.T, cas.Store, []byte) func(*rapid.T, cas.Store, bool){putBlob, putAction, putRows}).Draw(t, "kind")(t, first, content)
			all = append(all, stored{0, check})
		}
		if err := first.Close(); err != nil {
			t.Fatal(err)
		}
		checkOrder(t, r.order)
		whole := newTiered(t, base, r)
		for _, a := range all {
			a.check(t, whole, true)
		}
		whole.Close()
		r.damage = func(string, []byte) ([]byte, error) { return damaged(t) }
		broken := newTiered(t, base, r)
		for _, a := range all {
			a.check(t, broken, false)
		}
		broken.Close()
	})
}

func damaged(t *rapid.T) ([]byte, error) {
	if rapid.Bool().Draw(t, "away") {
		return nil, errors.New("connection reset")
	}
	return rapid.SliceOfN(rapid.Byte(), 0, 80).Draw(t, "instead"), nil
}

// checkOrder fails if an index came before its segment.
func checkOrder(t *rapid.T, order []string) {
	for i, name := range order {
		stem, isIndex := strings.CutSuffix(name, ".idx")
		if isIndex && !slices.Contains(order[:i], stem+".arrow") {
			t.Fatalf("%s was sent before its segment: %v", name, order)
		}
	}
}

// An action of the remote whose content the remote doesn't have is a miss.
func TestRemoteActionWithoutContent(t *testing.T) {
	r := &faultyRemote{files: map[string][]byte{}}
	key := digest.Of([]byte("key"))
	for i, store := range []string{t.TempDir(), t.TempDir()} {
		s, err := cas.NewTiered(context.Background(), cas.NewDisk(store), r, func(text string) { t.Error(text) })
		if err != nil {
			t.Fatal(err)
		}
		s.CompleteWith(func([]byte) error { return errors.New("its table is gone") })
		if i == 0 {
			if err := s.PutAction(key, []byte("body")); err != nil {
				t.Fatal(err)
			}
		} else if _, err := s.Action(key); !cas.IsMiss(err) {
			t.Errorf("Action = %v, want a miss", err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}
