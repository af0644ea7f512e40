package dataset

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"iter"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/ouroflow/ouroflow/engine/node"
)

// official is the split of MBPP by task_id (Austin et al. 2021, section 2.1).
var official = map[string]string{"prompt": "1-10", "test": "11-510", "validation": "511-600", "train": "601-974"}

func checkSplit(s Split) error {
	for _, name := range slices.Sorted(maps.Keys(s.Ranges)) {
		if _, err := parseRanges(s.Ranges[name]); err != nil {
			return node.BadField("split.ranges."+name, "%v", err)
		}
	}
	sum := 0.0
	for _, name := range slices.Sorted(maps.Keys(s.Shares)) {
		if s.Shares[name] < 0 {
			return node.BadField("split.shares."+name, "a share can't be negative")
		}
		sum += s.Shares[name]
	}
	if len(s.Shares) > 0 && math.Abs(sum-1) > 1e-6 {
		return node.BadField("split.shares", "the shares add up to %g, not to 1", sum)
	}
	switch {
	case len(s.Ranges) > 0 && len(s.Shares) > 0:
		return node.BadField("split", "give ranges or shares, not both")
	case s.By == "ranges" && len(s.Ranges) == 0:
		return node.BadField("split.by", "ranges needs split.ranges")
	case s.By == "shares" && len(s.Shares) == 0:
		return node.BadField("split.by", "shares needs split.shares")
	}
	return nil
}

// splitProblems gives each problem its split, and drops those outside all ranges.
func splitProblems(s Split, problems iter.Seq2[problem, error]) iter.Seq2[problem, error] {
	if s.By == "shares" || s.By == "auto" && len(s.Shares) > 0 {
		return byShares(s, problems)
	}
	return func(yield func(problem, error) bool) {
		by := s.By
		for q, err := range problems {
			if err != nil {
				yield(q, err)
				return
			}
			if by == "auto" {
				by = resolve(s, q)
			}
			keep, err := splitOne(s, by, &q)
			if err == nil && !keep {
				continue
			}
			if !yield(q, err) || err != nil {
				return
			}
		}
	}
}

// resolve decides how problems are split by what the first one has.
func resolve(s Split, first problem) string {
	switch {
	case len(s.Ranges) > 0:
		return "ranges"
	case first.Split != "":
		return "field"
	default:
		return "none"
	}
}

// splitOne gives a problem its split and reports whether it has one that counts.
func splitOne(s Split, by string, q *problem) (keep bool, err error) {
	switch by {
	case "ranges", "official":
		ranges := s.Ranges
		if by == "official" {
			ranges = official
		}
		if _, err := numberOf(q.ID); err != nil {
			return false, fmt.Errorf("problem %q has no numeric id, so ranges can't split it", q.ID)
		}
		q.Split = splitOf(ranges, q.ID)
		return q.Split != "", nil
	case "field":
		if q.Split == "" {
			return false, fmt.Errorf("problem %s has no split; set split.by to shares, ranges, official or none", q.ID)
		}
		return true, nil
	default:
		if s.By == "auto" && q.Split != "" {
			return false, fmt.Errorf("problem %s has a split, but those before it have none; set split.by", q.ID)
		}
		q.Split = ""
		return true, nil
	}
}

// byShares holds all problems, since each share is one of the whole.
func byShares(s Split, problems iter.Seq2[problem, error]) iter.Seq2[problem, error] {
	return func(yield func(problem, error) bool) {
		var all []problem
		for q, err := range problems {
			if err != nil {
				yield(q, err)
				return
			}
			all = append(all, q)
		}
		splitByShares(s, all)
		for _, q := range all {
			if !yield(q, nil) {
				return
			}
		}
	}
}

func splitOf(ranges map[string]string, id string) string {
	n, err := numberOf(id)
	if err != nil {
		return ""
	}
	for _, name := range slices.Sorted(maps.Keys(ranges)) {
		spans, _ := parseRanges(ranges[name])
		for _, s := range spans {
			if s.low <= n && n <= s.high {
				return name
			}
		}
	}
	return ""
}

// numberOf is a numeric id, or the number in one such as HumanEval/5.
func numberOf(id string) (int, error) {
	return strconv.Atoi(id[strings.LastIndexByte(id, '/')+1:])
}

type span struct{ low, high int }

// parseRanges reads "11-310" or "1-10,20,30-40".
func parseRanges(text string) ([]span, error) {
	var spans []span
	for part := range strings.SplitSeq(text, ",") {
		low, high, ranged := strings.Cut(strings.TrimSpace(part), "-")
		if !ranged {
			high = low
		}
		a, errA := strconv.Atoi(strings.TrimSpace(low))
		b, errB := strconv.Atoi(strings.TrimSpace(high))
		if errA != nil || errB != nil || a > b {
			return nil, fmt.Errorf("%q is no range such as 11-310", part)
		}
		spans = append(spans, span{a, b})
	}
	return spans, nil
}

// splitByShares orders groups of problems with the same prompt by a seeded hash
// and cuts the order by the shares, so that adding problems moves few others.
func splitByShares(s Split, problems []problem) {
	groups := map[string][]int{}
	for i, q := range problems {
		key := hashOf(s.Seed, normalise(q.Prompt))
		groups[key] = append(groups[key], i)
	}
	names := slices.Sorted(maps.Keys(s.Shares))
	slices.SortStableFunc(names, func(a, b string) int { return cmp.Compare(s.Shares[b], s.Shares[a]) })
	done := 0
	for _, key := range slices.Sorted(maps.Keys(groups)) {
		at := (float64(done) + float64(len(groups[key]))/2) / float64(len(problems))
		for _, i := range groups[key] {
			problems[i].Split = nameAt(s.Shares, names, at)
		}
		done += len(groups[key])
	}
}

func nameAt(shares map[string]float64, names []string, at float64) string {
	sum := 0.0
	for _, name := range names {
		if sum += shares[name]; at < sum {
			return name
		}
	}
	return names[len(names)-1]
}

func hashOf(seed int, text string) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%d\x00%s", seed, text))
	return hex.EncodeToString(sum[:])
}
