package report

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/ouroflow/ouroflow/engine/event"
	"github.com/ouroflow/ouroflow/engine/run"
)

// ManyNodes is from how many nodes on a summary leaves out those that were cached.
const ManyNodes = 40

// Summary writes what became of a run: a line for each node, the metrics, and
// the causes of failures.
func Summary(w io.Writer, r *run.Record) {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "NODE\tSTATE\tCOMPUTED\tCACHED\tDUPLICATE\tTIME")
	cached := 0
	for _, id := range r.Order {
		n := r.Nodes[id]
		if n == nil {
			continue
		}
		if n.State == event.Cached && len(r.Order) > ManyNodes {
			cached++
			continue
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\n", id, n.State, thousands(n.Rows.Computed), thousands(n.Rows.Cached), thousands(n.Rows.Duplicate), took(n))
	}
	t.Flush()
	if cached > 0 {
		fmt.Fprintf(w, "%s nodes cached\n", thousands(int64(cached)))
	}
	errors(w, r)
	Metrics(w, r)
	fmt.Fprintf(w, "\nrun %s of %s: %s%s\n", r.ID, r.Pipeline, r.Status, wall(r))
}

func took(n *run.Node) string {
	if n.Started == nil || n.Ended == nil {
		return "-"
	}
	return short(n.Ended.Sub(*n.Started))
}

func wall(r *run.Record) string {
	if r.Ended == nil {
		return ""
	}
	return " in " + short(r.Ended.Sub(r.Started).Round(time.Millisecond))
}

// errors writes each root cause once, with how much it kept from running.
func errors(w io.Writer, r *run.Record) {
	skipped := 0
	for _, id := range r.Order {
		n := r.Nodes[id]
		if n != nil && n.State == event.Skipped {
			skipped++
		}
		if n != nil && n.Error != "" {
			fmt.Fprintf(w, "\n%s failed: %s\n  see: ouroflow logs %s %s\n", id, strings.ReplaceAll(n.Error, "\n", "\n  "), r.ID, id)
		}
	}
	if skipped > 0 {
		fmt.Fprintf(w, "nodes skipped because of that: %d\n", skipped)
	}
}

// headline are the metrics that a reader wants first, by their beginning.
var headline = []string{"baseline_", "oracle_", "verifier_pass", "verifier_", "share_", "auroc_"}

// Metrics writes the metrics of a run with their 95% intervals.
func Metrics(w io.Writer, r *run.Record) {
	if len(r.Metrics) == 0 {
		return
	}
	fmt.Fprintln(w)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, name := range metricOrder(r.Metrics) {
		interval := ""
		if i, ok := r.Intervals[name]; ok {
			interval = fmt.Sprintf("[%.4f, %.4f]", i[0], i[1])
		}
		fmt.Fprintf(t, "%s\t%s\t%s\n", name, number(r.Metrics[name]), interval)
	}
	t.Flush()
}

func metricOrder(metrics map[string]float64) []string {
	names := slices.Sorted(maps.Keys(metrics))
	rank := func(name string) int {
		_, bare, _ := strings.Cut(name, ".") // without the node, if one is named
		i := slices.IndexFunc(headline, func(p string) bool { return strings.HasPrefix(name, p) || strings.HasPrefix(bare, p) })
		if i < 0 {
			return len(headline)
		}
		return i
	}
	slices.SortStableFunc(names, func(a, b string) int { return rank(a) - rank(b) })
	return names
}

func number(x float64) string {
	if x == float64(int64(x)) && (x > 1 || x < 0) {
		return thousands(int64(x))
	}
	return fmt.Sprintf("%.4f", x)
}
