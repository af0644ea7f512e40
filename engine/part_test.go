package engine_test

import (
	"context"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/ouroflow/ouroflow/engine"
	"github.com/ouroflow/ouroflow/engine/node"
	"github.com/ouroflow/ouroflow/engine/plan"
	"github.com/ouroflow/ouroflow/engine/run"
	"github.com/ouroflow/ouroflow/engine/spec"
	"github.com/ouroflow/ouroflow/engine/table"
	"pgregory.net/rapid"
)

// manyNodes is a pipeline of pairs: a source, in all styles of YAML, and a user.
func manyNodes(pairs int) string {
	styles := []string{
		"  a%[1]d: {type: sum, with: {value: %[1]d, name: a%[1]d}}\n",
		"  a%[1]d:\n    type: sum\n    with:\n      value: %[1]d\n      name: a%[1]d\n",
		"  # a comment\n  a%[1]d:\n    type: sum\n    with: {value: %[1]d, name: \"a\n      %[1]d\"}\n",
		"  a%[1]d:\n    type: sum\n    with:\n      name: |\n        a%[1]d\n\n        x: y\n      value: %[1]d\n\n",
		"  a%[1]d: {type: sum,\n    with: {name: 'a%[1]d', value: %[1]d}\n  }\n",
		"  a%[1]d:\n    type: sum\n    with:\n      value: %[1]d\n      name: >-\n        a\n        %[1]d\n",
	}
	var b strings.Builder
	b.WriteString("version: 1\nname: pairs\nparams: {base: 3}\nnodes:\n")
	for i := range pairs {
		fmt.Fprintf(&b, styles[i%len(styles)], i)
		fmt.Fprintf(&b, "  b%[1]d: {type: sum, needs: a%[1]d, with: {value: \"${params.base}\", name: b%[1]d}}\n", i)
	}
	b.WriteString("  alone:\n    type: sum\n    with:\n      name: alone\n      mod: 5\n  z: {type: sum, with: {name: z}}\n\npools: {default: 2}\n")
	return b.String()
}

// prepare is a request for a pipeline as the command line makes it.
func (f *fixture) prepare(text string) (engine.Request, error) {
	req := engine.Request{Pipeline: []byte(text), Memo: engine.MemoKey(run.Command{File: "p.yaml"}), Command: run.Command{File: "p.yaml"}, Drain: make(chan struct{})}
	return req, f.engine.Prepare(&req, "p.yaml", spec.Options{})
}

// again runs or recalls a pipeline and returns its record as it was stored.
func (f *fixture) again(t testing.TB, text string) (req engine.Request, stored *run.Record) {
	t.Helper()
	req, err := f.prepare(text)
	if err != nil {
		t.Fatal(err)
	}
	var id string
	if req.Plan == nil {
		id, err = f.engine.Recall(req)
	} else {
		var r *run.Record
		r, err = f.engine.Run(context.Background(), req)
		id = r.ID
	}
	if err != nil {
		t.Fatal(err)
	}
	if stored, err = f.engine.Runs.Load(id); err != nil {
		t.Fatal(err)
	}
	if found := f.engine.Runs.Check(id); len(found) > 0 {
		t.Fatal(found)
	}
	return req, stored
}

func sizeOf(req engine.Request) string {
	switch {
	case req.Plan == nil:
		return "nothing"
	case req.Since == nil:
		return "everything"
	default:
		return strings.Join(req.Plan.IDs(), " ")
	}
}

// After an edit only what it concerns is planned, and the record is that of a run that
// planned everything.
func TestOnlyWhatChangedIsPlanned(t *testing.T) {
	f := newFixture(t)
	text := manyNodes(30)
	f.again(t, text)
	for _, c := range []struct{ old, new, planned string }{
		{"", "", "nothing"},
		{"value: 12,", "value: 112,", "a12 b12"},
		{"name: b7}", "name: b7, mod: 7}", "a7 b7"},
		{"value: 3\n", "value: 4\n", "a3 b3"},
		{"needs: a20,", "needs: a21,", "everything"}, // what it needs isn't known before
		{"base: 3", "base: 4", "everything"},
		{"  b9:", "  c9:", "everything"},
		{"value: 5\n", "value: 5\n      mod: 3\n", "everything"},
		{"", "", "nothing"},
		{"value: 0,", "value: 1,", "a0 b0"},
	} {
		if c.old != "" && !strings.Contains(text, c.old) {
			continue
		}
		text = strings.Replace(text, c.old, c.new, 1)
		before := f.total()
		req, got := f.again(t, text)
		if sizeOf(req) != c.planned {
			t.Errorf("%q -> %q: planned %s, want %s", c.old, c.new, sizeOf(req), c.planned)
		}
		computed := f.total() - before
		whole, err := f.run(t, text, run.Command{})
		if err != nil || f.total()-before != computed {
			t.Errorf("%q -> %q: a run of everything computed %d more, %v", c.old, c.new, f.total()-before-computed, err)
		}
		compareNodes(t, got, whole)
	}
}

