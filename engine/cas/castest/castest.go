// Package castest is the conformance suite of cas.Store: every store passes it.
package castest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/ouroflow/ouroflow/engine/cas"
	"github.com/ouroflow/ouroflow/engine/digest"
)

// Run checks the stores that open returns; each call must return an empty one.
func Run(t *testing.T, open func(t *testing.T) cas.Store) {
	for name, test := range map[string]func(*testing.T, cas.Store){
		"blob round trip":          blobRoundTrip,
		"absent is a miss":         absentIsMiss,
		"abort leaves nothing":     abortLeavesNothing,
		"action round trip":        actionRoundTrip,
		"rows round trip":          rowsRoundTrip,
		"rows of spaces differ":    spacesAreApart,
		"drop forgets a segment":   dropForgets,
		"concurrent equal writes":  concurrentWrites,
		"written can be read back": readsBack,
		"of two rows the newer":    newerCounts,
		"claims divide rows":       claimsDivide,
		"claims see what is new":   claimsSeeStored,
		"one holds a lock":         lockExcludes,
	} {
		t.Run(name, func(t *testing.T) { test(t, open(t)) })
	}
}

func blobRoundTrip(t *testing.T, s cas.Store) {
	for _, content := range [][]byte{nil, []byte("x"), bytes.Repeat([]byte("ouro"), 1<<16)} {
		d, err := cas.Put(s, content)
		if err != nil {
			t.Fatal(err)
		}
		if d != digest.Of(content) {
			t.Errorf("Put named %d bytes %s, want %s", len(content), d, digest.Of(content))
		}
		got, err := cas.ReadAll(s, d)
		if err != nil || !bytes.Equal(got, content) {
			t.Errorf("ReadAll = %d bytes, %v; want %d bytes", len(got), err, len(content))
		}
	}
}

func absentIsMiss(t *testing.T, s cas.Store) {
	d := digest.Of([]byte("never stored"))
	if _, err := s.Open(d); !cas.IsMiss(err) {
		t.Errorf("Open = %v, want a miss", err)
	}
	if _, err := s.Action(d); !cas.IsMiss(err) {
		t.Errorf("Action = %v, want a miss", err)
	}
	if _, err := s.Rows("none").Segment(d); !cas.IsMiss(err) {
		t.Errorf("Segment = %v, want a miss", err)
	}
	if x, damaged, err := cas.ReadIndex(s.Rows("none")); err != nil || len(damaged) > 0 || x.Len() != 0 {
		t.Errorf("Index of nothing = %v rows, %v, %v", x.Len(), damaged, err)
	}
}

func abortLeavesNothing(t *testing.T, s cas.Store) {
	w, err := s.Create()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write([]byte("half")); err != nil {
		t.Fatal(err)
	}
	w.Abort()
	if _, err := s.Open(digest.Of([]byte("half"))); !cas.IsMiss(err) {
		t.Errorf("Open after Abort = %v, want a miss", err)
	}
}

func actionRoundTrip(t *testing.T, s cas.Store) {
	key := digest.Of([]byte("key"))
	for _, body := range []string{`{"a":1}`, ``, "two\nlines"} {
		if err := s.PutAction(key, []byte(body)); err != nil {
			t.Fatal(err)
		}
		if got, err := s.Action(key); err != nil || string(got) != body {
			t.Errorf("Action = %q, %v; want %q", got, err, body)
		}
	}
}

func keysOf(prefix string, n int) []digest.Digest {
	keys := make([]digest.Digest, n)
	for i := range keys {
		keys[i] = digest.Of(fmt.Append(nil, prefix, i))
	}
	return keys
}

func rowsRoundTrip(t *testing.T, s cas.Store) {
	rows := s.Rows("label-1")
	for _, batch := range []string{"first", "second"} {
		if err := rows.Append(keysOf(batch, 3), []byte(batch+" segment")); err != nil {
			t.Fatal(err)
		}
	}
	x, damaged, err := cas.ReadIndex(s.Rows("label-1"))
	if err != nil || len(damaged) > 0 || x.Len() != 6 {
		t.Fatalf("Index has %d rows, %v, %v; want 6", x.Len(), damaged, err)
	}
	place, ok := x.Lookup(keysOf("second", 3)[2])
	if !ok {
		t.Fatal("the third row of the second segment isn't found")
	}
	ref := x.Ref(place)
	if ref.Row != 2 {
		t.Fatalf("Ref = %v; want row 2", ref)
	}
	if seg, err := rows.Segment(ref.Segment); err != nil || string(seg) != "second segment" {
		t.Errorf("Segment = %q, %v", seg, err)
	}
}

func spacesAreApart(t *testing.T, s cas.Store) {
	if err := s.Rows("a").Append(keysOf("k", 1), []byte("seg")); err != nil {
		t.Fatal(err)
	}
	if x, _, err := cas.ReadIndex(s.Rows("b")); err != nil || x.Len() != 0 {
		t.Errorf("space b has %d rows, %v; want none", x.Len(), err)
	}
}

