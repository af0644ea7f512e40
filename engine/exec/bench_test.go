package exec_test

import (
	"context"
	"testing"

	"github.com/ouroflow/ouroflow/engine/cas"
	"github.com/ouroflow/ouroflow/engine/digest"
	"github.com/ouroflow/ouroflow/engine/exec"
	"github.com/ouroflow/ouroflow/engine/node/nodetest"
)

const benchRows = 100_000

func benchNumbers() []number {
	rows := make([]number, benchRows)
	for i := range rows {
		rows[i].N = int64(i)
	}
	return rows
}

// BenchmarkRows is 100,000 rows through a row-wise node that does next to
// nothing: cold computes every row, warm finds every row, hashing is the floor,
// one key per row.
func BenchmarkRows(b *testing.B) {
	c := newCounter()
	typ := c.doubleType()
	b.Run("cold", func(b *testing.B) {
		for range b.N {
			s := cas.NewMemory()
			in := nodetest.Put(b, s, benchNumbers())
			if _, err := stack(b, s).Execute(context.Background(), job(bind(b, typ, nil), in, &recorder{})); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(float64(benchRows)*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
	})
	b.Run("warm", func(b *testing.B) {
		s := cas.NewMemory()
		in := nodetest.Put(b, s, benchNumbers())
		local := &exec.Local{Store: s, WorkDir: b.TempDir()}
		if _, err := local.Execute(context.Background(), job(bind(b, typ, nil), in, &recorder{})); err != nil {
			b.Fatal(err)
		}
		for b.Loop() {
			if _, err := local.Execute(context.Background(), job(bind(b, typ, nil), in, &recorder{})); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(float64(benchRows)*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
	})
	b.Run("hashing", func(b *testing.B) {
		f := digest.NewFramer()
		for b.Loop() {
			for i := range benchRows {
				f.Reset()
				f.String("base")
				f.Uint(uint64(i))
				f.Sum()
			}
		}
		b.ReportMetric(float64(benchRows)*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
	})
}