// compareNodes makes sure that two records say the same of what was made.
func compareNodes(t testing.TB, got, want *run.Record) {
	t.Helper()
	if !slices.Equal(got.Order, want.Order) || len(got.Nodes) != len(want.Nodes) {
		t.Errorf("nodes %v, want %v", got.Order, want.Order)
	}
	for id, n := range want.Nodes {
		if g := got.Nodes[id]; g == nil || g.Key != n.Key || !reflect.DeepEqual(g.Outputs, n.Outputs) {
			t.Errorf("%s: got %+v, want %+v", id, g, n)
		}
	}
}

// However a pipeline is edited, a part of it is planned only as it would be planned with
// all the rest.
func TestPartIsPlannedAsWithTheRest(t *testing.T) {
	f := newFixture(t)
	text := manyNodes(60)
	f.again(t, text)
	parts := 0
	var values []int // places of what can be changed at will
	for at := range text {
		if strings.HasSuffix(text[:at], "value: ") || strings.HasSuffix(text[:at], "name: ") {
			values = append(values, at)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		edited := []byte(text)
		for range rapid.IntRange(1, 3).Draw(t, "edits") {
			at := rapid.OneOf(rapid.SampledFrom(values), rapid.IntRange(0, len(text)-1)).Draw(t, "at")
			put := rapid.SampledFrom([]string{"{", "}", "[", "\"", "'", "|", ">", "|+", "&x ", "*x", ":", ": ", "-", "#", " #", " ", "  ", "    ", "\n", "\n  c: 1", "\npools: {}", ",", "1", "1", "1", "1", "x", "x", ""}).Draw(t, "put")
			cut := rapid.IntRange(0, 2).Draw(t, "cut")
			edited = slices.Concat(edited[:min(at, len(edited))], []byte(put), edited[min(at+cut, len(edited)):])
		}
		if f.checkPart(t, string(edited)) {
			parts++
		}
	})
	t.Logf("%d parts were planned", parts)
}

// checkPart reports whether a part of a pipeline is planned.
func (f *fixture) checkPart(t rapid.TB, text string) bool {
	req, err := f.prepare(text)
	if err != nil || req.Since == nil || req.Plan == nil {
		return false
	}
	whole, err := engine.Load("p.yaml", []byte(text), f.engine.Types, spec.Options{})
	if err != nil {
		t.Fatalf("%v was planned, but everything can't be: %v", req.Plan.IDs(), err)
	}
	for _, s := range req.Plan.Steps {
		compareSteps(t, s, whole.Step(s.ID))
	}
	return true
}

// Edits that reach beyond the lines of a node, or would read differently among others.
func TestEditsBeyondANode(t *testing.T) {
	f := newFixture(t)
	text := manyNodes(30)
	f.again(t, text)
	for _, c := range []struct{ old, new string }{
		{"value: 3\n\n", "value: 3\n  c3: {type: sum}\n"},
		{"name: z}}\n\n", "name: z}}\ncache: {}\n"},
		{"name: z}}\n\n", "name: z}}\nname: x\n"},
		{"  z: {type", "    z: {type"},
		{"name: alone\n      mod: 5\n", "fail: |+\n        x\n"},
		{"  b4: {type", "    b4: {type"},
		{"  b4: {type", " b4: {type"},
		{"name: b4}", "name: \"b4}"},
		{"value: 3\n", "value: &three 3\n"},
		{"needs: a4,", "needs: z,"},
		{"value: 9\n\n", "value: 9\n      fail: |+\n"},
		{"value: 1\n", "value: *one\n"},
	} {
		edited := strings.Replace(text, c.old, c.new, 1)
		if edited == text {
			t.Fatalf("no %q", c.old)
		}
		if f.checkPart(t, edited) {
			t.Errorf("%q -> %q: a part is planned", c.old, c.new)
		}
	}
}

