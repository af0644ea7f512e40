package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"text/tabwriter"

	"github.com/ouroflow/ouroflow/engine/digest"
	"github.com/ouroflow/ouroflow/engine/explain"
	"github.com/ouroflow/ouroflow/engine/run"
	"github.com/spf13/cobra"
)

func (a *app) explainCommand() *cobra.Command {
	var row string
	var asJSON bool
	c := &cobra.Command{
		Use:   "explain RUN NODE",
		Short: "Tell what the key of a node, or of one of its rows, was made of",
		Long: "explain prints the transcript of a key: whatever changes in it makes a new key, and nothing else does.\n" +
			"It then names the nearest key of an earlier run, and where the two differ. RUN is an id, a unique prefix of one, or last.",
		Example: "  ouroflow explain last samples\n  ouroflow explain last verdicts --row 17",
		Args:    args(cobra.ExactArgs(2)),
		RunE: func(_ *cobra.Command, args []string) error {
			r, err := a.loadRun(args[0])
			if err != nil {
				return err
			}
			n := r.Nodes[args[1]]
			if n == nil {
				return fmt.Errorf("run %s has no node %q; it has: %s", r.ID, args[1], strings.Join(r.Order, ", "))
			}
			if row != "" {
				return a.explainRow(n, row, asJSON)
			}
			return a.explainNode(r, args[1], asJSON)
		},
	}
	c.Flags().StringVar(&row, "row", "", "an output row of a row-wise node: its number, from 0, or the beginning of its key")
	c.Flags().BoolVar(&asJSON, "json", false, "print a JSON object")
	return c
}

func (a *app) explainNode(r *run.Record, id string, asJSON bool) error {
	n := r.Nodes[id]
	if len(n.Fields) == 0 {
		return fmt.Errorf("%s has no key in run %s, which left it %s", id, r.ID, n.State)
	}
	near, err := explain.Nearest(a.runs(), r, id)
	if err != nil {
		return err
	}
	if asJSON {
		return json.NewEncoder(a.stdout).Encode(struct {
			Key     string             `json:"key"`
			Fields  digest.Transcript  `json:"fields"`
			Why     string             `json:"why"`
			Nearest *explain.Neighbour `json:"nearest"`
		}{n.Key, n.Fields, n.Why, near})
	}
	fmt.Fprintf(a.stdout, "%s of run %s: %s\nkey %s\n", id, r.ID, n.State, n.Key)
	a.printFields(n.Fields)
	if n.Why != "" {
		fmt.Fprintf(a.stdout, "it ran because: %s\n", n.Why)
	}
	a.printNearest(near)
	return nil
}

func (a *app) printFields(fields digest.Transcript) {
	t := tabwriter.NewWriter(a.stdout, 0, 0, 2, ' ', 0)
	for _, f := range fields {
		fmt.Fprintf(t, "  %s\t%s\n", f.Label, oneLine(f.Value))
	}
	t.Flush()
}

// oneLine keeps values with line breaks from breaking a table.
func oneLine(s string) string {
	if strings.ContainsAny(s, "\n\t") {
		return fmt.Sprintf("%q", s)
	}
	return s
}

func (a *app) printNearest(near *explain.Neighbour) {
	switch {
	case near == nil:
		fmt.Fprintln(a.stdout, "no earlier run has a node of this type")
	case len(near.Changes) == 0:
		fmt.Fprintf(a.stdout, "the same key: %s of run %s\n", near.Node, near.Run)
	default:
		fmt.Fprintf(a.stdout, "nearest earlier key: %s of run %s, which differs in:\n", near.Node, near.Run)
		a.printChanges("  ", near.Changes)
	}
}

func (a *app) printChanges(indent string, changes []digest.Change) {
	t := tabwriter.NewWriter(a.stdout, 0, 0, 2, ' ', 0)
	for _, c := range changes {
		fmt.Fprintf(t, "%s%s\t%s\t->\t%s\n", indent, c.Label, or(oneLine(c.Old), "(none)"), or(oneLine(c.New), "(none)"))
	}
	t.Flush()
}

func (a *app) explainRow(n *run.Node, name string, asJSON bool) error {
	row, err := explain.FindRow(a.store(), n, name)
	if err != nil {
		return err
	}
	if asJSON {
		return json.NewEncoder(a.stdout).Encode(row)
	}
	fmt.Fprintf(a.stdout, "row %d\nkey %s\n", row.Number, row.Key)
	a.printFields(row.Fields)
	if row.Segment == "" {
		fmt.Fprintln(a.stdout, "it isn't stored")
		return nil
	}
	fmt.Fprintf(a.stdout, "stored as row %d of rows/%s/%s.arrow\n", row.At, n.RowKeys.Space, row.Segment)
	return nil
}
