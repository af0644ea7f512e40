package plan_test

import (
	"context"
	"strings"
	"testing"

	"github.com/ouroflow/ouroflow/engine/node"
	"github.com/ouroflow/ouroflow/engine/plan"
	"github.com/ouroflow/ouroflow/engine/spec"
	"github.com/ouroflow/ouroflow/engine/table"
)

type rowA struct {
	ID string `arrow:"id"`
	N  int64  `arrow:"n"`
}

type rowB struct {
	ID    string `arrow:"id"`
	Extra string `arrow:"extra"`
}

type added struct {
	Score float64 `arrow:"score"`
}

type wideParams struct {
	N int `yaml:"n" min:"1"`
}

func registry() node.Registry {
	run := func(context.Context, wideParams, node.Task) error { return nil }
	return node.NewRegistry(
		node.Def[wideParams]{Name: "source", Run: run, Defaults: wideParams{N: 1},
			Check: func(p wideParams) error {
				if p.N == 13 {
					return node.BadField("n", "13 brings bad luck")
				}
				return nil
			},
			Ports: func(wideParams) node.Ports {
				return node.Ports{Out: []node.Port{{Name: "rows", Schema: table.SchemaOf[rowA]()}, {Name: "files"}}}
			}}.Type(),
		node.Def[wideParams]{Name: "sink", Run: run, Defaults: wideParams{N: 1}, Ports: func(wideParams) node.Ports {
			return node.Ports{
				In:  []node.Port{{Name: "in", Schema: table.SchemaOf[rowB]()}, {Name: "model", Optional: true}},
				Out: []node.Port{{Name: "out", Schema: table.SchemaOf[rowB]()}},
			}
		}}.Type(),
		node.RowDef[struct{}, rowA, added]{Name: "score", Run: func(context.Context, struct{}, *node.Work[rowA, added]) error { return nil }}.Type(),
	)
}

func make(t *testing.T, text string) (*plan.Plan, error) {
	t.Helper()
	p, c := spec.Parse("p.yaml", []byte("version: 1\nname: p\nnodes:\n"+text), spec.Options{})
	return plan.Make(p, registry(), c)
}

func TestOrderAndSchemas(t *testing.T) {
	p, err := make(t, "  c: {type: score, needs: b}\n  b: {type: score, needs: a}\n  a: {type: source}\n")
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(p.IDs(), " "); got != "a b c" {
		t.Errorf("order = %s", got)
	}
	if got := table.Describe(p.Step("c").Outputs[0].Schema); got != "id string, n int64, score double" && got != "id string, n int64, score float64" {
		t.Errorf("schema of c = %s", got)
	}
	if got := strings.Join(p.To("b").IDs(), " "); got != "a b" {
		t.Errorf("to b = %s", got)
	}
	for _, drawing := range []string{p.Mermaid(), p.DOT()} {
		if !strings.Contains(drawing, "score") {
			t.Errorf("drawing lacks a node:\n%s", drawing)
		}
	}
}

func TestProblems(t *testing.T) {
	for name, test := range map[string]struct {
		text string
		want []string
	}{
		"unknown type":   {"  a: {type: sorce}\n", []string{`p.yaml:4:13: no node type is named "sorce"; did you mean "source"?`}},
		"unknown param":  {"  a: {type: source, with: {m: 1}}\n", []string{`unknown key "m"`}},
		"check":          {"  a: {type: source, with: {n: 13}}\n", []string{`"n": 13 brings bad luck`, "p.yaml:4:31"}},
		"unknown node":   {"  a: {type: source}\n  b: {type: score, needs: aa}\n", []string{`no node is named "aa"; did you mean "a"?`}},
		"unbound":        {"  b: {type: score}\n", []string{`input "in" of node "b" (score) is not bound`}},
		"unknown input":  {"  a: {type: source}\n  b: {type: score, needs: {inn: a}}\n", []string{`score has no input "inn"; did you mean "in"?`}},
		"unknown output": {"  a: {type: source}\n  b: {type: score, needs: a.row}\n", []string{`node "a" (source) has no output "row"; did you mean "rows"?`}},
		"no inputs":      {"  a: {type: source}\n  b: {type: source, needs: a}\n", []string{"source takes no input"}},
		"misfit":         {"  a: {type: source}\n  b: {type: sink, needs: a}\n", []string{`a.rows doesn't fit input "in": column "extra" (utf8) is missing; there are: id, n`}},
		"tree for table": {"  a: {type: source}\n  b: {type: score, needs: a.files}\n", []string{`input "in" wants a table, but a.files is a tree of files`}},
		"unknown pool":   {"  a: {type: source, pool: gpu}\n", []string{`no pool is named "gpu"`}},
		"cycle":          {"  a: {type: score, needs: c}\n  b: {type: score, needs: a}\n  c: {type: score, needs: b}\n", []string{"nodes need each other in a circle: a -> b -> c -> a"}},
		"self":           {"  a: {type: score, needs: a}\n", []string{"in a circle: a -> a"}},
		"all at once":    {"  a: {type: nope}\n  b: {type: source, with: {n: 0}}\n  c: {type: score, needs: d}\n", []string{`"nope"`, "at least 1", `no node is named "d"`}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := make(t, test.text)
			if err == nil {
				t.Fatal("no problems")
			}
			for _, want := range test.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("problems lack %q:\n%v", want, err)
				}
			}
		})
	}
}
