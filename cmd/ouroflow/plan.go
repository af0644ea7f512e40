package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"text/tabwriter"

	"github.com/ouroflow/ouroflow/engine"
	"github.com/ouroflow/ouroflow/engine/report"
	"github.com/ouroflow/ouroflow/engine/run"
	"github.com/spf13/cobra"
)

func (a *app) planCommand() *cobra.Command {
	var flags pipelineFlags
	var asJSON bool
	var against string
	c := &cobra.Command{
		Use:   "plan PIPELINE",
		Short: "Tell what a run would compute, and why; nothing is written",
		Args:  args(cobra.ExactArgs(1)),
		RunE: func(_ *cobra.Command, args []string) error {
			if err := checkAgainst(a.runs(), against); err != nil {
				return err
			}
			if !asJSON {
				if done, err := a.planUnchanged(args[0], &flags); done || err != nil {
					return err
				}
			}
			p, err := flags.load(args[0])
			if err != nil {
				return err
			}
			predictions, err := a.engine(args[0]).Predict(context.Background(), p, against)
			if err != nil {
				return err
			}
			if asJSON {
				return json.NewEncoder(a.stdout).Encode(predictions)
			}
			return a.printPlan(predictions)
		},
	}
	flags.register(c)
	c.Flags().StringVar(&against, "against", "", "compare with this run, not with the newest of the pipeline")
	c.Flags().BoolVar(&asJSON, "json", false, "print a JSON array")
	return c
}

// planUnchanged tells of a large pipeline of which nothing has changed since it ran,
// without planning it.
func (a *app) planUnchanged(file string, flags *pipelineFlags) (done bool, err error) {
	var cmd run.Command
	if err := flags.fill(&cmd, file); err != nil {
		return false, err
	}
	content, err := os.ReadFile(file)
	if err != nil {
		return false, usageError{err}
	}
	m := a.engine(file).Earlier(engine.MemoKey(cmd), content)
	if !m.Holds() || m.Nodes() <= report.ManyNodes {
		return false, nil
	}
	_, err = fmt.Fprintf(a.stdout, "nothing has changed: all %d nodes are cached, %d rows known\n", m.Nodes(), m.Rows())
	return true, err
}

// printPlan writes a line for each node, and what those that run will cost.
func (a *app) printPlan(predictions []engine.Prediction) error {
	t := tabwriter.NewWriter(a.stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "NODE\tTYPE\tPLAN\tROWS KNOWN\tTO COMPUTE\tESTIMATE\tWHY")
	var seconds float64
	var tokens int64
	for _, p := range predictions {
		state, known, missing := "run", "?", "?"
		if p.Cached {
			state = "cached"
		}
		if p.Missing >= 0 {
			known, missing = fmt.Sprint(p.Known), fmt.Sprint(p.Missing)
		}
		if p.AtMost {
			known, missing = "?", "<= "+missing
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", p.ID, p.Type, state, known, missing, or(p.Estimated(), "-"), p.Why)
		seconds += p.Seconds
		tokens += p.Tokens
	}
	if err := t.Flush(); err != nil {
		return err
	}
	if total := (engine.Prediction{Seconds: seconds, Tokens: tokens}).Estimated(); total != "" {
		fmt.Fprintf(a.stdout, "at the rates of earlier runs: %s of work\n", total)
	}
	return nil
}
