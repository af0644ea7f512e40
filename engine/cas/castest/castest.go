// Package castest is the conformance suite of cas.Store: every store passes it.
package castest

import (
	"bytes"
	"fmt"
	"sync"
	"testing"

	"github.com/ouroflow/ouroflow/engine/cas"
	"github.com/ouroflow/ouroflow/engine/digest"
)

// Run checks the stores that open returns; each call must return an empty one.
func Run(t *testing.T, open func(t *testing.T) cas.Store) {
	for name, test := range map[string]func(*testing.T, cas.Store){
		"blob round trip":         blobRoundTrip,
		"absent is a miss":        absentIsMiss,
		"abort leaves nothing":    abortLeavesNothing,
		"action round trip":       actionRoundTrip,
		"rows round trip":         rowsRoundTrip,
		"rows of spaces differ":   spacesAreApart,
		"drop forgets a segment":  dropForgets,
		"concurrent equal writes": concurrentWrites,
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
	if x, damaged, err := s.Rows("none").Index(); err != nil || len(damaged) > 0 || x.Len() != 0 {
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
	x, damaged, err := s.Rows("label-1").Index()
	if err != nil || len(damaged) > 0 || x.Len() != 6 {
		t.Fatalf("Index has %d rows, %v, %v; want 6", x.Len(), damaged, err)
	}
	ref, ok := x.Lookup(keysOf("second", 3)[2])
	if !ok || ref.Row != 2 {
		t.Fatalf("Lookup = %v, %v; want row 2", ref, ok)
	}
	if seg, err := rows.Segment(ref.Segment); err != nil || string(seg) != "second segment" {
		t.Errorf("Segment = %q, %v", seg, err)
	}
}

func spacesAreApart(t *testing.T, s cas.Store) {
	if err := s.Rows("a").Append(keysOf("k", 1), []byte("seg")); err != nil {
		t.Fatal(err)
	}
	if x, _, err := s.Rows("b").Index(); err != nil || x.Len() != 0 {
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
	if x, _, err := rows.Index(); err != nil || x.Len() != 0 {
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
