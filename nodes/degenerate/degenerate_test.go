package degenerate

import (
	"fmt"
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
		got := degrade(order{form, 1}, code)
		if !holds(strings.Split(strings.TrimSuffix(got, "\n"), "\n")) {
			t.Errorf("%s:\n%s", form, got)
		}
	}
}

// Whatever the code is, each form makes something of it, and always the same.
func TestAnyCode(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		o := order{rapid.SampledFrom(names()).Draw(t, "form"), rapid.Uint64().Draw(t, "seed")}
		text := rapid.String().Draw(t, "code")
		if got := degrade(o, text); got != degrade(o, text) {
			t.Fatalf("%q", got)
		}
	})
}

type row struct {
	ProblemID string `arrow:"problem_id"`
	Code      string `arrow:"code"`
	Sample    int64  `arrow:"sample"`
}

type made struct {
	row
	Form string `arrow:"degenerate"`
}

// As many are made as are asked for, of every problem, and they keep the other columns.
func TestShare(t *testing.T) {
	b := nodetest.New(t)
	var rows []row
	for p := range 3 {
		for i := range 20 {
			rows = append(rows, row{fmt.Sprint(p), code, int64(100*p + i)})
		}
	}
	rows = append(rows, row{"alone", code, 7})
	nodetest.Bind(t, b, "in", rows)
	res, err := b.Run(t, Type(), func(p any) { p.(*Params).Share = 0.25 })
	if err != nil {
		t.Fatal(err)
	}
	count, forms := map[string]int{}, map[string]int{}
	for _, m := range nodetest.Rows[made](t, b, res, "out") {
		count[m.ProblemID]++
		forms[m.Form]++
		if m.ProblemID == "alone" && m.Sample != 7 || m.ProblemID == "2" && m.Sample < 200 {
			t.Errorf("a version isn't of its own problem: %+v", m)
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