func dropForgets(t *testing.T, s cas.Store) {
	rows := s.Rows("a")
	if err := rows.Append(keysOf("k", 2), []byte("seg")); err != nil {
		t.Fatal(err)
	}
	if err := rows.Drop(digest.Of([]byte("seg"))); err != nil {
		t.Fatal(err)
	}
	if x, _, err := cas.ReadIndex(rows); err != nil || x.Len() != 0 {
		t.Errorf("%d rows left, %v", x.Len(), err)
	}
	if err := rows.Drop(digest.Of([]byte("never"))); err != nil {
		t.Errorf("dropping an absent segment: %v", err)
	}
}

func concurrentWrites(t *testing.T, s cas.Store) {
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			if _, err := cas.Put(s, []byte("same")); err != nil {
				t.Error(err)
			}
			if err := s.Rows("a").Append(keysOf("k", 2), []byte("same")); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if got, err := cas.ReadAll(s, digest.Of([]byte("same"))); err != nil || string(got) != "same" {
		t.Errorf("ReadAll = %q, %v", got, err)
	}
}

func readsBack(t *testing.T, s cas.Store) {
	w, err := s.Create()
	if err != nil {
		t.Fatal(err)
	}
	defer w.Abort()
	got := make([]byte, 3)
	for _, part := range []string{"abc", "def"} {
		if _, err := io.WriteString(w, part); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := w.ReadAt(got, 2); err != nil || string(got) != "cde" {
		t.Errorf("ReadAt = %q, %v", got, err)
	}
}

func newerCounts(t *testing.T, s cas.Store) {
	rows := s.Rows("a")
	for _, segment := range []string{"old", "new"} {
		if err := rows.Append(keysOf("k", 1), []byte(segment)); err != nil {
			t.Fatal(err)
		}
	}
	x, _, err := cas.ReadIndex(rows)
	if err != nil {
		t.Fatal(err)
	}
	place, ok := x.Lookup(keysOf("k", 1)[0])
	if !ok || x.Ref(place).Segment != digest.Of([]byte("new")) {
		t.Errorf("the older of two rows counts")
	}
}

func claim(t *testing.T, s cas.Store) cas.Claim {
	t.Helper()
	c, err := s.Rows("a").Claim(digest.Of([]byte("group")))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// take fails unless the holders are those of want, a letter each: k, m or t.
func take(t *testing.T, c cas.Claim, x *cas.Index, keys []digest.Digest, want string) {
	t.Helper()
	holders, damaged, err := c.Take(x, keys)
	if err != nil || len(damaged) > 0 {
		t.Fatal(damaged, err)
	}
	got := ""
	for _, h := range holders {
		got += string("kmt"[h])
	}
	if got != want {
		t.Errorf("holders %s, want %s", got, want)
	}
}

func claimsDivide(t *testing.T, s cas.Store) {
	a, b := claim(t, s), claim(t, s)
	x, y := cas.NewIndex(), cas.NewIndex()
	keys := keysOf("k", 4)
	take(t, a, x, keys[:2], "mm")
	take(t, b, y, keys[1:3], "tm")
	take(t, a, x, keys, "mmtm")
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	take(t, b, y, keys, "mmmm")
	c := claim(t, s)
	take(t, c, cas.NewIndex(), keys[:1], "t")
	if err := errors.Join(b.Close(), c.Close()); err != nil {
		t.Fatal(err)
	}
}

// What another claim stored is known, whether it was closed since or not.
func claimsSeeStored(t *testing.T, s cas.Store) {
	a, b := claim(t, s), claim(t, s)
	keys, y := keysOf("k", 3), cas.NewIndex()
	take(t, a, cas.NewIndex(), keys, "mmm")
	take(t, b, y, keys, "ttt")
	if err := s.Rows("a").Append(keys[:1], []byte("one")); err != nil {
		t.Fatal(err)
	}
	take(t, b, y, keys, "ktt")
	if err := s.Rows("a").Append(keys[1:2], []byte("two")); err != nil {
		t.Fatal(err)
	}
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	take(t, b, y, keys, "kkm")
	c := claim(t, s) // comes and goes between two looks of b
	take(t, c, cas.NewIndex(), keysOf("other", 1), "m")
	if err := s.Rows("a").Append(keysOf("other", 1), []byte("three")); err != nil {
		t.Fatal(err)
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	take(t, b, y, keysOf("other", 1), "k")
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
}

func lockExcludes(t *testing.T, s cas.Store) {
	key := digest.Of([]byte("key"))
	var holders, most atomic.Int32
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			unlock, err := s.Lock(context.Background(), key, func() {})
			if err != nil {
				t.Error(err)
				return
			}
			if n := holders.Add(1); n > 1 {
				most.Store(n)
			}
			runtime.Gosched()
			holders.Add(-1)
			unlock()
		})
	}
	wg.Wait()
	if most.Load() > 1 {
		t.Errorf("%d held the lock at once", most.Load())
	}
	unlock, err := s.Lock(context.Background(), key, func() { t.Error("a free lock isn't waited for") })
	if err != nil {
		t.Fatal(err)
	}
	defer unlock()
	ctx, cancel := context.WithCancelCause(context.Background())
	gone := errors.New("gone")
	if _, err := s.Lock(ctx, key, func() { cancel(gone) }); !errors.Is(err, gone) {
		t.Errorf("a wait that was cancelled returned %v", err)
	}
}
