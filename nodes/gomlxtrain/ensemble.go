package gomlxtrain

import (
	"context"
	"fmt"
	"sync"

	"github.com/gomlx/gomlx/backends"
	"github.com/ouroflow/ouroflow/engine/node"
	"github.com/ouroflow/ouroflow/nodes/internal/gomlxmodel"
	"golang.org/x/sync/errgroup"
)

// ensemble trains the members of a model, as many at once as the backend computes best.
type ensemble struct {
	params   Params
	encoder  gomlxmodel.Encoder
	backend  gomlxmodel.Backend
	data     *data
	host     node.Host
	dir      string                // of checkpoints
	backends chan backends.Backend // one for each member in training

	mu   sync.Mutex
	done int
}

// trained is a member with its weights.
type trained struct {
	gomlxmodel.Member
	weights gomlxmodel.Weights
	curve   []epochRow
}

// members lists what is to be trained.
func (p Params) members() []gomlxmodel.Member {
	var list []gomlxmodel.Member
	for s := range p.Seeds {
		m := gomlxmodel.Member{Seed: p.Seed + s, Fold: gomlxmodel.NoFold, Deal: s}
		if p.Deals == dealOnce {
			m.Deal = 0
		}
		for fold := range p.Folds {
			m.Fold = fold
			list = append(list, m)
		}
		if p.Folds == 0 {
			list = append(list, m)
		}
	}
	return list
}

func (e *ensemble) train(ctx context.Context) ([]trained, error) {
	members := e.params.members()
	workers := min(e.backend.Devices(), len(members))
	e.backends = make(chan backends.Backend, workers)
	for range workers {
		b, err := e.backend.Open()
		if err != nil {
			return nil, err
		}
		e.backends <- b
	}
	out := make([]trained, len(members))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(workers)
	for i, m := range members {
		group.Go(func() (err error) {
			out[i], err = e.member(ctx, m)
			if err != nil {
				return fmt.Errorf("%s: %w", nameOf(m), err)
			}
			return nil
		})
	}
	return out, group.Wait()
}

// report counts epochs that are done, or that will not be needed.
func (e *ensemble) report(epochs int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.done += epochs
	e.host.Progress(int64(e.done), int64(len(e.params.members())*e.params.Epochs), "epochs")
}

func nameOf(m gomlxmodel.Member) string {
	if m.Fold == gomlxmodel.NoFold {
		return fmt.Sprintf("model with seed %d", m.Seed)
	}
	return fmt.Sprintf("model with seed %d without fold %d", m.Seed, m.Fold)
}

func (e *ensemble) member(ctx context.Context, m gomlxmodel.Member) (trained, error) {
	backend := <-e.backends
	defer func() { e.backends <- backend }()
	train, validation := e.data.without(m)
	t, err := newTrainer(backend, e.params, e.encoder, m, train, validation, e.host, e.dir)
	if err != nil {
		return trained{}, err
	}
	e.report(t.epoch) // of a checkpoint
	if err := t.fit(ctx, func() { e.report(1) }); err != nil {
		return trained{}, err
	}
	e.report(e.params.Epochs - t.epoch)
	last := t.curve[len(t.curve)-1]
	e.host.Logf("%s: %d epochs, loss %.4f, %s", nameOf(m), len(t.curve), last.TrainLoss, t.note())
	return trained{m, t.best, t.curve}, nil
}
