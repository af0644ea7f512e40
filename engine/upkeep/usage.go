package upkeep

import (
	"cmp"
	"errors"
	"io/fs"
	"slices"

	"github.com/ouroflow/ouroflow/engine/cas"
	"github.com/ouroflow/ouroflow/engine/digest"
	"github.com/ouroflow/ouroflow/engine/run"
)

// Share is the part of a cache that a node of a pipeline, or a row space, takes.
type Share struct {
	Pipeline string `json:"pipeline"` // empty for what no run record leads to
	Node     string `json:"node"`     // or what it is
	Amount
}

// Usage tells what takes how much room: the outputs of each node, under the newest
// run that has them, the rows of each space, and what is left.
func Usage(s *cas.Disk, runs run.Dir) ([]Share, error) {
	s = s.Unmarked()
	owner, err := owners(s, runs)
	if err != nil {
		return nil, err
	}
	shares := map[[2]string]*Share{}
	err = s.Walk(func(e cas.Entry) error {
		name := nameOf(e, owner)
		if shares[name] == nil {
			shares[name] = &Share{Pipeline: name[0], Node: name[1]}
		}
		shares[name].add(e.Size)
		return nil
	})
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	out := make([]Share, 0, len(shares))
	for _, sh := range shares {
		out = append(out, *sh)
	}
	slices.SortFunc(out, func(a, b Share) int {
		return cmp.Or(-cmp.Compare(a.Bytes, b.Bytes), cmp.Compare(a.Pipeline, b.Pipeline), cmp.Compare(a.Node, b.Node))
	})
	return out, nil
}

func nameOf(e cas.Entry, owner map[digest.Digest][2]string) [2]string {
	switch e.Kind {
	case cas.KindSegment, cas.KindIndex:
		return [2]string{"", "rows of " + e.Space}
	case cas.KindScratch:
		return [2]string{"", "working files"}
	case cas.KindBlob, cas.KindAction:
		if name, ok := owner[e.ID]; ok {
			return name
		}
		return [2]string{"", "of runs without a record"}
	default:
		return [2]string{"", string(e.Kind) + "s"}
	}
}

// owners says which node of which pipeline made a blob or an action, by the newest
// run that has it.
func owners(s *cas.Disk, runs run.Dir) (map[digest.Digest][2]string, error) {
	ids, err := runs.IDs()
	if err != nil {
		return nil, err
	}
	owner := map[digest.Digest][2]string{}
	for _, id := range ids {
		record, err := runs.Load(id)
		if err != nil {
			continue // verify tells of it
		}
		for node, n := range record.Nodes {
			needs := newReach(s)
			if err := needs.results(n); err != nil {
				return nil, err
			}
			for _, ids := range []map[digest.Digest]bool{needs.blobs, needs.actions} {
				for d := range ids {
					owner[d] = [2]string{record.Pipeline, node}
				}
			}
		}
	}
	return owner, nil
}
