package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/ouroflow/ouroflow/engine"
	"github.com/ouroflow/ouroflow/engine/event"
	"github.com/ouroflow/ouroflow/engine/plan"
	"github.com/ouroflow/ouroflow/engine/report"
	"github.com/ouroflow/ouroflow/engine/run"
	"github.com/ouroflow/ouroflow/engine/spec"
	"github.com/ouroflow/ouroflow/nodes"
	"github.com/spf13/cobra"
	"golang.org/x/term"
)

func (a *app) runCommand() *cobra.Command {
	var flags pipelineFlags
	var cmd run.Command
	var how display
	c := &cobra.Command{
		Use:   "run PIPELINE",
		Short: "Run a pipeline; what is known isn't computed again",
		Example: "  ouroflow run pipelines/phase11.yaml\n" +
			"  ouroflow run pipelines/phase11.yaml --set n=10 --to verdicts\n" +
			"  ouroflow run pipelines/phase11.yaml -p gpu",
		Args: args(cobra.ExactArgs(1)),
		RunE: func(_ *cobra.Command, args []string) error {
			if err := errors.Join(how.check(a.runs()), flags.fill(&cmd, args[0])); err != nil {
				return err
			}
			return a.run(args[0], cmd, &flags, how)
		},
	}
	flags.register(c)
	c.Flags().StringArrayVar(&cmd.To, "to", nil, "run NODE and what it needs, nothing else (may be repeated)")
	c.Flags().StringArrayVar(&cmd.Force, "force", nil, "compute NODE again, then whatever its new output changes (may be repeated)")
	c.Flags().BoolVar(&cmd.KeepGoing, "keep-going", false, "after a failure, run everything that doesn't depend on it")
	how.register(c)
	return c
}

// display says how a run is shown and checked.
type display struct {
	json    bool
	against string
	verify  float64
}

func (d *display) register(c *cobra.Command) {
	c.Flags().Float64Var(&d.verify, "verify-cache", 0, "compute this share of what is known again, 0 to 1, and fail where the result differs")
	c.Flags().BoolVar(&d.json, "json", false, "print one event per line as JSON")
	c.Flags().StringVar(&d.against, "against", "", "say why nodes run by comparison with this run, not with the newest of the pipeline")
}

// check finds values that can't be meant.
func (d *display) check(runs run.Dir) error {
	if !(d.verify >= 0 && d.verify <= 1) { // which not-a-number isn't
		return usageError{fmt.Errorf("--verify-cache %g: want a share from 0 to 1", d.verify)}
	}
	return checkAgainst(runs, d.against)
}

// checkAgainst makes sure that there is a run to compare with, if one is named.
func checkAgainst(runs run.Dir, name string) error {
	if name == "" {
		return nil
	}
	if _, err := runs.Find(name); err != nil {
		return usageError{fmt.Errorf("--against: %w", err)}
	}
	return nil
}

func (a *app) resumeCommand() *cobra.Command {
	var how display
	c := &cobra.Command{
		Use:   "resume [RUN]",
		Short: "Run again what a run was asked to, with the same pipeline and settings",
		Long: "resume starts a new run with the pipeline file as the old run read it and the same settings.\n" +
			"Everything that the old run computed is in the cache, down to the rows that were saved when it ended.\nRUN is an id, a unique prefix of one, or last (the default).",
		Args: args(cobra.MaximumNArgs(1)),
		RunE: func(_ *cobra.Command, args []string) error {
			if err := how.check(a.runs()); err != nil {
				return err
			}
			old, err := a.loadEnded(first(args))
			if err != nil {
				return err
			}
			if old.Status == event.Running {
				return fmt.Errorf("run %s is still running", old.ID)
			}
			return a.resume(old, how)
		},
	}
	how.register(c)
	return c
}

// run runs a pipeline. If nothing has changed since it ran before, it isn't even
// read beyond its bytes.
func (a *app) run(file string, cmd run.Command, flags *pipelineFlags, how display) error {
	content, err := os.ReadFile(file)
	if err != nil {
		return usageError{err}
	}
	req := engine.Request{Pipeline: content, Command: cmd, Memo: engine.MemoKey(cmd), Verify: how.verify, Against: how.against}
	e := a.engine(file)
	if err := e.Prepare(&req, file, flags.options()); err != nil {
		return err
	}
	if req.Plan == nil {
		return a.recall(e, req, how)
	}
	return a.execute(file, req, how)
}

