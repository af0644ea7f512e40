package main

import (
	"fmt"

	"github.com/spf13/cobra"
)

func (a *app) validateCommand() *cobra.Command {
	var flags pipelineFlags
	c := &cobra.Command{
		Use:   "validate PIPELINE",
		Short: "Check a pipeline and report every problem with its place",
		Args:  args(cobra.ExactArgs(1)),
		RunE: func(_ *cobra.Command, args []string) error {
			p, err := flags.load(args[0])
			if err != nil {
				return err
			}
			fmt.Fprintf(a.stdout, "%s: %d nodes, no problems\n", args[0], len(p.Steps))
			return nil
		},
	}
	flags.register(c)
	return c
}

func (a *app) graphCommand() *cobra.Command {
	var flags pipelineFlags
	var format string
	c := &cobra.Command{
		Use:   "graph PIPELINE",
		Short: "Draw a pipeline as a Mermaid or Graphviz graph",
		Args:  args(cobra.ExactArgs(1)),
		RunE: func(_ *cobra.Command, args []string) error {
			p, err := flags.load(args[0])
			if err != nil {
				return err
			}
			switch format {
			case "mermaid":
				fmt.Fprint(a.stdout, p.Mermaid())
			case "dot":
				fmt.Fprint(a.stdout, p.DOT())
			default:
				return usageError{fmt.Errorf("unknown format %q; use mermaid or dot", format)}
			}
			return nil
		},
	}
	flags.register(c)
	c.Flags().StringVar(&format, "format", "mermaid", "mermaid or dot")
	return c
}
