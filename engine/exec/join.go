package exec

import (
	"errors"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/ouroflow/ouroflow/engine/cas"
	"github.com/ouroflow/ouroflow/engine/digest"
	"github.com/ouroflow/ouroflow/engine/node"
	"github.com/ouroflow/ouroflow/engine/table"
)

// joiner puts input rows and stored rows together.
type joiner struct {
	cache  *rowCache
	keys   *keyMaker
	next   func() (arrow.Record, error, bool)
	kept   []string
	adds   int
	fanout int
	left   []arrow.Array // the kept columns of the batch at hand
	at     int           // unit of the batch that comes next
	units  int           // of the batch

	drop    func(arrow.Record) (func(int) bool, error) // of the node, or nil
	decided arrow.Record                               // the record that decide looks at
	decide  func(int) bool
}

func (j *joiner) append(w *table.Writer, units span) error {
	for i := range units.n {
		if err := j.reach(); err != nil {
			return err
		}
		right, err := j.row(units, i)
		if err != nil {
			return node.Faultf("a row that was stored can't be read: %w", err)
		}
		if drop, err := j.drops(right); err != nil {
			return err
		} else if drop {
			j.at++
			continue
		}
		if err := w.AppendJoined(j.left, j.at/j.fanout, right.Record.Columns()[:j.adds], right.I); err != nil {
			return err
		}
		j.at++
	}
	return nil
}

// drops says whether the output leaves a row out.
func (j *joiner) drops(row table.Row) (bool, error) {
	if j.drop == nil {
		return false, nil
	}
	if row.Record != j.decided {
		decide, err := j.drop(row.Record)
		if err != nil {
			return false, err
		}
		j.decided, j.decide = row.Record, decide
	}
	return j.decide(row.I), nil
}

// row reads the stored row of a unit. One that repeats an earlier one is found by its
// key, since that is stored by now.
func (j *joiner) row(units span, i int) (table.Row, error) {
	place := units.place + cas.Place(i)
	if units.state == repeated {
		var ok bool
		if place, ok = j.cache.place(j.key()); !ok {
			return table.Row{}, errors.New("the row that it repeats is gone")
		}
	}
	return j.cache.row(place, j.key)
}

// key is the key of the unit that comes next.
func (j *joiner) key() digest.Digest {
	return j.keys.key(j.at/j.fanout, j.at%j.fanout)
}

// reach goes on to the next batch if this one is used up.
func (j *joiner) reach() error {
	for j.at == j.units {
		rec, err, ok := j.next()
		if err != nil {
			return err
		}
		if !ok {
			return errors.New("the input has fewer rows than before")
		}
		j.left, j.at, j.units = pick(rec, j.kept), 0, int(rec.NumRows())*j.fanout
		j.keys.read(rec)
	}
	return nil
}
