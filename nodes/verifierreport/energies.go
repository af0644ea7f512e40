package verifierreport

import (
	"cmp"
	"maps"
	"slices"

	"github.com/ouroflow/ouroflow/nodes/internal/rank"
)

// verdictRow is a row of the table verdicts.
type verdictRow struct {
	Verdict    string  `arrow:"verdict"`
	Candidates int64   `arrow:"candidates"`
	Mean       float64 `arrow:"mean_energy"`
	P10        float64 `arrow:"p10"`
	Median     float64 `arrow:"median"`
	P90        float64 `arrow:"p90"`
}

func byVerdict(problems []*problem) []verdictRow {
	energies := map[string][]float64{}
	each(problems, func(q *problem, i int) {
		energies[q.verdicts[i]] = append(energies[q.verdicts[i]], q.energies[i])
	})
	var rows []verdictRow
	for _, v := range slices.Sorted(maps.Keys(energies)) {
		e := slices.Sorted(slices.Values(energies[v]))
		rows = append(rows, verdictRow{
			v, int64(len(e)), rank.Mean(e, rank.All(len(e))),
			rank.Quantile(e, 0.1), rank.Quantile(e, 0.5), rank.Quantile(e, 0.9),
		})
	}
	return rows
}

// failureRow is a row of the table failures.
type failureRow struct {
	ProblemID string  `arrow:"problem_id"`
	Energy    float64 `arrow:"predicted_energy"`
	Verdict   string  `arrow:"verdict"`
	Count     int64   `arrow:"candidates"` // with this energy and verdict
	Passing   int64   `arrow:"passing"`    // candidates of the problem that pass
	Code      string  `arrow:"code"`
}

// failures lists what the verifier is most wrong about, one text for each energy of a
// problem.
func failures(problems []*problem, most int) []failureRow {
	type key struct {
		problem string
		energy  float64
		verdict string
	}
	at := map[key]int{}
	var rows []failureRow
	each(problems, func(q *problem, i int) {
		if q.passed[i] {
			return
		}
		k := key{q.ID, q.energies[i], q.verdicts[i]}
		row, known := at[k]
		if !known {
			row = len(rows)
			at[k] = row
			rows = append(rows, failureRow{q.ID, q.energies[i], q.verdicts[i], 0, int64(q.pass()), q.Texts[q.Of[i]].Code})
		}
		rows[row].Count++
	})
	slices.SortStableFunc(rows, func(a, b failureRow) int { return cmp.Compare(a.Energy, b.Energy) })
	return rows[:min(most, len(rows))]
}
