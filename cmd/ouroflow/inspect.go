package main

import (
	"encoding/json"
	"fmt"
	"text/tabwriter"
	"time"

	"github.com/ouroflow/ouroflow/engine/event"
	"github.com/ouroflow/ouroflow/engine/report"
	"github.com/ouroflow/ouroflow/engine/run"
	"github.com/spf13/cobra"
)

func (a *app) runsCommand() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "runs",
		Short: "List the runs, newest last",
		Args:  args(cobra.NoArgs),
		RunE: func(*cobra.Command, []string) error {
			runs := a.runs()
			ids, err := runs.IDs()
			if err != nil {
				return err
			}
			t := tabwriter.NewWriter(a.stdout, 0, 0, 2, ' ', 0)
			if !asJSON {
				fmt.Fprintln(t, "RUN\tPIPELINE\tSTATUS\tSTARTED\tNODES\tROWS COMPUTED")
			}
			for _, id := range ids {
				r, err := runs.Load(id)
				if err != nil {
					fmt.Fprintf(a.stderr, "ouroflow: %v\n", err)
					continue
				}
				if asJSON {
					if err := json.NewEncoder(a.stdout).Encode(r); err != nil {
						return err
					}
					continue
				}
				fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%d\t%d\n", r.ID, r.Pipeline, r.Status, r.Started.Format(time.DateTime), len(r.Nodes), computed(r))
			}
			return t.Flush()
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print one record per line as JSON")
	c.AddCommand(a.runsRemoveCommand())
	return c
}

func (a *app) runsRemoveCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "rm RUN...",
		Short: "Remove the records of runs; what they computed stays in the cache until gc",
		Args:  args(cobra.MinimumNArgs(1)),
		RunE: func(_ *cobra.Command, args []string) error {
			runs := a.runs()
			for _, name := range args {
				id, err := runs.Find(name)
				if err != nil {
					return err
				}
				if err := runs.Remove(id); err != nil {
					return err
				}
				fmt.Fprintln(a.stdout, "removed", id)
			}
			return nil
		},
	}
}

func computed(r *run.Record) int64 {
	var n int64
	for _, node := range r.Nodes {
		n += node.Rows.Computed
	}
	return n
}

// loadRun resolves the argument RUN.
func (a *app) loadRun(name string) (*run.Record, error) {
	runs := a.runs()
	id, err := runs.Find(name)
	if err != nil {
		return nil, err
	}
	return runs.Load(id)
}

// unlockedWithin is how long the lock of a run that was killed may still be held: a
// child that it was just starting has it until it becomes another program.
const unlockedWithin = time.Second

// loadEnded is loadRun for a run that should have ended: it waits a moment for that.
func (a *app) loadEnded(name string) (*run.Record, error) {
	for end := time.Now().Add(unlockedWithin); ; time.Sleep(unlockedWithin / 20) {
		r, err := a.loadRun(name)
		if err != nil || r.Status != event.Running || time.Now().After(end) {
			return r, err
		}
	}
}

func (a *app) showCommand() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "show [RUN]",
		Short: "Show what became of a run",
		Long:  "show prints the record of a run. RUN is an id, a unique prefix of one, or last (the default).\nThe JSON form is described in docs/format/run.md and only ever grows.",
		Args:  args(cobra.MaximumNArgs(1)),
		RunE: func(_ *cobra.Command, args []string) error {
			r, err := a.loadRun(first(args))
			if err != nil {
				return err
			}
			if !asJSON {
				report.Summary(a.stdout, r)
				return nil
			}
			enc := json.NewEncoder(a.stdout)
			enc.SetIndent("", "  ")
			return enc.Encode(r)
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print the record as one JSON object")
	return c
}

func (a *app) logsCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "logs [RUN] [NODE]",
		Short: "Print the logs of a run, or of one of its nodes",
		Args:  args(cobra.MaximumNArgs(2)),
		RunE: func(_ *cobra.Command, args []string) error {
			r, err := a.loadRun(first(args))
			if err != nil {
				return err
			}
			nodes := r.Order
			if len(args) == 2 {
				if r.Nodes[args[1]] == nil {
					return fmt.Errorf("run %s has no node %q", r.ID, args[1])
				}
				nodes = args[1:]
			}
			logs, err := a.runs().Log(r.ID)
			if err != nil {
				return err
			}
			for _, id := range nodes {
				a.printLog(id, r.Nodes[id], logs[id], len(nodes) > 1)
			}
			return nil
		},
	}
}

func (a *app) printLog(id string, n *run.Node, log string, titled bool) {
	if titled && (log != "" || n.Error != "") {
		fmt.Fprintf(a.stdout, "== %s (%s)\n", id, n.State)
	}
	fmt.Fprint(a.stdout, log)
	for _, damage := range n.Damage {
		fmt.Fprintln(a.stdout, damage)
	}
	if n.State == event.Failed {
		fmt.Fprintln(a.stdout, n.Error)
	}
}
