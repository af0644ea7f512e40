package candidateset

import (
	"slices"
	"strings"
)

// gramIDs numbers the grams of one problem.
type gramIDs map[string]int

// gramSet is a sorted set of gram numbers.
type gramSet []int

// set returns the distinct grams of one kind.
func (ids gramIDs) set(kind string, grams []string) gramSet {
	set := make(gramSet, len(grams))
	for i, g := range grams {
		key := kind + "\x00" + g
		id, ok := ids[key]
		if !ok {
			id = len(ids)
			ids[key] = id
		}
		set[i] = id
	}
	slices.Sort(set)
	return slices.Compact(set)
}

// grams lists the runs of n tokens.
func grams(tokens []string, n int) []string {
	if len(tokens) < n {
		return nil
	}
	out := make([]string, len(tokens)-n+1)
	for i := range out {
		out[i] = strings.Join(tokens[i:i+n], "\x00")
	}
	return out
}

// jaccard is the share of the grams of either set that are in both; 1 for two empty
// sets.
func jaccard(a, b gramSet) float64 {
	if len(a)+len(b) == 0 {
		return 1
	}
	both, i, j := 0, 0, 0
	for i < len(a) && j < len(b) {
		switch {
		case a[i] < b[j]:
			i++
		case a[i] > b[j]:
			j++
		default:
			both, i, j = both+1, i+1, j+1
		}
	}
	return float64(both) / float64(len(a)+len(b)-both)
}
