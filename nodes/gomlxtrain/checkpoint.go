package gomlxtrain

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"path/filepath"
	"strings"

	"github.com/gomlx/gomlx/pkg/core/tensors"
	mlctx "github.com/gomlx/gomlx/pkg/ml/context"
	"github.com/ouroflow/ouroflow/engine/durable"
	"github.com/ouroflow/ouroflow/nodes/internal/gomlxmodel"
)

// A checkpoint is one safetensors file for each model: every variable, those of the optimizer
// included, the best weights so far under bestPrefix, and the progress as JSON
// in the metadata.
const (
	bestPrefix  = "best:"
	progressKey = "progress"
)

// progress is what a checkpoint knows beside tensors.
type progress struct {
	Epoch    int        `json:"epoch"`
	Stale    int        `json:"stale"`
	BestLoss *float64   `json:"best_loss"` // null before there is one
	Curve    []epochRow `json:"curve"`
}

func (t *trainer) checkpointFile() string {
	return filepath.Join(t.dir, fmt.Sprintf("fold%d-seed%d.safetensors", t.member.Fold, t.member.Seed))
}

// checkpoint saves the state after an epoch, whole or not at all.
func (t *trainer) checkpoint() error {
	state := gomlxmodel.Weights{}
	for v := range t.ctx.IterVariables() {
		value, err := v.Value()
		if err != nil {
			return err
		}
		state[v.ScopeAndName()] = value
	}
	for name, w := range t.best {
		state[bestPrefix+name] = w
	}
	p := progress{t.epoch, t.stale, nil, t.curve}
	if !math.IsInf(t.bestLoss, 1) {
		p.BestLoss = &t.bestLoss
	}
	meta, err := json.Marshal(p)
	if err != nil {
		return err
	}
	b, err := gomlxmodel.EncodeTensors(state, map[string]string{progressKey: string(meta)})
	if err != nil {
		return err
	}
	return durable.WriteSealed(durable.OS{}, t.checkpointFile(), b)
}

// restore continues from a checkpoint if there is one. One that can't be read is
// left alone: training from the start gives the same weights.
func (t *trainer) restore() error {
	b, err := durable.ReadSealed(t.checkpointFile())
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil && !errors.Is(err, durable.ErrBroken) {
		return err
	}
	var state gomlxmodel.Weights
	var metadata map[string]string
	var p progress
	if err == nil {
		state, metadata, err = gomlxmodel.DecodeTensors(b)
	}
	if err == nil {
		err = json.Unmarshal([]byte(metadata[progressKey]), &p)
	}
	if err != nil {
		t.host.Logf("the checkpoint can't be read, so training starts over: %v", err)
		return nil
	}
	t.epoch, t.stale, t.curve = p.Epoch, p.Stale, p.Curve
	if p.BestLoss != nil {
		t.bestLoss = *p.BestLoss
	}
	t.best = gomlxmodel.Weights{}
	for name, w := range state {
		if short, ok := strings.CutPrefix(name, bestPrefix); ok {
			t.best[short] = w
			delete(state, name)
		}
	}
	weights, rest := gomlxmodel.Split(state)
	t.ctx = weights.Context()
	t.ctx.SetLoader(loader(rest))
	t.host.Logf("%s: continuing after epoch %d", nameOf(t.member), p.Epoch)
	return nil
}

// loader hands the variables of a checkpoint to a context as they are asked for.
type loader gomlxmodel.Weights

// LoadVariable implements context.Loader.
func (l loader) LoadVariable(_ *mlctx.Context, scope, name string) (*tensors.Tensor, bool) {
	key := strings.TrimSuffix(scope, mlctx.ScopeSeparator) + mlctx.ScopeSeparator + name
	v, ok := l[key]
	delete(l, key)
	return v, ok
}

// DeleteVariable implements context.Loader.
func (l loader) DeleteVariable(_ *mlctx.Context, scope, name string) error {
	delete(l, strings.TrimSuffix(scope, mlctx.ScopeSeparator)+mlctx.ScopeSeparator+name)
	return nil
}
