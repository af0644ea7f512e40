// Command ouroflow runs declarative pipelines that sample, execute, label, train
// and evaluate: see README.md.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"runtime/debug"
	"strings"

	"github.com/ouroflow/ouroflow/engine"
	"github.com/ouroflow/ouroflow/engine/report"
	"github.com/ouroflow/ouroflow/engine/spec"
	"github.com/spf13/cobra"
	"golang.org/x/term"
)

// Exit statuses.
const (
	exitFailed      = 1 // a run failed, or a command couldn't do its work
	exitUsage       = 2 // a pipeline or a command line is wrong; nothing was started
	exitInterrupted = 130
)

func main() { os.Exit(Main()) }

// Main runs the command line and returns the exit status.
func Main() int {
	out := &checkedWriter{w: shown(os.Stdout)}
	a := &app{stdout: out, stderr: shown(os.Stderr)}
	err := a.root().ExecuteContext(context.Background())
	if err == nil && out.err != nil {
		err = fmt.Errorf("writing the output: %w", out.err)
	}
	if err != nil {
		a.printError(err)
	}
	return status(err)
}

// shown is where output goes. A terminal gets no control characters of what it shows.
func shown(f *os.File) io.Writer {
	if term.IsTerminal(int(f.Fd())) {
		return report.VisibleWriter{W: f}
	}
	return f
}

// checkedWriter remembers the first error, so that output that was lost is never
// taken for success.
type checkedWriter struct {
	w   io.Writer
	err error
}

// Write implements io.Writer.
func (c *checkedWriter) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	if c.err == nil {
		c.err = err
	}
	return n, err
}

// app is what the commands share.
type app struct {
	stdout, stderr io.Writer
	cacheDir       string
	runsDir        string
}

func (a *app) printError(err error) {
	var problems spec.Problems
	if errors.As(err, &problems) {
		fmt.Fprintf(a.stderr, "%v\n%d problems\n", problems, len(problems))
		return
	}
	fmt.Fprintf(a.stderr, "ouroflow: %v\n", err)
}

// usageError is a wrong command line.
type usageError struct{ error }

func status(err error) int {
	var problems spec.Problems
	var usage usageError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &problems), errors.As(err, &usage), strings.HasPrefix(err.Error(), "unknown command"):
		return exitUsage
	case errors.Is(err, engine.ErrInterrupted):
		return exitInterrupted
	default:
		return exitFailed
	}
}

func (a *app) root() *cobra.Command {
	c := &cobra.Command{
		Use:           "ouroflow",
		Short:         "Run pipelines that train verifiers of generated code",
		Long:          "ouroflow runs DAGs described in YAML. What was computed is kept by content, down to the row:\nafter a change only what it affects is computed again.",
		Version:       version(),
		SilenceUsage:  true,
		SilenceErrors: true,
		PersistentPreRunE: func(*cobra.Command, []string) error {
			if _, err := os.Getwd(); err != nil {
				return usageError{fmt.Errorf("the working folder is gone: %w; change to one that exists", err)}
			}
			return nil
		},
	}
	c.SetVersionTemplate("ouroflow {{.Version}}\n")
	c.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usageError{err} })
	flags := c.PersistentFlags()
	flags.StringVar(&a.cacheDir, "cache", os.Getenv("OUROFLOW_CACHE"), "folder of the cache (OUROFLOW_CACHE)")
	flags.StringVar(&a.runsDir, "runs", os.Getenv("OUROFLOW_RUNS"), "folder of the run records (OUROFLOW_RUNS)")
	c.AddCommand(
		a.runCommand(), a.resumeCommand(), a.planCommand(), a.validateCommand(), a.graphCommand(),
		a.nodesCommand(), a.schemaCommand(), a.runsCommand(), a.showCommand(), a.logsCommand(), a.catCommand(),
		a.explainCommand(), a.diffCommand(), a.cacheCommand(),
		a.modelCommand(), a.rankCommand(), a.solveCommand(), a.serveCommand(),
		a.doctorCommand(), a.sandboxCommand(), a.imageCommand(),
	)
	return c
}

// version is set by the linker: -X main.release=v1.2.3 -X main.commit=...
var release, commit = "dev", ""

func version() string {
	c := commit
	if info, ok := debug.ReadBuildInfo(); ok && c == "" {
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" {
				c = s.Value
			}
		}
	}
	if c == "" {
		c = "unknown commit"
	}
	return fmt.Sprintf("%s (%s, %s %s/%s)", release, c, runtime.Version(), runtime.GOOS, runtime.GOARCH)
}

// group is a command that only has others under it.
func group(name, short, long string, under ...*cobra.Command) *cobra.Command {
	c := &cobra.Command{
		Use: name, Short: short, Long: long,
		Args: args(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(under...)
	return c
}

// args wraps a check of positional arguments so that its error is one of usage.
func args(check cobra.PositionalArgs) cobra.PositionalArgs {
	return func(c *cobra.Command, a []string) error {
		if err := check(c, a); err != nil {
			return usageError{fmt.Errorf("%w; see `%s --help`", err, c.CommandPath())}
		}
		return nil
	}
}
