// Package run keeps the records of runs: one folder each, with the pipeline as
// it ran, the events as they happened, the logs of the nodes and a record that
// sums it up. A run that died is told by its lock, which nobody holds.
package run

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/ouroflow/ouroflow/engine/digest"
	"github.com/ouroflow/ouroflow/engine/event"
)

// Format is the version of the record format, oldestFormat the first one that can still
// be read. docs/format/run.md describes them.
const (
	Format       = 3
	oldestFormat = 2
)

// Record sums up a run. Its JSON form is what `ouroflow show --json` prints.
type Record struct {
	Format   int               `json:"format"`
	ID       string            `json:"id"`
	Pipeline string            `json:"pipeline"`
	Status   event.State       `json:"status"` // running, succeeded, failed or interrupted
	Started  time.Time         `json:"started"`
	Ended    *time.Time        `json:"ended"`
	Error    string            `json:"error,omitempty"`
	Notes    []string          `json:"notes,omitempty"` // such as troubles of a remote cache
	Command  Command           `json:"command"`
	Params   map[string]any    `json:"params"`
	Versions map[string]string `json:"versions"`
	// Metrics has the numbers that the run is about, by name, or NODE.name where several
	// nodes are of the type that has them; Intervals the 95% interval,
	// low and high, of those that have one.
	Metrics   map[string]float64    `json:"metrics"`
	Intervals map[string][2]float64 `json:"intervals"`
	Order     []string              `json:"order"` // node ids, each after those it needs
	Nodes     map[string]*Node      `json:"nodes"`
	// Files has the digests of the other files of the run; of a run that didn't end
	// by itself only that of the pipeline.
	Files map[string]digest.Digest `json:"files"`
}

// Command is what the user asked for, enough to ask for it again.
type Command struct {
	File       string   `json:"file"` // absolute
	Dir        string   `json:"dir"`  // the working folder
	Profiles   []string `json:"profiles,omitempty"`
	ParamFiles []string `json:"param_files,omitempty"`
	Sets       []string `json:"sets,omitempty"`
	To         []string `json:"to,omitempty"`
	Force      []string `json:"force,omitempty"`
	KeepGoing  bool     `json:"keep_going,omitempty"`
	Resumes    string   `json:"resumes,omitempty"` // the run that this one continues
}

// Node is what became of a node.
type Node struct {
	Type    string                  `json:"type"`
	State   event.State             `json:"state"`
	Key     string                  `json:"key"`
	Started *time.Time              `json:"started"`
	Ended   *time.Time              `json:"ended"`
	Rows    event.Rows              `json:"rows"`
	Busy    float64                 `json:"busy_seconds,omitempty"` // of a row-wise node: without the wait for its input
	Outputs map[string]event.Output `json:"outputs"`
	Error   string                  `json:"error"`
	Why     string                  `json:"why,omitempty"`    // why it ran
	Damage  []string                `json:"damage,omitempty"` // cache files found damaged
	Retries int                     `json:"retries,omitempty"`
	Fields  digest.Transcript       `json:"fields,omitempty"`   // what the key was made of
	RowKeys *event.RowKeys          `json:"row_keys,omitempty"` // of a row-wise node: what its row keys were made of
}

// Apply brings the record up to date with an event.
func (r *Record) Apply(e event.Event) {
	switch e.Kind {
	case event.RunStarted:
		r.Status = event.Running
	case event.RunNote:
		r.Notes = append(r.Notes, e.Note)
	case event.RunEnded:
		r.Status, r.Error = e.State, e.Error
		r.Ended = &e.Time
	default:
		if n := r.Nodes[e.Node]; n != nil {
			n.apply(e)
			r.addMetrics(e.Node, e.Metrics)
		}
	}
}

func (r *Record) addMetrics(node string, metrics []event.Metric) {
	for _, m := range metrics {
		name := r.metricName(node, m.Name)
		r.Metrics[name] = m.Value
		if m.Low != nil && m.High != nil {
			r.Intervals[name] = [2]float64{*m.Low, *m.High}
		}
	}
}

// metricName puts the node before the name of its metric if others of its type have the
// same metrics.
func (r *Record) metricName(node, metric string) string {
	for id, n := range r.Nodes {
		if id != node && n.Type == r.Nodes[node].Type {
			return node + "." + metric
		}
	}
	return metric
}

func (n *Node) apply(e event.Event) {
	at := e.Time // by itself: the record would keep all of the event in memory
	switch e.Kind {
	case event.NodeStarted:
		n.State, n.Started = event.Running, &at
	case event.NodeReason:
		n.Why = e.Note
	case event.NodeRetry:
		n.Retries++
	case event.NodeDamage:
		n.Damage = append(n.Damage, e.Note)
	case event.NodeEnded:
		n.State, n.Key, n.Error, n.Ended = e.State, e.Key, e.Error, &at
		n.Fields, n.RowKeys, n.Busy = e.Fields, e.RowKeys, e.Busy
		if e.Rows != nil {
			n.Rows = *e.Rows
		}
		if e.Outputs != nil {
			n.Outputs = e.Outputs
		}
	}
}

// RowInput returns the table that a row-wise node made rows of, if that was complete.
func (n *Node) RowInput() (d digest.Digest, ok bool) {
	for _, f := range n.Fields {
		if f.Label == "input."+n.RowKeys.Port {
			d, err := digest.Parse(f.Value)
			return d, err == nil
		}
	}
	return d, false
}

