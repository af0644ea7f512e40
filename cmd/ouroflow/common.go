package main

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"

	"github.com/ouroflow/ouroflow/engine"
	"github.com/ouroflow/ouroflow/engine/plan"
	"github.com/ouroflow/ouroflow/engine/run"
	"github.com/ouroflow/ouroflow/engine/spec"
	"github.com/ouroflow/ouroflow/nodes"
	"github.com/spf13/cobra"
)

// pipelineFlags are the flags of every command that reads a pipeline.
type pipelineFlags struct {
	profiles   []string
	sets       []string
	paramFiles []string
}

func (f *pipelineFlags) register(c *cobra.Command) {
	c.Flags().StringArrayVarP(&f.profiles, "profile", "p", nil, "apply a profile of the pipeline (may be repeated)")
	c.Flags().StringArrayVar(&f.sets, "set", nil, "set a parameter, n=50, or a setting, nodes.ID.with.KEY=VALUE (may be repeated)")
	c.Flags().StringArrayVar(&f.paramFiles, "params-file", nil, "YAML file of parameters (may be repeated)")
}

// fill records in cmd what the flags and the place of the command add to a pipeline.
func (f *pipelineFlags) fill(cmd *run.Command, file string) (err error) {
	if cmd.File, err = filepath.Abs(file); err != nil {
		return err
	}
	if cmd.Dir, err = os.Getwd(); err != nil {
		return fmt.Errorf("the working folder is gone: %w; change to one that exists", err)
	}
	cmd.Profiles, cmd.Sets, cmd.ParamFiles = f.profiles, f.sets, f.paramFiles
	return nil
}

func (f *pipelineFlags) options() spec.Options {
	return spec.Options{Profiles: f.profiles, Sets: f.sets, ParamFiles: f.paramFiles}
}

func (f *pipelineFlags) load(file string) (*plan.Plan, error) {
	content, err := os.ReadFile(file)
	if err != nil {
		return nil, usageError{err}
	}
	return engine.Load(file, content, nodes.Standard(), f.options())
}

// folders are where the cache and the runs are.
type folders struct{ cache, runs string }

// folders returns those that the flags or the environment name, or else those of
// the project that near lies in.
func (a *app) folders(near string) folders {
	base := projectDir(near)
	return folders{absolute(or(a.cacheDir, filepath.Join(base, "cache"))), absolute(or(a.runsDir, filepath.Join(base, "runs")))}
}

// absolute makes a path independent of the working folder, which may go away.
func absolute(path string) string {
	if abs, err := filepath.Abs(path); err == nil {
		return abs
	}
	return path
}

func (a *app) engine(near string) *engine.Engine {
	version := map[string]string{"ouroflow": version(), "go": runtime.Version()}
	f := a.folders(near)
	return engine.New(nodes.Standard(), f.cache, f.runs, version)
}

func (a *app) runs() run.Dir { return run.Dir(a.folders("").runs) }

func or(s, fallback string) string {
	if s != "" {
		return s
	}
	return fallback
}

// projectDir is the folder beside whose go.mod the pipeline lies, at whatever
// depth, or else the pipeline's own; without a pipeline, the same for the
// working folder.
func projectDir(file string) string {
	start := "."
	if file != "" {
		start = filepath.Dir(file)
	}
	start, err := filepath.Abs(start)
	if err != nil {
		return "."
	}
	for dir := start; ; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		if dir == filepath.Dir(dir) {
			return start
		}
	}
}
