package main

import (
	"encoding/json"
	"fmt"
	"text/tabwriter"

	"github.com/ouroflow/ouroflow/engine/explain"
	"github.com/spf13/cobra"
)

func (a *app) diffCommand() *cobra.Command {
	var asJSON bool
	var rows int
	c := &cobra.Command{
		Use:     "diff RUN RUN",
		Short:   "Tell how two runs differ: parameters, keys, outputs, rows, metrics",
		Example: "  ouroflow diff 20261124-09 last",
		Args:    args(cobra.ExactArgs(2)),
		RunE: func(_ *cobra.Command, args []string) error {
			first, err := a.loadRun(args[0])
			if err != nil {
				return err
			}
			second, err := a.loadRun(args[1])
			if err != nil {
				return err
			}
			d, err := explain.Diff(a.store(), first, second, rows)
			if err != nil {
				return err
			}
			if asJSON {
				return json.NewEncoder(a.stdout).Encode(d)
			}
			a.printDiff(d)
			return nil
		},
	}
	c.Flags().IntVar(&rows, "rows", 3, "rows to show of each table that differs, at most")
	c.Flags().BoolVar(&asJSON, "json", false, "print a JSON object")
	return c
}

func (a *app) printDiff(d *explain.RunDiff) {
	fmt.Fprintf(a.stdout, "A %s\nB %s\n", d.A, d.B)
	a.printPairs("parameters that differ", d.Params)
	a.printPairs("versions that differ", d.Versions)
	for _, n := range d.Nodes {
		a.printNodeDiff(n)
	}
	if len(d.Nodes) == 0 {
		fmt.Fprintln(a.stdout, "\nall keys and outputs are the same")
	}
	a.printPairs("metrics", d.Metrics)
}

func (a *app) printPairs(title string, pairs []explain.Pair) {
	if len(pairs) == 0 {
		return
	}
	fmt.Fprintf(a.stdout, "\n%s\n", title)
	t := tabwriter.NewWriter(a.stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "  \tA\tB")
	for _, p := range pairs {
		fmt.Fprintf(t, "  %s\t%s\t%s\n", p.Name, or(oneLine(p.A), "-"), or(oneLine(p.B), "-"))
	}
	t.Flush()
}

func (a *app) printNodeDiff(n explain.NodeDiff) {
	switch {
	case n.States.A == "":
		fmt.Fprintf(a.stdout, "\n%s: only in B\n", n.Node)
		return
	case n.States.B == "":
		fmt.Fprintf(a.stdout, "\n%s: only in A\n", n.Node)
		return
	}
	fmt.Fprintf(a.stdout, "\n%s (A %s, B %s)\n", n.Node, n.States.A, n.States.B)
	a.printChanges("  ", n.Changes)
	for _, o := range n.Outputs {
		fmt.Fprintf(a.stdout, "  output %s: %s -> %s, %d -> %d rows\n", o.Port, o.A.Digest.Short(), o.B.Digest.Short(), o.A.Rows, o.B.Rows)
		if o.Rows == nil {
			continue
		}
		fmt.Fprintf(a.stdout, "    %d rows the same, %d only in A, %d only in B\n", o.Rows.Same, o.Rows.OnlyA, o.Rows.OnlyB)
		for _, row := range o.Rows.A {
			fmt.Fprintln(a.stdout, "    A", row)
		}
		for _, row := range o.Rows.B {
			fmt.Fprintln(a.stdout, "    B", row)
		}
	}
}
