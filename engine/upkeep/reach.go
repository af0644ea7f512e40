package upkeep

import (
	"time"

	"github.com/ouroflow/ouroflow/engine/cas"
	"github.com/ouroflow/ouroflow/engine/digest"
	"github.com/ouroflow/ouroflow/engine/event"
	"github.com/ouroflow/ouroflow/engine/exec"
	"github.com/ouroflow/ouroflow/engine/run"
	"github.com/ouroflow/ouroflow/engine/table"
)

// reach is what some runs need of a cache.
type reach struct {
	store   *cas.Disk
	blobs   map[digest.Digest]bool
	actions map[digest.Digest]bool
	rows    map[uint64]bool // by the first 64 bits of their keys: at worst one too many is kept
	seen    map[rowsOf]bool
	// unfinished is when the first of the runs began that have a row-wise node
	// which didn't complete: its rows can't be told, so all that were stored or
	// used since then are kept.
	unfinished time.Time
}

// rowsOf names the rows that a configuration made of a table.
type rowsOf struct{ base, input digest.Digest }

func newReach(store *cas.Disk) *reach {
	return &reach{store: store, blobs: map[digest.Digest]bool{}, actions: map[digest.Digest]bool{}, rows: map[uint64]bool{}, seen: map[rowsOf]bool{}}
}

// add adds what a run needs.
func (r *reach) add(record *run.Record) error {
	for _, n := range record.Nodes {
		if err := r.results(n); err != nil {
			return err
		}
		if err := r.rowsOf(n); err != nil {
			return err
		}
		if n.State != event.Succeeded && n.State != event.Cached && (r.unfinished.IsZero() || record.Started.Before(r.unfinished)) {
			r.unfinished = record.Started
		}
	}
	return nil
}

// results adds the outcome of a node and its outputs, as far as they are there.
func (r *reach) results(n *run.Node) error {
	if key, err := digest.Parse(n.Key); err == nil {
		r.actions[key] = true
	}
	for _, out := range n.Outputs {
		r.blobs[out.Digest] = true
		blobs, err := table.Blobs(r.store, table.Artifact{Kind: out.Kind, Digest: out.Digest})
		if err != nil && !cas.IsMiss(err) {
			return err
		}
		for _, d := range blobs {
			r.blobs[d] = true
		}
	}
	return nil
}

// rowsOf adds the rows that a node made of its input, if the input is still there.
func (r *reach) rowsOf(n *run.Node) error {
	if n.RowKeys == nil {
		return nil
	}
	input, ok := n.RowInput()
	if !ok || r.seen[rowsOf{n.RowKeys.Base, input}] {
		return nil
	}
	in, err := table.Open(r.store, input)
	if cas.IsMiss(err) {
		return nil
	}
	if err != nil {
		return err
	}
	defer in.Close()
	r.seen[rowsOf{n.RowKeys.Base, input}] = true
	return exec.EachRowKey(n.RowKeys, in, func(key digest.Digest) { r.rows[key.Uint64()] = true })
}

// needs reports whether a row is needed.
func (r *reach) needs(key digest.Digest) bool { return r.rows[key.Uint64()] }