// recall ends a run that has nothing to do.
func (a *app) recall(e *engine.Engine, req engine.Request, how display) error {
	if how.json {
		req.Sinks = []event.Sink{report.NewJSON(a.stdout)}
	}
	id, err := e.Recall(req)
	if err != nil || how.json {
		return err
	}
	if req.Since.Nodes() <= report.ManyNodes {
		record, err := e.Runs.Load(id)
		if err == nil {
			report.Summary(a.stdout, record)
		}
		return err
	}
	fmt.Fprintf(a.stdout, "run %s: nothing has changed; %d nodes, %d rows known\n", id, req.Since.Nodes(), req.Since.Rows())
	return nil
}

// first is the argument RUN, which may be left out.
func first(args []string) string {
	if len(args) == 0 {
		return "last"
	}
	return args[0]
}

func (a *app) resume(old *run.Record, how display) error {
	content, err := a.runs().Pipeline(old)
	if err != nil {
		return err
	}
	cache, err := absOrEmpty(a.cacheDir)
	if err != nil {
		return err
	}
	runsDir, err := absOrEmpty(a.runsDir)
	if err != nil {
		return err
	}
	a.cacheDir, a.runsDir = cache, runsDir
	if err := os.Chdir(old.Command.Dir); err != nil {
		if len(old.Command.ParamFiles) > 0 {
			return fmt.Errorf("returning to the folder of the run, where its parameter files are: %w; make it again, or run the pipeline anew", err)
		}
		fmt.Fprintf(a.stderr, "ouroflow: the folder that the run was started in is gone (%v); going on from here\n", err)
	}
	cmd := old.Command
	cmd.Resumes = old.ID
	opts := spec.Options{Profiles: cmd.Profiles, Sets: cmd.Sets, ParamFiles: cmd.ParamFiles}
	p, err := engine.Load(cmd.File, content, nodes.Standard(), opts)
	if err != nil {
		return err
	}
	return a.execute(cmd.File, engine.Request{Plan: p, Pipeline: content, Command: cmd, Verify: how.verify, Against: how.against}, how)
}

func absOrEmpty(dir string) (string, error) {
	if dir == "" {
		return "", nil
	}
	return filepath.Abs(dir)
}

// execute runs a plan and prints what happens.
func (a *app) execute(file string, req engine.Request, how display) error {
	if err := known(req.Plan, req.Command.To); err != nil {
		return err
	}
	shown := req.Plan
	if len(req.Command.To) > 0 {
		shown = req.Plan.To(req.Command.To...)
	}
	if err := known(shown, req.Command.Force); err != nil {
		return err
	}
	signal.Ignore(syscall.SIGPIPE) // a reader of the progress that goes away doesn't end the run
	ctx, drain, stop := interruptible(a.stderr)
	defer stop()
	sink, finish := a.sink(shown.IDs(), how.json)
	req.Drain, req.Sinks = drain, []event.Sink{sink}
	record, err := a.engine(file).Run(ctx, req)
	finish()
	if record != nil && !how.json {
		fmt.Fprintln(a.stdout)
		report.Summary(a.stdout, record)
	}
	return err
}

func known(p *plan.Plan, ids []string) error {
	for _, id := range ids {
		if p.Step(id) == nil {
			return usageError{fmt.Errorf("the part of the pipeline to run has no node %q%s", id, spec.Nearest(id, p.IDs()))}
		}
	}
	return nil
}

// sink chooses how progress is shown; finish ends it.
func (a *app) sink(order []string, asJSON bool) (sink event.Sink, finish func()) {
	if asJSON {
		return report.NewJSON(a.stdout), func() {}
	}
	if fd := int(os.Stdout.Fd()); term.IsTerminal(fd) {
		width, _, err := term.GetSize(fd)
		if err != nil {
			width = 80
		}
		live := report.NewLive(os.Stdout, order, width)
		return live, live.Close
	}
	return report.NewPlain(a.stdout, order), func() {}
}

// stopGrace is how long a run may take to record that it was stopped at once.
// What it computed is saved in any case.
const stopGrace = time.Second

// interruptible returns a channel that is closed at the first SIGINT or SIGTERM,
// to finish and save what is in flight, and a context that is cancelled at the
// second.
func interruptible(stderr io.Writer) (ctx context.Context, drain <-chan struct{}, stop func()) {
	ctx, cancel := context.WithCancelCause(context.Background())
	closed := make(chan struct{})
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	go func() {
		if _, ok := <-signals; !ok {
			return
		}
		fmt.Fprintln(stderr, "ouroflow: finishing and saving what is in flight; once more to stop at once")
		close(closed)
		if _, ok := <-signals; ok {
			cancel(errors.New("stopped by a second signal"))
			time.Sleep(stopGrace)
			os.Exit(exitInterrupted)
		}
	}()
	return ctx, closed, func() {
		signal.Stop(signals)
		close(signals)
		cancel(nil)
	}
}