func compareSteps(t rapid.TB, got, want *plan.Step) {
	if want == nil {
		t.Fatalf("%s isn't there", got.ID)
	}
	var g, w []string
	for _, s := range []struct {
		step *plan.Step
		out  *[]string
	}{{got, &g}, {want, &w}} {
		for _, p := range node.Params(s.step.Node.Params) {
			*s.out = append(*s.out, p.Name+"="+p.Canonical())
		}
		for _, in := range s.step.Inputs {
			*s.out = append(*s.out, in.Port.Name+"<-"+in.From.ID+"."+in.Output)
		}
		*s.out = append(*s.out, fmt.Sprint(s.step.Spec.Type, s.step.Pool, s.step.Retries, s.step.Timeout))
	}
	if !slices.Equal(g, w) {
		t.Fatalf("%s: got %v, want %v", got.ID, g, w)
	}
}

// What a node says elsewhere by an anchor, in braces, or in metrics of the pipeline, isn't
// left out.
func TestPipelinesThatArePlannedWhole(t *testing.T) {
	nodes := manyNodes(30)
	for name, c := range map[string]struct{ text, old, new string }{
		"anchor": {strings.Replace(nodes, "name: alone", "name: &x alone", 1) + "description: *x\n", "&x alone", "&x lonely"},
		"braces": {"{version: 1, nodes: {\n" + flowNodes(50) + "}}\n", "value: 7}}", "value: 8}}"},
	} {
		f := newFixture(t)
		if req, err := f.prepare(c.text); err != nil || req.Plan == nil {
			t.Fatalf("%s: %v", name, err)
		}
		f.again(t, c.text)
		if f.checkPart(t, strings.Replace(c.text, c.old, c.new, 1)) {
			t.Errorf("%s: a part is planned", name)
		}
	}
}

func flowNodes(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "  n%d: {type: sum, with: {name: n%d, value: %d}},\n", i, i, i)
	}
	return b.String()
}

type gaugeParams struct {
	Value float64 `yaml:"value"`
}

// gauge is a node type with a metric.
func gauge() *node.Type {
	return node.Def[gaugeParams]{
		Name: "gauge", Version: 1,
		Ports: func(gaugeParams) node.Ports {
			return node.Ports{Out: []node.Port{{Name: "metrics", Schema: table.SchemaOf[node.Metric](), Metrics: true}}}
		},
		Run: func(_ context.Context, p gaugeParams, t node.Task) error {
			out, err := t.Out("metrics")
			if err != nil {
				return err
			}
			return table.AppendAll(out, []node.Metric{{Name: "level", Value: p.Value}})
		},
	}.Type()
}

// The names of metrics hang on all nodes, so that those of a node which has none any more
// are gone, and another's get its name.
func TestMetricsAreThoseOfTheWhole(t *testing.T) {
	f := newFixture(t)
	f.engine.Types["gauge"] = gauge()
	text := strings.Replace(manyNodes(30), "  z: {type: sum, with: {name: z}}", "  y: {type: gauge, with: {value: 1}}\n  z: {type: gauge, with: {value: 2}}", 1)
	for _, c := range []struct {
		old, new string
		want     map[string]float64
	}{
		{"", "", map[string]float64{"y.level": 1, "z.level": 2}},
		{"z: {type: gauge, with: {value: 2}}", "z: {type: gauge, with: {value: 3}}", map[string]float64{"y.level": 1, "z.level": 3}},
		{"z: {type: gauge, with: {value: 3}}", "z: {type: sum, with: {value: 3}}", map[string]float64{"level": 1}},
		{"value: 12,", "value: 112,", map[string]float64{"level": 1}},
	} {
		text = strings.Replace(text, c.old, c.new, 1)
		if _, got := f.again(t, text); !maps.Equal(got.Metrics, c.want) {
			t.Errorf("%q -> %q: metrics %v, want %v", c.old, c.new, got.Metrics, c.want)
		}
	}
}
