package degenerate

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/ouroflow/ouroflow/engine/node/nodetest"
	"pgregory.net/rapid"
)

const code = "import re\ndef f(x):\n    y = x\n    z = y\n    w = z\n    return w\n"

func TestForms(t *testing.T) {
	lines := strings.Split(strings.Trim(code, "\n"), "\n")
	for form, holds := range map[string]func(got []string) bool{
		"looped": func(got []string) bool {
			n := len(got)
			return n > 20 && got[n-1] == got[n-20] && slices.Contains(lines, got[n-1])
		},
		"empty": func(got []string) bool { return slices.Equal(got, []string{"import re", "def f(x):", "    pass"}) },
		"truncated": func(got []string) bool {
			return strings.HasPrefix(code, strings.Join(got, "\n")) && len(got) < len(lines)
		},
		"shuffled": func(got []string) bool {
			same := slices.Equal(slices.Sorted(slices.Values(got)), slices.Sorted(slices.Values(lines)))
			return same && slices.Equal(got[:2], lines[:2])
		},
		"repeated": func(got []string) bool { return slices.Equal(got, slices.Concat(lines, lines)) },
	} {
		got := degrade(form, code, rand.New(rand.NewPCG(1, 0)))
		if !holds(strings.Split(strings.TrimSuffix(got, "\n"), "\n")) {
			t.Errorf("%s:\n%s", form, got)
		}
	}
}

// Nothing is left of a body, whatever its function looks like.
func TestEmptied(t *testing.T) {
	for code, want := range map[string]string{
		"def f(x): return {1: x}":                        "def f(x):\n    pass",
		"def f(\n    x: int = {1: 2}[1],\n):\n    a\n":   "def f(\n    x: int = {1: 2}[1],\n):\n    pass",
		"class A:\n    def f(self):\n        return 1\n": "class A:\n    def f(self):\n        pass",
		"print(1)": "pass",
		"":         "pass",
		"def f(x":  "def f(x\n    pass",
	} {
		if got := degrade("empty", code, nil); got != want+"\n" {
			t.Errorf("%q became %q, want %q", code, got, want)
		}
	}
}

// Whatever the code is, each form makes something of it, and always the same.
func TestAnyCode(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		form, seed := rapid.SampledFrom(names()).Draw(t, "form"), rapid.Uint64().Draw(t, "seed")
		text := rapid.String().Draw(t, "code")
		of := func() string { return degrade(form, text, rand.New(rand.NewPCG(seed, 0))) }
		if got := of(); got != of() {
			t.Fatalf("%q", got)
		}
	})
}

// No version says what a candidate says: a body of one line can't be shuffled.
func TestNoCandidateIsAVersion(t *testing.T) {
	short := []original{{0, "def f(x):\n    return x\n"}, {1, "def f(x):\n    pass\n"}}
	p := Params{Forms: []string{"shuffled", "empty"}}
	if got := p.versions(short, 6, rand.New(rand.NewPCG(1, 0))); len(got) != 0 {
		t.Errorf("made %v", got)
	}
	p.Forms = []string{"repeated"}
	if got := p.versions(short, 6, rand.New(rand.NewPCG(1, 0))); len(got) != 2 {
		t.Errorf("made %v; there are two candidates to repeat", got)
	}
}

type row struct {
	ProblemID string   `arrow:"problem_id"`
	Code      string   `arrow:"code"`
	Sample    int64    `arrow:"sample"`
	Energy    float64  `arrow:"energy"`
	Logprob   *float64 `arrow:"logprob_sum"`
}

type degraded struct {
	row
	Form string `arrow:"degenerate"`
}

// As many are made as are asked for, of every problem, and they keep the other columns.
func TestShare(t *testing.T) {
	b := nodetest.New(t)
	var rows []row
	known := -3.0
	for p := range 3 {
		for i := range 20 {
			rows = append(rows, row{fmt.Sprint(p), fmt.Sprint(code, "print(", i, ")"), int64(100*p + i), 0, &known})
		}
	}
	rows = append(rows, row{"alone", code, 7, 0, &known})
	nodetest.Bind(t, b, "in", rows)
	res, err := b.Run(t, Type(), func(p any) { p.(*Params).Share = 0.25 })
	if err != nil {
		t.Fatal(err)
	}
	count, forms := map[string]int{}, map[string]int{}
	for _, m := range nodetest.Rows[degraded](t, b, res, "out") {
		count[m.ProblemID]++
		forms[m.Form]++
		if m.ProblemID == "alone" && m.Sample != 7 || m.ProblemID == "2" && m.Sample < 200 {
			t.Errorf("a version isn't of its own problem: %+v", m)
		}
		if !math.IsNaN(m.Energy) || m.Logprob != nil {
			t.Errorf("a version has the label or the log-probability of its original: %+v", m)
		}
	}
	if want := map[string]int{"0": 5, "1": 5, "2": 5, "alone": 1}; fmt.Sprint(count) != fmt.Sprint(want) {
		t.Errorf("versions by problem: %v, want %v", count, want)
	}
	if len(forms) != len(names()) {
		t.Errorf("forms: %v", forms)
	}
	again, err := b.Run(t, Type(), func(p any) { p.(*Params).Share = 0.25 })
	if err != nil || again.Outputs["out"].Digest != res.Outputs["out"].Digest {
		t.Errorf("the same seed made others: %v", err)
	}
	if _, err := b.Run(t, Type(), func(p any) { p.(*Params).Forms = []string{"odd"} }); err == nil {
		t.Error("a form that nobody knows was accepted")
	}
}
