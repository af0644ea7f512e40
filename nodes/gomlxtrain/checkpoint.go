package gomlxtrain

import (
	"encoding/json"
	"errors"
	"io/fs"
	"path/filepath"
	"strings"

	"github.com/gomlx/gomlx/pkg/core/tensors"
	mlctx "github.com/gomlx/gomlx/pkg/ml/context"
	"github.com/ouroflow/ouroflow/engine/durable"
	"github.com/ouroflow/ouroflow/nodes/internal/gomlxmodel"
)

// A checkpoint is one safetensors file: every variable, those of the optimizer
// included, the best weights so far under bestPrefix, and the progress as JSON
// in the metadata.
const (
	checkpointFile = "checkpoint.safetensors"
	bestPrefix     = "best:"
	progressKey    = "progress"
)

// progress is what a checkpoint knows beside tensors.
type progress struct {
	Epoch    int        `json:"epoch"`
	Stale    int        `json:"stale"`
	BestLoss float64    `json:"best_loss"`
	Curve    []epochRow `json:"curve"`
}

// checkpoint saves the state after an epoch, whole or not at all.
func (t *trainer) checkpoint() error {
	dir, err := t.host.Scratch()
	if err != nil {
		return err
	}
	state := gomlxmodel.Weights{}
	for v := range t.ctx.IterVariables() {
		if state[v.ScopeAndName()], err = v.Value(); err != nil {
			return err
		}
	}
	for name, w := range t.best {
		state[bestPrefix+name] = w
	}
	meta, err := json.Marshal(progress{t.epoch, t.stale, t.bestLoss, t.curve})
	if err != nil {
		return err
	}
	b, err := gomlxmodel.EncodeTensors(state, map[string]string{progressKey: string(meta)})
	if err != nil {
		return err
	}
	return durable.WriteSealed(durable.OS{}, filepath.Join(dir, checkpointFile), b)
}

// restore continues from a checkpoint if there is one. One that can't be read is
// left alone: training from the start gives the same weights.
func (t *trainer) restore() error {
	dir, err := t.host.Scratch()
	if err != nil {
		return err
	}
	b, err := durable.ReadSealed(filepath.Join(dir, checkpointFile))
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
	t.epoch, t.stale, t.bestLoss, t.curve = p.Epoch, p.Stale, p.BestLoss, p.Curve
	t.best = gomlxmodel.Weights{}
	for name, w := range state {
		if short, ok := strings.CutPrefix(name, bestPrefix); ok {
			t.best[short] = w
			delete(state, name)
		}
	}
	t.ctx = mlctx.New().Checked(false)
	t.ctx.SetLoader(loader(state))
	t.host.Logf("continuing after epoch %d", p.Epoch)
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
