package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/signal"
	"syscall"

	"github.com/ouroflow/ouroflow/nodes/inference"
	"github.com/spf13/cobra"
)

func (a *app) serveCommand() *cobra.Command {
	var model modelFlags
	address, limits := "127.0.0.1:8010", inference.DefaultLimits()
	c := &cobra.Command{
		Use:   "serve-verifier --model MODEL",
		Short: "Rank candidates over HTTP, as rerankers of vLLM and Cohere do",
		Long: "serve-verifier answers POST /v1/rank and /v1/score, and GET /health, /metrics and /openapi.json, which describes them.\n" +
			"It listens to this machine alone unless told otherwise, and asks nobody for a password: put what does in front of it.",
		Example: "  ouroflow serve-verifier --model last:verifier\n" +
			"  curl -s 127.0.0.1:8010/v1/rank -d '{\"query\": \"Sort a list.\", \"documents\": [\"def f(x): return x.sort()\", \"def f(x): return sorted(x)\"]}'",
		Args: args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.serve(cmd.Context(), model, address, limits)
		},
	}
	model.register(c)
	c.Flags().IntVar(&model.options.Workers, "workers", 0, "requests worked on at once; 0 means one for each processor")
	c.Flags().StringVar(&address, "listen", address, "address and port; port 0 takes a free one")
	c.Flags().IntVar(&limits.Waiting, "queue", limits.Waiting, "requests that may wait; further ones are answered with status 429")
	c.Flags().Int64Var(&limits.Body, "max-body", limits.Body, "largest request, in bytes")
	c.Flags().IntVar(&limits.Candidates, "max-candidates", limits.Candidates, "most candidates of a request")
	c.Flags().DurationVar(&limits.Timeout, "timeout", limits.Timeout, "longest time for a request, waiting included")
	return c
}

func (a *app) serve(ctx context.Context, model modelFlags, address string, limits inference.Limits) error {
	if limits.Waiting < 1 || limits.Body < 1 || limits.Candidates < 1 || limits.Timeout <= 0 {
		return usageError{fmt.Errorf("limits must be above 0")}
	}
	v, name, err := a.openVerifier(ctx, model)
	if err != nil {
		return err
	}
	defer v.Close()
	l, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second signal ends the server at once
	fmt.Fprintf(a.stderr, "ouroflow: serving %s at http://%s\n", name, l.Addr())
	return inference.NewServer(v, name, limits).Serve(ctx, l)
}
