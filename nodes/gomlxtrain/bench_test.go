package gomlxtrain

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/ouroflow/ouroflow/engine/node"
	"github.com/ouroflow/ouroflow/nodes/internal/gomlxmodel"
)

// drawn makes problems of 14 items each, about as many as a pool of 90 candidates has.
func drawn(n int, names []string) []*problem {
	rng := rand.New(rand.NewPCG(1, 2))
	problems := make([]*problem, n)
	for i := range problems {
		p := &problem{id: fmt.Sprint(i)}
		for j := range 14 {
			v := make([]float32, len(names))
			for k := range v {
				v[k] = float32(rng.NormFloat64())
			}
			l := labelled{passed: float32(j % 2), energy: float32(1 - j%2), weight: 1}
			l.Item = gomlxmodel.Item{Input: gomlxmodel.Input{Values: v}, Count: 1}
			p.items = append(p.items, l)
		}
		problems[i] = p
	}
	return problems
}

// host is what training asks of the engine.
type host struct{}

func (host) Scratch() (string, error)      { return "", nil }
func (host) Draining() <-chan struct{}     { return nil }
func (host) Pins() node.Pins               { return nil }
func (host) Progress(int64, int64, string) {}
func (host) Logf(string, ...any)           {}

// An epoch of the encoder set with its defaults over 400 problems.
func BenchmarkEpoch(b *testing.B) {
	p := *Type().New().(*Params)
	backend, err := gomlxmodel.Go.Open()
	if err != nil {
		b.Fatal(err)
	}
	t, err := newTrainer(backend, p, p.Set, gomlxmodel.Member{}, drawn(400, p.Set.Names()), nil, host{}, b.TempDir())
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if err := t.runEpoch(context.Background()); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N*400*14)/b.Elapsed().Seconds(), "items/s")
}
