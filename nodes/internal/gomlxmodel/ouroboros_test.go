package gomlxmodel

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/ouroflow/ouroflow/nodes/internal/candidateset"
)

func smallOuroboros() Ouroboros {
	return Ouroboros{
		Sequence: Sequence{Tokenizer: "python", Vocabulary: 256, MaxTokens: 160, PromptTokens: 8},
		Layers:   2, Width: 16, Heads: 2, Inner: 32,
	}
}

// tokenised makes a problem of programs of so many tokens each.
func tokenised(lengths ...int) *candidateset.Problem {
	p := &candidateset.Problem{ID: "p", Prompt: "Add two numbers, please, and return the sum.", Shown: []string{"assert add(1, 2) == 3"}}
	for i, n := range lengths {
		tokens := slices.Repeat([]string{"return", fmt.Sprint("x", i)}, n)[:n]
		p.Texts = append(p.Texts, candidateset.Text{Code: strings.Join(tokens, " "), Tokens: tokens})
		p.Of = append(p.Of, i)
	}
	return p
}

func TestSequence(t *testing.T) {
	o := smallOuroboros()
	e, err := Equip(Config{Encoder: "ouroboros", Ouroboros: &o}, Assets{}, Go)
	if err != nil {
		t.Fatal(err)
	}
	items, of := e.Items(tokenised(3, 151, 152, 0))
	for i, want := range []struct {
		prompt, code, length int
		truncated            bool
	}{{8, 4, 64, false}, {8, 152, 160, false}, {8, 152, 160, true}, {8, 1, 64, false}} {
		got := items[of[i]]
		if len(got.Prompt) != want.prompt || len(got.Code) != want.code || got.Truncated != want.truncated || e.Length(got.Input) != want.length {
			t.Errorf("item %d: %d of prompt, %d of code, length %d, truncated %v; want %+v", i, len(got.Prompt), len(got.Code), e.Length(got.Input), got.Truncated, want)
		}
		cls, sep := int32(1), int32(2)
		if got.Prompt[0] != cls || got.Prompt[7] != sep || got.Code[len(got.Code)-1] != sep {
			t.Errorf("item %d isn't [CLS] prompt [SEP] code [SEP]: %v %v", i, got.Prompt, got.Code)
		}
	}
	if without, _ := e.Items(&candidateset.Problem{Prompt: "Add.", Texts: tokenised(1).Texts, Of: []int{0}}); len(without[0].Prompt) != 4 {
		t.Errorf("no test is shown, but the prompt is %v", without[0].Prompt)
	}
}

// An energy depends neither on what else is scored nor on how far sequences are padded,
// and on where in the code a token is.
func TestOuroborosByItself(t *testing.T) {
	o := smallOuroboros()
	c := Config{Encoder: "ouroboros", Ouroboros: &o, Members: []Member{{Fold: NoFold}}}
	e, err := Equip(c, Assets{}, Go)
	if err != nil {
		t.Fatal(err)
	}
	v := stored(t, c, []Weights{Initial(e, 1)})
	p := tokenised(3, 100, 140, 0)
	all := judge(t, v, p)
	for i, text := range p.Texts {
		alone := judge(t, v, &candidateset.Problem{ID: "p", Prompt: p.Prompt, Shown: p.Shown, Texts: []candidateset.Text{text}, Of: []int{0}})
		if alone[0] != all[i] {
			t.Errorf("program %d has the energy %v alone, %v with others", i, alone[0], all[i])
		}
	}
	turned := tokenised(3)
	slices.Reverse(turned.Texts[0].Tokens)
	turned.Texts[0].Tokens[0] = "x9"
	if judge(t, v, turned)[0] == all[0] {
		t.Error("the order of tokens doesn't matter")
	}
}

func TestOuroborosSizes(t *testing.T) {
	for name, damage := range map[string]func(*Ouroboros){
		"heads that don't divide the width": func(o *Ouroboros) { o.Heads = 3 },
		"an odd size of heads":              func(o *Ouroboros) { o.Heads = 16 },
		"no room for code":                  func(o *Ouroboros) { o.PromptTokens = 155 },
		"no layers":                         func(o *Ouroboros) { o.Layers = 0 },
		"a small vocabulary":                func(o *Ouroboros) { o.Vocabulary = 20 },
		"a tokenizer without its file":      func(o *Ouroboros) { o.Tokenizer = "file" },
		"a tokenizer that nobody knows":     func(o *Ouroboros) { o.Tokenizer = "odd" },
	} {
		o := smallOuroboros()
		damage(&o)
		if _, err := Equip(Config{Encoder: "ouroboros", Ouroboros: &o}, Assets{}, Go); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}
