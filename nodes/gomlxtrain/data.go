package gomlxtrain

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/ouroflow/ouroflow/engine/node"
	"github.com/ouroflow/ouroflow/nodes/internal/candidateset"
	"github.com/ouroflow/ouroflow/nodes/internal/gomlxmodel"
)

// data is what training sees.
type data struct {
	train, validation []*problem
	pools             []*gathered      // of the validation problems, in their order
	folds             []map[string]int // of the problems in train, by deal
	shown             int
}

// without returns what to train and to validate a member on: all but its fold.
func (d *data) without(m gomlxmodel.Member) (train, validation []*problem) {
	if m.Fold == gomlxmodel.NoFold {
		return d.train, d.validation
	}
	for _, q := range d.train {
		if d.folds[m.Deal][q.id] != m.Fold {
			train = append(train, q)
		}
	}
	return train, nil
}

// readData groups the candidates of the two splits by problem. A problem that is in two
// splits would leak: that is an error.
func readData(p Params, e gomlxmodel.Encoder, t node.Task) (*data, error) {
	in, err := t.Table("in")
	if err != nil {
		return nil, err
	}
	defer in.Close()
	g := &grouper{params: p, encoder: e, problems: map[string]*gathered{}, splits: map[string]string{}, refused: map[string]int{}}
	if err := candidateset.Each(in, g.encoder.NeedsFeatures(), g.add); err != nil {
		return nil, err
	}
	if err := g.readDegenerate(t); err != nil {
		return nil, err
	}
	for split, n := range g.refused {
		t.Logf("refused %d rows of split %q", n, split)
	}
	if n := g.alike(); n > 0 {
		t.Logf("%d validation problems have the prompt of a training problem: what is chosen by them may not hold elsewhere", n)
	}
	if g.beyond > 0 {
		t.Logf("left out %d rows beyond %d candidates of a problem", g.beyond, p.Limit)
	}
	d, err := g.data()
	if err != nil {
		return nil, err
	}
	if g.degenerate > 0 {
		t.Logf("%d degenerate versions of candidates are trained on, too", g.degenerate)
	}
	t.Logf("the model tells %d of %d candidates apart; the code of %d is longer than it looks", g.items, g.rows, g.truncated)
	return d, nil
}

// trainsOn tells whether rows of a split are for training.
func (p Params) trainsOn(split string) bool { return split == p.Split || p.Split == "" }

// reads tells whether rows of a split are for training or validation.
func (p Params) reads(split string) bool {
	return p.trainsOn(split) || p.Folds == 0 && split == p.Validation
}

// gathered is a problem whose candidates are still coming.
type gathered struct {
	candidateset.Problem
	split    string
	energies []float64
	joining  []joining
}

// joining is a degenerate version of a candidate. The model is shown what it would see if
// it joined the problem's candidates, but they aren't shown it.
type joining struct {
	text   candidateset.Text
	energy float64
}

type grouper struct {
	params           Params
	encoder          gomlxmodel.Encoder
	problems         map[string]*gathered
	order            []*gathered
	splits           map[string]string
	refused          map[string]int
	rows             int
	items, truncated int
	beyond           int // rows that params.Limit leaves out
	degenerate       int // items that are versions of candidates
	shown            int
}

func (g *grouper) add(c candidateset.Candidate[candidate]) error {
	row := c.Row
	if split, ok := g.splits[row.ProblemID]; ok && split != row.Split {
		return fmt.Errorf("problem %s is in the splits %q and %q: its candidates would leak from one into the other; split by problem", row.ProblemID, split, row.Split)
	}
	g.splits[row.ProblemID] = row.Split
	if !g.params.reads(row.Split) {
		g.refused[row.Split]++
		return nil
	}
	if err := checkEnergy(row); err != nil {
		return err
	}
	q := g.problems[row.ProblemID]
	if q == nil {
		q = &gathered{Problem: candidateset.Problem{ID: row.ProblemID, Prompt: row.Prompt}, split: row.Split}
		g.problems[row.ProblemID] = q
		g.order = append(g.order, q)
	}
	if g.params.Limit > 0 && len(q.energies) == g.params.Limit && g.params.trainsOn(row.Split) {
		g.beyond++
		return nil
	}
	g.rows++
	g.shown = max(g.shown, c.Shown())
	q.energies = append(q.energies, row.Energy)
	return c.AddTo(&q.Problem, row.Code)
}

