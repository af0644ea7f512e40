package dataset

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
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

// applySplit gives each problem its split, and drops those outside all ranges.
func applySplit(s Split, problems []problem) ([]problem, error) {
	switch by := resolve(s, problems); by {
	case "ranges":
		return splitByRanges(s.Ranges, problems)
	case "official":
		return splitByRanges(official, problems)
	case "shares":
		splitByShares(s, problems)
		return problems, nil
	case "field":
		return problems, checkField(problems)
	default:
		for i := range problems {
			problems[i].Split = ""
		}
		return problems, nil
	}
}

func resolve(s Split, problems []problem) string {
	if s.By != "auto" {
		return s.By
	}
	switch {
	case len(s.Ranges) > 0:
		return "ranges"
	case len(s.Shares) > 0:
		return "shares"
	case slices.ContainsFunc(problems, func(q problem) bool { return q.Split != "" }):
		return "field"
	default:
		return "none"
	}
}

func checkField(problems []problem) error {
	for _, q := range problems {
		if q.Split == "" {
			return fmt.Errorf("problem %s has no split; set split.by to shares, ranges, official or none", q.ID)
		}
	}
	return nil
}

func splitByRanges(ranges map[string]string, problems []problem) ([]problem, error) {
	var out []problem
	for _, q := range problems {
		if _, err := strconv.Atoi(q.ID); err != nil {
			return nil, fmt.Errorf("problem %q has no numeric id, so ranges can't split it", q.ID)
		}
		if q.Split = splitOf(ranges, q.ID); q.Split != "" {
			out = append(out, q)
		}
	}
	return out, nil
}

func splitOf(ranges map[string]string, id string) string {
	n, err := strconv.Atoi(id)
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

func describeSplits(problems []problem) string {
	counts := map[string]int{}
	for _, q := range problems {
		counts[orElse(q.Split, "no split")]++
	}
	parts := make([]string, 0, len(counts))
	for _, name := range slices.Sorted(maps.Keys(counts)) {
		parts = append(parts, fmt.Sprintf("%s %d", name, counts[name]))
	}
	return strings.Join(parts, ", ")
}
