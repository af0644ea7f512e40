package exec

import (
	"errors"
	"io"
	"iter"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/ouroflow/ouroflow/engine/cas"
	"github.com/ouroflow/ouroflow/engine/digest"
	"github.com/ouroflow/ouroflow/engine/node"
	"github.com/ouroflow/ouroflow/engine/table"
)

// intake walks over the input of a row-wise node, makes the key of every unit and
// finds out who has its row: the store, this job, or another.
//
// A unit is one output row, numbered input row times fan-out plus index.
type intake struct {
	job  *rowJob
	keys *keyMaker
	next func() (arrow.Record, error, bool)
	stop func()

	rec   arrow.Record // the batch at hand, nil before the first
	at    int          // unit of rec that comes next, from 0
	first int          // number of its first unit
	err   error        // that reading the input ended with

	ready   []node.Unit   // taken by this job and not handed out
	foreign []candidate   // taken by others, oldest first
	looked  time.Time     // when foreign was looked through
	chunk   int           // units that are claimed at once
	claimed time.Time     // when
	waited  time.Duration // for batches of the input
}

// candidate is a unit that isn't stored, the first with its key.
type candidate struct {
	unit node.Unit
	key  digest.Digest
}

// A claim covers few units while each takes long, so that runs at the same time
// share them evenly, and many while they take no time.
const (
	chunkLeast, chunkMost = 16, 4096
	chunkFast             = 100 * time.Millisecond
)

func newIntake(job *rowJob, in *table.Reader, keys *keyMaker) *intake {
	k := &intake{job: job, keys: keys, chunk: chunkLeast}
	k.next, k.stop = iter.Pull2(in.Batches())
	return k
}

// fill looks for units to compute until it has one. It returns false if there is
// none before the end of the input.
func (k *intake) fill() (bool, error) {
	for len(k.ready) == 0 {
		if k.job.stopping() {
			return false, nil
		}
		if err := k.advance(); errors.Is(err, io.EOF) {
			return false, nil
		} else if err != nil {
			k.err = err
			return false, err
		}
	}
	return true, nil
}

// pop hands out a unit that fill has found.
func (k *intake) pop() node.Unit {
	u := k.ready[0]
	k.ready = k.ready[1:]
	return u
}

// advance sorts the units from here to the end of the batch, or as many as are
// claimed at once.
func (k *intake) advance() error {
	if err := k.revisit(); err != nil || len(k.ready) > 0 {
		return err
	}
	if k.rec == nil || k.at == int(k.rec.NumRows())*k.keys.fanout {
		if err := k.nextBatch(); err != nil {
			return err
		}
	}
	var fresh []candidate
	for ; k.at < int(k.rec.NumRows())*k.keys.fanout && len(fresh) < k.chunk; k.at++ {
		u := k.keys.unit(k.rec, k.first, k.at)
		if key := k.keys.key(u.Row.I, u.Index); !k.job.known(u.ID, key) {
			fresh = append(fresh, candidate{u, key})
		}
	}
	return k.claim(fresh)
}

func (k *intake) nextBatch() error {
	if k.rec != nil {
		k.first += int(k.rec.NumRows()) * k.keys.fanout
	}
	start := time.Now()
	rec, err, ok := k.next()
	k.waited += time.Since(start)
	if !ok {
		k.rec, k.at = nil, 0
		return io.EOF
	}
	if err != nil {
		return err
	}
	k.rec, k.at = rec, 0
	k.keys.read(rec)
	return nil
}

// claim takes candidates for this job, or leaves them to who has them.
func (k *intake) claim(fresh []candidate) error {
	if len(fresh) == 0 {
		return nil
	}
	k.adapt()
	for len(fresh) > 0 && !k.job.stopping() {
		holders, err := k.job.take(fresh)
		if err != nil {
			return err
		}
		var again []candidate
		for i, c := range fresh {
			switch {
			case holders[i] == cas.Mine:
				k.ready = append(k.ready, c.unit)
			case holders[i] == cas.Theirs:
				k.foreign = append(k.foreign, c)
			case !k.job.arrived(c.key): // it is stored, but damaged
				again = append(again, c)
			}
		}
		fresh = again
	}
	return nil
}

// adapt changes how much is claimed at once to how long the last lot took.
func (k *intake) adapt() {
	switch took := time.Since(k.claimed); {
	case k.claimed.IsZero():
	case took < chunkFast:
		k.chunk = min(2*k.chunk, chunkMost)
	case took > 10*chunkFast:
		k.chunk = max(k.chunk/2, chunkLeast)
	}
	k.claimed = time.Now()
}

// Others are asked for their rows this often, for this many at a time.
const (
	foreignEvery = 50 * time.Millisecond
	foreignMost  = 4096
)

// revisit finds out what became of the units that others took: they are stored, or
// free because who took them is gone.
func (k *intake) revisit() error {
	if len(k.foreign) == 0 || time.Since(k.looked) < foreignEvery {
		return nil
	}
	k.looked = time.Now()
	n := min(len(k.foreign), foreignMost)
	oldest := k.foreign[:n:n]
	k.foreign = k.foreign[n:]
	return k.claim(oldest)
}