// readDegenerate reads the input of that name, if there is one.
func (g *grouper) readDegenerate(t node.Task) error {
	if !t.Bound("degenerate") {
		return nil
	}
	in, err := t.Table("degenerate")
	if err != nil {
		return err
	}
	defer in.Close()
	return candidateset.Each(in, g.encoder.NeedsFeatures(), func(c candidateset.Candidate[candidate]) error {
		q := g.problems[c.Row.ProblemID]
		if q == nil || !g.params.trainsOn(q.split) {
			return nil // what chooses an epoch are real candidates
		}
		if err := checkEnergy(c.Row); err != nil {
			return err
		}
		text, err := c.Text(c.Row.Code)
		q.joining = append(q.joining, joining{text, c.Row.Energy})
		return err
	})
}

func checkEnergy(row candidate) error {
	if math.IsNaN(row.Energy) || math.IsInf(row.Energy, 0) {
		return fmt.Errorf("a candidate of problem %s has the energy %v", row.ProblemID, row.Energy)
	}
	return nil
}

func (g *grouper) data() (*data, error) {
	d := &data{shown: g.shown}
	for _, q := range g.order {
		p := g.label(q)
		if g.params.trainsOn(q.split) {
			d.train = append(d.train, p)
		} else {
			d.validation, d.pools = append(d.validation, p), append(d.pools, q)
		}
	}
	if err := g.checkSplit(g.params.Split, d.train); err != nil {
		return nil, err
	}
	if g.params.Folds == 0 {
		return d, g.checkSplit(g.params.Validation, d.validation)
	}
	for deal := range g.params.deals() {
		d.folds = append(d.folds, g.deal(deal))
	}
	return d, g.checkFolds(d)
}

// deal puts every problem into a fold, and those with the same prompt into the same one.
func (g *grouper) deal(number int) map[string]int {
	order := slices.SortedFunc(slices.Values(g.order), func(a, b *gathered) int { return strings.Compare(a.ID, b.ID) })
	rng := rand.New(rand.NewPCG(uint64(g.params.Seed+number), 3))
	rng.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
	folds, byPrompt := map[string]int{}, map[string]int{}
	for _, q := range order {
		fold, known := byPrompt[plain(q.Prompt)]
		if !known {
			fold = len(byPrompt) % g.params.Folds
			byPrompt[plain(q.Prompt)] = fold
		}
		folds[q.ID] = fold
	}
	return folds
}

// plain is a prompt without case and layout.
func plain(prompt string) string { return strings.Join(strings.Fields(strings.ToLower(prompt)), " ") }

// checkFolds makes sure that there is something to learn without each fold.
func (g *grouper) checkFolds(d *data) error {
	prompts := map[string]bool{}
	for _, q := range g.order {
		prompts[plain(q.Prompt)] = true
	}
	if len(prompts) < g.params.Folds {
		return fmt.Errorf("%d problems with different prompts can't be dealt to %d folds", len(prompts), g.params.Folds)
	}
	for _, m := range g.params.members() {
		train, _ := d.without(m)
		if pass, fail := outcomes(train); pass == 0 || fail == 0 {
			return fmt.Errorf("without fold %d there are %d passing and %d failing candidates: there must be both to learn from; take fewer folds or another seed", m.Fold, pass, fail)
		}
	}
	return nil
}

// alike counts the validation problems that have the prompt of a training problem.
func (g *grouper) alike() (n int) {
	train := map[string]bool{}
	for _, q := range g.order {
		if g.params.trainsOn(q.split) {
			train[plain(q.Prompt)] = true
		}
	}
	for _, q := range g.order {
		if !g.params.trainsOn(q.split) && train[plain(q.Prompt)] {
			n++
		}
	}
	return n
}

func (g *grouper) checkSplit(split string, problems []*problem) error {
	if len(problems) == 0 {
		return fmt.Errorf("no row has the split %q; the splits are: %v", split, g.names())
	}
	if pass, fail := outcomes(problems); pass == 0 || fail == 0 {
		return fmt.Errorf("split %q has %d passing and %d failing candidates: there must be both to learn from", split, pass, fail)
	}
	return nil
}

func (g *grouper) names() map[string]int {
	count := map[string]int{}
	for _, split := range g.splits {
		count[split]++
	}
	return count
}

func outcomes(problems []*problem) (pass, fail int) {
	for _, q := range problems {
		pass, fail = pass+len(q.passing), fail+len(q.failing)
	}
	return pass, fail
}
