package vllmsample

import (
	"iter"

	"github.com/ouroflow/ouroflow/engine/node"
)

// groups puts consecutive samples of one problem together, at most so many.
func groups(items iter.Seq2[node.Item[in], error], most int) iter.Seq2[[]node.Item[in], error] {
	return func(yield func([]node.Item[in], error) bool) {
		var group []node.Item[in]
		for item, err := range items {
			if err != nil {
				yield(nil, err)
				return
			}
			if len(group) > 0 && (len(group) == most || !follows(group[len(group)-1], item)) {
				if !yield(group, nil) {
					return
				}
				group = nil
			}
			group = append(group, item)
		}
		if len(group) > 0 {
			yield(group, nil)
		}
	}
}

// follows reports whether b is the sample after a, of the same problem.
func follows(a, b node.Item[in]) bool { return a.In == b.In && b.Index == a.Index+1 }

// consecutive counts the items from the first on whose indices follow each other.
func consecutive(items []node.Item[in]) int {
	n := 1
	for n < len(items) && follows(items[n-1], items[n]) {
		n++
	}
	return n
}
