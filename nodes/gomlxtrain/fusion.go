package gomlxtrain

import (
	"fmt"
	"io/fs"
	"os"

	"github.com/ouroflow/ouroflow/engine/node"
	"github.com/ouroflow/ouroflow/nodes/internal/gomlxmodel"
)

// fuse fits the weights of the signals that the params name, on the validation problems.
func (p Params) fuse(dir string, pools []*gathered, backend gomlxmodel.Backend, t node.Task) (gomlxmodel.Fusion, error) {
	m, err := gomlxmodel.Load(os.DirFS(dir).(fs.ReadFileFS))
	if err != nil {
		return nil, err
	}
	start := m.Fusion
	m.Fusion = nil
	v, err := gomlxmodel.NewVerifier(m, backend)
	if err != nil {
		return nil, err
	}
	evidence := make([]gomlxmodel.Evidence, len(pools))
	for i, q := range pools {
		if evidence[i], err = q.evidence(v, p.PassBelow); err != nil {
			return nil, err
		}
	}
	fitted := start.Fit(p.Fusion, evidence)
	t.Logf("fusion: %v fitted on %d validation problems gives %v", p.Fusion, len(pools), fitted)
	return fitted, nil
}

// evidence is what the verifier and the labels say of the programs of a problem.
func (q *gathered) evidence(v *gomlxmodel.Verifier, passBelow float64) (gomlxmodel.Evidence, error) {
	judged, err := v.JudgeNew(&q.Problem)
	if err != nil {
		return gomlxmodel.Evidence{}, fmt.Errorf("problem %s: %w", q.ID, err)
	}
	rows, of := q.Signals()
	e := gomlxmodel.Evidence{Energies: make([]float64, len(rows)), Signals: rows, Passed: make([]bool, len(rows))}
	pass, count := make([]float64, len(rows)), make([]float64, len(rows))
	for i, program := range of {
		e.Energies[program] = judged[i].Energy
		count[program]++
		if q.energies[i] < passBelow {
			pass[program]++
		}
	}
	for i := range rows {
		e.Passed[i] = 2*pass[i] > count[i]
	}
	return e, nil
}
