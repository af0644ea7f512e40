package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/ouroflow/ouroflow/engine/digest"
	"github.com/ouroflow/ouroflow/engine/event"
	"github.com/ouroflow/ouroflow/engine/run"
	"github.com/ouroflow/ouroflow/engine/table"
	"github.com/ouroflow/ouroflow/nodes/inference"
	"github.com/spf13/cobra"
)

// modelFlags say which verifier is used, and where candidates are read.
type modelFlags struct {
	model   string
	options inference.Options
}

func (f *modelFlags) register(c *cobra.Command) {
	c.Flags().StringVar(&f.model, "model", "", "verifier: RUN:NODE, a folder that `ouroflow model export` wrote, or a digest")
	c.Flags().StringVar(&f.options.Runtime, "runtime", "auto", "sandbox in which candidates are read, without being run: auto, containerd or process")
	c.Flags().StringVar(&f.options.Python, "python", "python3", "Python interpreter whose parser reads candidates")
	c.Flags().StringVar(&f.options.Backend, "backend", "auto", "what computes: go, xla, xla:PATH of a PJRT plugin, or auto: xla where a plugin is found")
	_ = c.MarkFlagRequired("model") // it exists
}

// modelFiles finds the files of a model, and what names them.
func (a *app) modelFiles(model string) (inference.Files, string, error) {
	if info, err := os.Stat(model); err == nil && info.IsDir() {
		return os.DirFS(model).(fs.ReadFileFS), model, nil
	}
	if d, err := digest.Parse(model); err == nil {
		tree, err := table.OpenTree(a.engine("").Store, d)
		return tree, d.String(), err
	}
	tree, out, _, err := a.modelOfRun(model)
	return tree, out.Digest.String(), err
}

// modelOfRun finds the model that a node of a run made.
func (a *app) modelOfRun(model string) (*table.Tree, event.Output, *run.Record, error) {
	name, id, ok := strings.Cut(model, ":")
	if !ok {
		return nil, event.Output{}, nil, usageError{fmt.Errorf("--model %s: it is no folder, no digest and not RUN:NODE, such as last:verifier", model)}
	}
	r, err := a.loadRun(name)
	if err != nil {
		return nil, event.Output{}, nil, err
	}
	n := r.Nodes[id]
	if n == nil {
		return nil, event.Output{}, nil, fmt.Errorf("run %s has no node %q; it has: %s", r.ID, id, strings.Join(r.Order, ", "))
	}
	out, ok := n.Outputs["model"]
	if !ok {
		return nil, event.Output{}, nil, fmt.Errorf("node %s of run %s has no output named model", id, r.ID)
	}
	tree, err := table.OpenTree(a.engine("").Store, out.Digest)
	if err != nil {
		return nil, out, r, fmt.Errorf("%s: %w; `ouroflow resume %s` computes it again", model, err, r.ID)
	}
	return tree, out, r, nil
}

func (a *app) modelCommand() *cobra.Command {
	export := &cobra.Command{
		Use:     "export RUN:NODE FOLDER",
		Short:   "Write a verifier into a folder, with where it comes from",
		Example: "  ouroflow model export last:verifier verifier/",
		Args:    args(cobra.ExactArgs(2)),
		RunE:    func(_ *cobra.Command, args []string) error { return a.exportModel(args[0], args[1]) },
	}
	return group("model", "Handle trained verifiers", "", export)
}

// provenance is what a model that left the cache says of its making.
type provenance struct {
	Digest   string             `json:"digest"` // of the artifact
	Run      string             `json:"run"`
	Pipeline string             `json:"pipeline"`
	Node     string             `json:"node"`
	Key      string             `json:"key"`     // of the node
	Outputs  map[string]string  `json:"outputs"` // digest of what each node of the run made
	Metrics  map[string]float64 `json:"metrics"` // of the run
	Versions map[string]string  `json:"versions"`
}

const provenanceFile = "provenance.json"

func (a *app) exportModel(model, dir string) error {
	tree, out, r, err := a.modelOfRun(model)
	if err != nil {
		return err
	}
	if entries, err := os.ReadDir(dir); err == nil && len(entries) > 0 {
		return fmt.Errorf("%s isn't empty; name a new folder", dir)
	} else if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return err
	}
	if err := tree.Extract(dir); err != nil {
		return err
	}
	_, node, _ := strings.Cut(model, ":")
	p := provenance{
		Digest: out.Digest.String(), Run: r.ID, Pipeline: r.Pipeline, Node: node, Key: r.Nodes[node].Key,
		Outputs: map[string]string{}, Metrics: r.Metrics, Versions: r.Versions,
	}
	for id, n := range r.Nodes {
		for port, o := range n.Outputs {
			p.Outputs[id+"."+port] = o.Digest.String()
		}
	}
	b, err := json.MarshalIndent(p, "", "  ")
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, provenanceFile), append(b, '\n'), 0o666); err != nil {
		return err
	}
	fmt.Fprintf(a.stdout, "wrote the verifier of run %s to %s\n", r.ID, dir)
	return nil
}
