package table_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/ouroflow/ouroflow/engine/cas"
	"github.com/ouroflow/ouroflow/engine/table"
	"pgregory.net/rapid"
)

type line struct {
	N    int64  `arrow:"n"`
	Text string `arrow:"text"`
}

func lines(first, n int) arrow.Record {
	e := table.NewEncoder[line]()
	for i := first; i < first+n; i++ {
		e.Append(line{int64(i), fmt.Sprint(i)})
	}
	return e.Record()
}

// Readers that come at any time and read at any pace see the rows in order, and
// the table is the same as if nobody had looked.
func TestGrowingProperty(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := cas.NewMemory()
		g, err := table.NewGrowing(s, table.SchemaOf[line](), 0)
		if err != nil {
			t.Fatal(err)
		}
		plain, err := table.NewGrowing(s, table.SchemaOf[line](), 0)
		if err != nil {
			t.Fatal(err)
		}
		var readers sync.WaitGroup
		total := 0
		for range rapid.IntRange(1, 8).Draw(t, "writes") {
			if rapid.Bool().Draw(t, "reader") {
				readers.Go(func() { follow(t, g) })
			}
			rec := lines(total, rapid.SampledFrom([]int{0, 1, 100, 3000}).Draw(t, "rows"))
			total += int(rec.NumRows())
			for _, w := range []*table.Growing{g, plain} {
				if err := w.Write(func(w *table.Writer) error { return w.Append(rec) }); err != nil {
					t.Fatal(err)
				}
			}
		}
		got, err := g.Commit()
		if err != nil {
			t.Fatal(err)
		}
		readers.Go(func() { follow(t, g) })
		readers.Wait()
		want, err := plain.Commit()
		if err != nil || got != want || got.Rows != int64(total) {
			t.Fatalf("%+v, %v; want %+v with %d rows", got, err, want, total)
		}
	})
}

func follow(t *rapid.T, g *table.Growing) {
	r := g.Reader(context.Background())
	defer r.Close()
	next := int64(0)
	for row, err := range table.Each[line](r) {
		if err != nil || row.N != next || row.Text != fmt.Sprint(next) {
			t.Errorf("row %d: %v, %v", next, row.N, err)
			return
		}
		next++
	}
	if final, ok := g.Final(); !ok || final.Rows != next {
		t.Errorf("read %d rows of %+v", next, final)
	}
}

func TestGrowingEndsItsReaders(t *testing.T) {
	lost, stopped := errors.New("lost"), errors.New("stopped")
	g, err := table.NewGrowing(cas.NewMemory(), table.SchemaOf[line](), 0)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancelCause(context.Background())
	results := make(chan error, 2)
	for _, ctx := range []context.Context{ctx, context.Background()} {
		r := g.Reader(ctx)
		go func() {
			defer r.Close()
			_, err := table.All[line](r)
			results <- err
		}()
	}
	cancel(stopped)
	if err := <-results; !errors.Is(err, stopped) {
		t.Errorf("cancelled: %v", err)
	}
	g.Fail(lost)
	if err := <-results; !errors.Is(err, lost) {
		t.Errorf("failed: %v", err)
	}
	if _, ok := g.Final(); ok {
		t.Error("a table that failed has a result")
	}
}

// cut is a file that loses its end while it is read.
type cut struct {
	*bytes.Reader
	end int64
}

func (c *cut) ReadAt(p []byte, off int64) (int, error) {
	if off >= c.end {
		return 0, io.EOF
	}
	return c.Reader.ReadAt(p, off)
}

// A table that loses its end after it was opened is an error, not a shorter table.
func TestCutWhileRead(t *testing.T) {
	var b bytes.Buffer
	w, err := table.NewWriter(&b, table.SchemaOf[line]())
	if err == nil {
		err = w.Append(lines(0, 20_000))
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	f := &cut{bytes.NewReader(b.Bytes()), int64(b.Len())}
	r, err := table.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	f.end = int64(b.Len() / 2)
	if rows, err := table.All[line](r); err == nil {
		t.Errorf("read %d of 20,000 rows without an error", len(rows))
	}
}