// interrupt marks as interrupted what a process that is gone left as running.
func (r *Record) interrupt() {
	if r.Status == event.Running {
		r.Status = event.Interrupted
	}
	for _, n := range r.Nodes {
		if n.State == event.Running || n.State == event.Waiting {
			n.State = event.Interrupted
		}
	}
}

// New returns the record of a run that is about to start.
func New(id, pipeline string, order []string, types map[string]string) *Record {
	r := &Record{
		Format: Format, ID: id, Pipeline: pipeline, Status: event.Running, Started: time.Now(),
		Params: map[string]any{}, Versions: map[string]string{},
		Metrics: map[string]float64{}, Intervals: map[string][2]float64{}, Files: map[string]digest.Digest{},
		Order: order, Nodes: map[string]*Node{},
	}
	for _, node := range order {
		r.Nodes[node] = &Node{Type: types[node], State: event.Waiting, Outputs: map[string]event.Output{}}
	}
	return r
}

// header is a record as it is on disk: what there is of each node is in a file of its
// own, which runs that found little to do share.
type header struct {
	*Record
	Order     []string         `json:"order,omitempty"`
	Nodes     map[string]*Node `json:"nodes,omitempty"` // those of which the file tells what was before
	NodesFile string           `json:"nodes_file"`
	// Checksum is the digest of the file with the checksum zero.
	Checksum digest.Digest `json:"checksum"`
}

// nodesState is the content of the file about nodes.
type nodesState struct {
	Order []string         `json:"order"`
	Nodes map[string]*Node `json:"nodes"`
}

func nodesName(d digest.Digest) string { return nodesPrefix + d.Short() + ".json" }

// Place is a part of a file: where it begins and how long it is, in bytes.
type Place struct{ At, Size int64 }

// nodeSize is about how many bytes a node takes as JSON.
const nodeSize = 1280

// EncodeNodes writes what there is of the nodes of a record: the JSON of a nodesState.
// It tells where that of each node is.
func EncodeNodes(r *Record) (content []byte, places map[string]Place, err error) {
	order, err := json.Marshal(r.Order)
	if err != nil {
		return nil, nil, err
	}
	b := make([]byte, 0, nodeSize*len(r.Nodes))
	b = append(append(append(b, `{"order":`...), order...), `,"nodes":{`...)
	places = make(map[string]Place, len(r.Nodes))
	for i, id := range slices.Sorted(maps.Keys(r.Nodes)) {
		if i > 0 {
			b = append(b, ',')
		}
		name, err := json.Marshal(id)
		if err != nil {
			return nil, nil, err
		}
		node, err := json.Marshal(r.Nodes[id])
		if err != nil {
			return nil, nil, err
		}
		b = append(append(b, name...), ':')
		places[id] = Place{int64(len(b)), int64(len(node))}
		b = append(b, node...)
	}
	return append(b, "}}"...), places, nil
}

// encode writes the header of a record, whose nodes are in a file with that digest, but
// for newer ones. The checksum is its last field.
func encode(r *Record, nodes digest.Digest, newer map[string]*Node) ([]byte, error) {
	h := header{Record: r, NodesFile: nodesName(nodes), Nodes: newer}
	maps.DeleteFunc(r.Files, func(name string, _ digest.Digest) bool { return strings.HasPrefix(name, nodesPrefix) })
	r.Files[h.NodesFile] = nodes
	b, err := json.MarshalIndent(h, "", "  ")
	if err != nil {
		return nil, err
	}
	return append(replaceLast(b, digest.Digest{}, digest.Of(b)), '\n'), nil
}

// decode reads a header, and the file about nodes by way of read.
func decode(b []byte, read func(name string) ([]byte, error)) (*Record, error) {
	h := header{Record: &Record{}}
	if err := json.Unmarshal(b, &h); err != nil {
		return nil, err
	}
	if digest.Of(replaceLast(bytes.TrimSuffix(b, []byte("\n")), h.Checksum, digest.Digest{})) != h.Checksum {
		return nil, errors.New("its checksum differs")
	}
	if h.Format < oldestFormat || h.Format > Format {
		return nil, fmt.Errorf("it has format %d, this program reads formats %d to %d", h.Format, oldestFormat, Format)
	}
	state, err := read(h.NodesFile)
	if err != nil {
		return nil, err
	}
	if digest.Of(state) != h.Files[h.NodesFile] {
		return nil, fmt.Errorf("%s isn't what it was", h.NodesFile)
	}
	var nodes nodesState
	if err := json.Unmarshal(state, &nodes); err != nil {
		return nil, fmt.Errorf("%s: %w", h.NodesFile, err)
	}
	if h.Metrics == nil || h.Intervals == nil {
		return nil, errors.New("it has no metrics")
	}
	if nodes.Nodes == nil {
		return nil, fmt.Errorf("%s has no nodes", h.NodesFile)
	}
	h.Record.Order, h.Record.Nodes = nodes.Order, nodes.Nodes
	maps.Copy(h.Record.Nodes, h.Nodes)
	maps.DeleteFunc(h.Record.Nodes, func(_ string, n *Node) bool { return n == nil })
	return h.Record, nil
}

// replaceLast puts one digest in the place of the last occurrence of another.
func replaceLast(b []byte, from, to digest.Digest) []byte {
	b = bytes.Clone(b)
	if i := bytes.LastIndex(b, []byte(from.String())); i >= 0 {
		copy(b[i:], to.String())
	}
	return b
}
