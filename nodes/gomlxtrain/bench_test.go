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

// transformers that are trained in BenchmarkStep; docs/bench/train.py has the same in JAX and
// PyTorch.
var transformers = []struct {
	name                                 string
	layers, width, heads, inner, longest int
	batch                                int
}{
	{"L1-d64-S128", 1, 64, 4, 256, 128, 32},
	{"L2-d128-S192", 2, 128, 4, 512, 192, 32},
	{"L4-d256-S256", 4, 256, 8, 1024, 256, 16},
}

// sequences makes problems of four sequences of full length each.
func sequences(problems, longest int) []*problem {
	rng := rand.New(rand.NewPCG(1, 2))
	draw := func(n int) []int32 {
		ids := make([]int32, n)
		for i := range ids {
			ids[i] = rng.Int32N(4096)
		}
		return ids
	}
	out := make([]*problem, problems)
	for i := range out {
		p := &problem{id: fmt.Sprint(i), passing: []int{0, 1}, failing: []int{2, 3}}
		for j := range 4 {
			in := gomlxmodel.Input{Prompt: draw(longest / 4), Code: draw(longest - longest/4)}
			l := labelled{Item: gomlxmodel.Item{Input: in, Count: 1}, energy: float32(j / 2), weight: 1}
			if j < 2 {
				l.passed = 1
			}
			p.items = append(p.items, l)
		}
		out[i] = p
	}
	return out
}

// Steps of a transformer, on each backend that there is.
func BenchmarkStep(b *testing.B) {
	for _, m := range transformers {
		for _, choice := range []string{gomlxmodel.BackendGo, gomlxmodel.BackendXLA} {
			b.Run(m.name+"/"+choice, func(b *testing.B) {
				on, err := gomlxmodel.ChooseBackend(choice)
				if err != nil {
					b.Skip(err)
				}
				backend, err := on.Open()
				if err != nil {
					b.Fatal(err)
				}
				p := *Type().New().(*Params)
				p.Encoder, p.Problems, p.Candidates = "ouroboros", m.batch/4, 4
				p.Ouroboros.Layers, p.Ouroboros.Width, p.Ouroboros.Heads, p.Ouroboros.Inner = m.layers, m.width, m.heads, m.inner
				p.Ouroboros.MaxTokens, p.Ouroboros.PromptTokens, p.Ouroboros.Dropout = m.longest, m.longest/2, 0
				e, err := gomlxmodel.Equip(p.config(), gomlxmodel.Assets{}, on)
				if err != nil {
					b.Fatal(err)
				}
				t, err := newTrainer(backend, p, e, gomlxmodel.Member{}, sequences(m.batch/4, m.longest), nil, host{}, b.TempDir())
				if err != nil {
					b.Fatal(err)
				}
				step := func() { // an epoch is a step
					if err := t.runEpoch(context.Background()); err != nil {
						b.Fatal(err)
					}
				}
				step() // compiles
				for b.Loop() {
					step()
				}
				b.ReportMetric(float64(b.N*m.batch)/b.Elapsed().Seconds(), "samples/s")
			})
		}
	}
}

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
