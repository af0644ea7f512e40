package main

import (
	"errors"
	"fmt"

	"github.com/ouroflow/ouroflow/engine/health"
	"github.com/ouroflow/ouroflow/nodes/inference"
	"github.com/ouroflow/ouroflow/nodes/sandbox/containers"
	"github.com/ouroflow/ouroflow/nodes/vllmsample"
	"github.com/spf13/cobra"
)

func (a *app) doctorCommand() *cobra.Command {
	var python, vllm string
	c := &cobra.Command{
		Use:   "doctor",
		Short: "Check what this machine has for sampling, training and executing, and say what to do",
		Args:  args(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			fmt.Fprintln(a.stdout, "sampling")
			health.Print(a.stdout, vllmsample.Examine(c.Context(), vllm))
			fmt.Fprintln(a.stdout, "\ntraining and ranking")
			health.Print(a.stdout, inference.Examine())
			fmt.Fprintln(a.stdout, "\nexecuting")
			findings, usable := containers.Examine(c.Context(), python)
			health.Print(a.stdout, findings)
			if !usable {
				return errors.New("candidates can't be executed here with all protections")
			}
			return nil
		},
	}
	c.Flags().StringVar(&python, "python", "python3", "Python interpreter that candidates would run in")
	c.Flags().StringVar(&vllm, "vllm", "", "program that starts vLLM; else .vllm/serve or vllm is looked for")
	return c
}
