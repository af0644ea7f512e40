// Package inference ranks candidates with a trained verifier, outside of a pipeline: as
// gomlx_score does, bit for bit.
package inference

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/ouroflow/ouroflow/nodes/codefeatures"
	"github.com/ouroflow/ouroflow/nodes/internal/candidateset"
	"github.com/ouroflow/ouroflow/nodes/internal/codefacts"
	"github.com/ouroflow/ouroflow/nodes/internal/execution"
	"github.com/ouroflow/ouroflow/nodes/internal/gomlxmodel"
	"github.com/ouroflow/ouroflow/nodes/internal/rank"
)

// Files are those of a model artifact: a folder (os.DirFS) or a tree of the cache.
type Files = gomlxmodel.Files

// Options say where candidates are read. Reading executes nothing of them.
type Options struct {
	Runtime string // auto, containerd or process
	Python  string // interpreter whose parser is used
	Backend string // auto, go, xla or xla:PATH
	Workers int    // requests that are worked on at once; 0: one for each processor
	Logf    func(string, ...any)
}

// Request is a problem with its candidates.
type Request struct {
	Prompt     string
	Tests      []string // asserts; as many are used as the model was shown in training
	Entry      string   // name of the function that is asked for; may be empty
	Candidates []string
	Logprobs   []float64 // mean by token of each candidate, NaN where it isn't known; nil: of none
}

// MeanLogprob is that of a candidate with a sum over so many tokens, NaN where it isn't known.
func MeanLogprob[N int64 | float64](sum *float64, tokens *N) float64 {
	return candidateset.MeanLogprob(sum, tokens)
}

// logprob is that of a candidate.
func (r Request) logprob(i int) float64 {
	if i < len(r.Logprobs) {
		return r.Logprobs[i]
	}
	return math.NaN()
}

// Score is what the verifier says of a candidate.
type Score struct {
	Index  int     `json:"index"`  // of the candidate in the request
	Energy float64 `json:"energy"` // low where it is likely to pass
	Spread float64 `json:"spread"` // standard deviation over the models of the ensemble
	Chance float64 `json:"chance"` // to pass: sigma(-energy)
	Parses *bool   `json:"parses"` // null if the model doesn't look
}

// Verifier judges candidates. Each of its workers is used by one goroutine at a time.
type Verifier struct {
	Workers  int
	Shown    int  // tests that the model was shown in training
	Relative bool // an energy depends on the problem's other candidates

	models []*gomlxmodel.Verifier
	reader *codefeatures.Reader // nil if the model doesn't look at features
}

// Open loads a model, once for each worker: a backend doesn't share its tensors.
func Open(ctx context.Context, files Files, o Options) (v *Verifier, err error) {
	place := execution.DefaultPlace()
	place.Runtime, place.Python, place.Workers = cmp.Or(o.Runtime, place.Runtime), cmp.Or(o.Python, place.Python), o.Workers
	if o.Workers < 0 {
		return nil, fmt.Errorf("%d workers; want a number of them, or 0 for one for each processor", o.Workers)
	}
	backend, err := gomlxmodel.ChooseBackend(cmp.Or(o.Backend, gomlxmodel.BackendAuto))
	if err != nil {
		return nil, err
	}
	v = &Verifier{Workers: place.Count()}
	for range v.Workers {
		model, err := gomlxmodel.Load(files)
		if err != nil {
			return nil, err
		}
		m, err := gomlxmodel.NewVerifier(model, backend)
		if err != nil {
			return nil, err
		}
		v.Shown = model.Shown
		v.Relative = m.Encoder.Relative()
		v.models = append(v.models, m)
	}
	if v.models[0].Encoder.NeedsFeatures() {
		v.reader, err = codefeatures.NewReader(ctx, place, o.Logf)
	}
	return v, err
}

// Close ends the workers.
func (v *Verifier) Close() {
	if v.reader != nil {
		v.reader.Close()
	}
}

// Few is the number of candidates below which there is little that an energy could be
// relative to.
const Few = 4

// ErrNoCandidates is the answer to a request without any.
var ErrNoCandidates = errors.New("there are no candidates to rank")

// Score has the n-th worker judge the candidates of each request, in their order.
func (v *Verifier) Score(n int, requests []Request) ([][]Score, error) {
	features, err := v.read(n, requests)
	if err != nil {
		return nil, err
	}
	out := make([][]Score, len(requests))
	for i, r := range requests {
		if len(r.Candidates) == 0 {
			return nil, ErrNoCandidates
		}
		if out[i], err = v.judge(n, r, features[:len(r.Candidates)]); err != nil {
			return nil, err
		}
		features = features[len(r.Candidates):]
	}
	return out, nil
}

// read looks at the candidates of all requests at once.
func (v *Verifier) read(n int, requests []Request) ([]*codefacts.Features, error) {
	var questions []codefeatures.Question
	for _, r := range requests {
		tests := codefeatures.Shown(v.showTests(), r.Tests)
		for _, code := range r.Candidates {
			questions = append(questions, codefeatures.Question{Code: code, Prompt: r.Prompt, Entry: r.Entry, Tests: tests})
		}
	}
	out := make([]*codefacts.Features, len(questions))
	if v.reader == nil {
		return out, nil
	}
	features, err := v.reader.Read(n, questions)
	for i := range features {
		out[i] = &features[i]
	}
	return out, err
}

// showTests is the choice of code_features that the model was trained with.
func (v *Verifier) showTests() string {
	switch v.Shown {
	case 0:
		return "none"
	case 1:
		return "first"
	default:
		return "all"
	}
}

func (v *Verifier) judge(n int, r Request, features []*codefacts.Features) ([]Score, error) {
	p := &candidateset.Problem{Prompt: r.Prompt}
	for i, code := range r.Candidates {
		if err := p.Add(code, r.logprob(i), features[i]); err != nil {
			return nil, err
		}
	}
	judged, err := v.models[n].JudgeNew(p)
	if err != nil {
		return nil, err
	}
	scores := make([]Score, len(judged))
	for i, j := range judged {
		scores[i] = Score{Index: i, Energy: j.Energy, Spread: j.Spread, Chance: rank.Chance(j.Energy)}
		if f := features[i]; f != nil {
			parses := f.AST != nil
			scores[i].Parses = &parses
		}
	}
	return scores, nil
}

// Ranked returns scores with the lowest energy first; equal ones keep their order.
func Ranked(scores []Score) []Score {
	ranked := slices.Clone(scores)
	slices.SortStableFunc(ranked, func(a, b Score) int { return cmp.Compare(a.Energy, b.Energy) })
	return ranked
}
