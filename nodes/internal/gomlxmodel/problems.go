package gomlxmodel

import (
	"fmt"

	"github.com/ouroflow/ouroflow/engine/table"
	"github.com/ouroflow/ouroflow/nodes/internal/candidateset"
	"github.com/ouroflow/ouroflow/nodes/internal/codefacts"
)

// Problem has the candidates of one problem.
type Problem struct {
	ID     string
	Prompt string
	Texts  []candidateset.Text // the distinct ones; only Code is set without features
	Of     []int               // the text of each candidate, in the order of the rows
	byCode map[string]int
}

// Candidate is a row of a table of candidates.
type Candidate[T any] struct {
	Row      T
	features *table.Decoder[codefacts.Features]
	at       int
}

// Candidates reads a table row by row, with what code_features found where that is asked
// for.
func Candidates[T any](in *table.Reader, features bool, each func(Candidate[T]) error) error {
	if missing := table.Misfits(in.Schema(), table.SchemaOf[codefacts.Features]()); features && len(missing) > 0 {
		return fmt.Errorf("the encoder looks at what code_features finds, but its columns aren't in the input (%s): put a code_features node before this one", missing[0])
	}
	for rec, err := range in.Batches() {
		if err != nil {
			return err
		}
		rows, err := table.NewDecoder[T](rec)
		if err != nil {
			return err
		}
		c := Candidate[T]{}
		if features {
			if c.features, err = table.NewDecoder[codefacts.Features](rec); err != nil {
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
	if c.features == nil {
		return 0
	}
	return len(c.features.Row(c.at).Shown)
}

// AddTo adds the candidate to those of a problem.
func (c Candidate[T]) AddTo(p *Problem, code string) error {
	if p.byCode == nil {
		p.byCode = map[string]int{}
	}
	at, known := p.byCode[code]
	if !known {
		text, err := c.text(code)
		if err != nil {
			return err
		}
		at = len(p.Texts)
		p.byCode[code], p.Texts = at, append(p.Texts, text)
	}
	p.Of = append(p.Of, at)
	return nil
}

func (c Candidate[T]) text(code string) (candidateset.Text, error) {
	if c.features == nil {
		return candidateset.Text{Code: code}, nil
	}
	return candidateset.NewText(code, c.features.Row(c.at))
}
