package candidateset

import (
	"fmt"
	"math"
	"slices"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/ouroflow/ouroflow/engine/table"
	"github.com/ouroflow/ouroflow/nodes/internal/codefacts"
)

// Problem has the candidates of one problem.
type Problem struct {
	ID     string
	Prompt string
	Shown  []string // tests that may be seen
	Texts  []Text   // the distinct ones; only Code is set without features
	Of     []int    // the text of each candidate, in the order of the rows
	byCode map[string]int
}

// Candidate is a row of a table of candidates, read as a T.
type Candidate[T any] struct {
	Row      T
	record   arrow.Record
	features *table.Decoder[codefacts.Features]
	shown    *table.Decoder[shown]
	at       int
}

// shown is the one column of the features that is looked at in every row: decoding all of
// them is for new texts.
type shown struct {
	Tests []string `arrow:"shown_tests"`
}

// Each reads a table of candidates row by row, with what code_features found where that
// is asked for.
func Each[T any](in *table.Reader, features bool, each func(Candidate[T]) error) error {
	if missing := table.Misfits(in.Schema(), table.SchemaOf[codefacts.Features]()); features && len(missing) > 0 {
		return fmt.Errorf("this looks at what code_features finds, but those columns aren't in the input (%s): put a code_features node before this one", missing[0])
	}
	for rec, err := range in.Batches() {
		if err != nil {
			return err
		}
		rows, err := table.NewDecoder[T](rec)
		if err != nil {
			return err
		}
		c := Candidate[T]{record: rec}
		if features {
			if c.features, err = table.NewDecoder[codefacts.Features](rec); err != nil {
				return err
			}
			if c.shown, err = table.NewDecoder[shown](rec); err != nil {
				return err
			}
		}
		for c.at = range int(rec.NumRows()) {
			c.Row = rows.Row(c.at)
			if err := each(c); err != nil {
				return err
			}
		}
	}
	return nil
}

// Shown is how many tests of its problem may be known of the candidate.
func (c Candidate[T]) Shown() int {
	if c.shown == nil {
		return 0
	}
	return len(c.shown.Row(c.at).Tests)
}

// number returns the value of a further column of numbers, nil if there is no such column or
// no value in it.
func (c Candidate[T]) number(column string) *float64 {
	at := c.record.Schema().FieldIndices(column)
	if len(at) == 0 || c.record.Column(at[0]).IsNull(c.at) {
		return nil
	}
	switch values := c.record.Column(at[0]).(type) {
	case *array.Float64:
		return new(values.Value(c.at))
	case *array.Int64:
		return new(float64(values.Value(c.at)))
	}
	return nil
}

// Logprob is the mean log-probability of the candidate's tokens by the model that wrote
// it, NaN if the table doesn't have it.
func (c Candidate[T]) Logprob() float64 {
	return MeanLogprob(c.number("logprob_sum"), c.number("logprob_tokens"))
}

// MeanLogprob is the mean by token of a sum of log-probabilities, NaN where it isn't known:
// servers say that a token is impossible where they know nothing of it.
func MeanLogprob[N int64 | float64](sum *float64, tokens *N) float64 {
	if sum == nil || tokens == nil || *tokens <= 0 || math.IsInf(*sum, 0) {
		return math.NaN()
	}
	return *sum / float64(*tokens)
}

// AddTo adds the candidate to those of a problem.
func (c Candidate[T]) AddTo(p *Problem, code string) error {
	if p.Shown == nil && c.shown != nil {
		p.Shown = c.shown.Row(c.at).Tests
	}
	return p.add(code, c.Logprob(), func() (Text, error) { return c.text(code) })
}

// text is that of the candidate, with its features if they are read.
func (c Candidate[T]) text(code string) (Text, error) {
	if c.features == nil {
		return Text{Code: code}, nil
	}
	return NewText(code, c.features.Row(c.at))
}

// Text returns the text of the candidate, by itself.
func (c Candidate[T]) Text(code string) (Text, error) {
	t, err := c.text(code)
	t.logprobs = []float64{c.Logprob()}
	return t, err
}

// With returns the problem with one candidate more, after the others.
func (p *Problem) With(t Text) *Problem {
	more := &Problem{ID: p.ID, Prompt: p.Prompt, Shown: p.Shown, Texts: slices.Clone(p.Texts)}
	at := slices.IndexFunc(more.Texts, func(known Text) bool { return known.Code == t.Code })
	if at < 0 {
		at = len(more.Texts)
		more.Texts = append(more.Texts, t)
	} else {
		known := &more.Texts[at]
		known.logprobs = slices.Concat(known.logprobs, t.logprobs)
	}
	more.Of = append(slices.Clone(p.Of), at)
	return more
}

// Has tells whether a program is one of the problem's candidates.
func (p *Problem) Has(t Text) bool {
	return slices.ContainsFunc(p.Texts, func(known Text) bool {
		return known.Code == t.Code || t.Keys[AST] != "" && known.Keys[AST] == t.Keys[AST]
	})
}

// Add adds a candidate that isn't in a table: its log-probability may be NaN, and its
// features nil, where they aren't known.
func (p *Problem) Add(code string, logprob float64, f *codefacts.Features) error {
	if p.Shown == nil && f != nil {
		p.Shown = f.Shown
	}
	return p.add(code, logprob, func() (Text, error) {
		if f == nil {
			return Text{Code: code}, nil
		}
		return NewText(code, *f)
	})
}

// add makes the text of a candidate if it is new.
func (p *Problem) add(code string, logprob float64, text func() (Text, error)) error {
	if p.byCode == nil {
		p.byCode = map[string]int{}
	}
	at, known := p.byCode[code]
	if !known {
		t, err := text()
		if err != nil {
			return err
		}
		at = len(p.Texts)
		p.byCode[code], p.Texts = at, append(p.Texts, t)
	}
	p.Texts[at].logprobs = append(p.Texts[at].logprobs, logprob)
	p.Of = append(p.Of, at)
	return nil
}
