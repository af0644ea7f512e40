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

// BenchmarkRows is 100,000 rows through a row-wise node that does next to nothing:
// cold computes every row, warm finds every row, each in memory and on disk; hashing
// is the floor, one key per row.
func BenchmarkRows(b *testing.B) {
	for name, open := range map[string]func(dir string) cas.Store{
		"memory": func(string) cas.Store { return cas.NewMemory() },
		"disk":   func(dir string) cas.Store { return cas.NewDisk(dir) },
	} {
		b.Run("cold/"+name, func(b *testing.B) {
			for b.Loop() {
				b.StopTimer()
				x := newRowsBench(b, open(b.TempDir()))
				b.StartTimer()
				x.run(b)
			}
			reportRows(b)
		})
		b.Run("warm/"+name, func(b *testing.B) {
			x := newRowsBench(b, open(b.TempDir()))
			x.run(b)
			for b.Loop() {
				x.run(b)
			}
			reportRows(b)
		})
	}
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
		reportRows(b)
	})
}

func reportRows(b *testing.B) {
	b.ReportMetric(float64(benchRows)*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
}

// rowsBench executes a row-wise node by itself, so that the whole table isn't known.
type rowsBench struct {
	local *exec.Local
	job   exec.Job
}

func newRowsBench(b *testing.B, s cas.Store) *rowsBench {
	in := nodetest.Put(b, s, benchNumbers())
	n := bind(b, newCounter().doubleType(), nil)
	return &rowsBench{&exec.Local{Store: s, WorkDir: b.TempDir()}, job(n, in, &recorder{})}
}

func (r *rowsBench) run(b *testing.B) {
	if _, err := r.local.Execute(context.Background(), r.job); err != nil {
		b.Fatal(err)
	}
}
