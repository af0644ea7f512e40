package run

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ouroflow/ouroflow/engine/digest"
	"github.com/ouroflow/ouroflow/engine/event"
)

func events() []event.Event {
	low, high := 0.1, 0.3
	return []event.Event{
		{Kind: event.RunStarted, Run: "x"},
		{Kind: event.NodeStarted, Node: "a"},
		{Kind: event.NodeLog, Node: "a", Note: "hello"},
		{Kind: event.NodeDamage, Node: "a", Note: "blob x is damaged"},
		{Kind: event.NodeEnded, Node: "a", State: event.Succeeded, Key: "k", Rows: &event.Rows{Computed: 3}, Metrics: []event.Metric{{Name: "m", Value: 0.2, Low: &low, High: &high}}},
		{Kind: event.NodeStarted, Node: "b"},
	}
}

func create(t *testing.T, d Dir, id string) *Recorder {
	t.Helper()
	w, err := d.Create(New(id, "p", []string{"a", "b"}, map[string]string{"a": "sum", "b": "mean"}), []byte("version: 1\n"))
	if err != nil {
		t.Fatal(err)
	}
	sink := event.Tee(w)
	for _, e := range events() {
		sink.Emit(e)
	}
	return w
}

// Metrics of several nodes of a type are told apart, whichever ends first.
func TestMetricsOfOneType(t *testing.T) {
	r := New("1", "p", []string{"a", "b", "c"}, map[string]string{"a": "sum", "b": "sum", "c": "mean"})
	for _, node := range []string{"b", "c", "a"} {
		r.Apply(event.Event{Kind: event.NodeEnded, Node: node, Metrics: []event.Metric{{Name: "m" + r.Nodes[node].Type, Value: 1}}})
	}
	if got := slices.Sorted(maps.Keys(r.Metrics)); !slices.Equal(got, []string{"a.msum", "b.msum", "mmean"}) {
		t.Errorf("metrics %v", got)
	}
}

func TestRecord(t *testing.T) {
	d := Dir(t.TempDir())
	w := create(t, d, "1")
	r, err := d.Load("1")
	if err != nil || r.Status != event.Running || r.Nodes["a"].State != event.Succeeded || r.Nodes["b"].State != event.Running {
		t.Fatalf("while it runs: %+v, %v", r, err)
	}
	event.Tee(w).Emit(event.Event{Kind: event.NodeEnded, Node: "b", State: event.Failed, Error: "oops"})
	event.Tee(w).Emit(event.Event{Kind: event.RunEnded, State: event.Failed})
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	r, err = d.Load("1")
	if err != nil || r.Status != event.Failed || r.Nodes["b"].Error != "oops" || r.Metrics["m"] != 0.2 || r.Intervals["m"] != [2]float64{0.1, 0.3} {
		t.Errorf("record = %+v, %v", r, err)
	}
	if len(r.Nodes["a"].Damage) != 1 {
		t.Errorf("damage = %v", r.Nodes["a"].Damage)
	}
	if logs, err := d.Log("1"); err != nil || !strings.HasSuffix(logs["a"], " hello\n") {
		t.Errorf("logs = %q, %v", logs, err)
	}
	if text, _ := d.Pipeline(&Record{ID: "1", Files: map[string]digest.Digest{pipelineFile: digest.Of([]byte("version: 1\n"))}}); string(text) != "version: 1\n" {
		t.Errorf("pipeline = %q", text)
	}
}

// A run whose process died, even in the middle of a line, is told from its
// events.
func TestDeadRunIsInterrupted(t *testing.T) {
	d := Dir(t.TempDir())
	w := create(t, d, "1")
	w.lock.Close() // what the end of a process does
	f, err := os.OpenFile(filepath.Join(string(d), "1", eventsFile), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	f.WriteString(`{"kind":"node_ended","node":"b","sta`)
	f.Close()
	r, err := d.Load("1")
	if err != nil || r.Status != event.Interrupted || r.Nodes["a"].State != event.Succeeded || r.Nodes["b"].State != event.Interrupted {
		t.Errorf("record = %+v, %v", r, err)
	}
}

func TestFind(t *testing.T) {
	d := Dir(t.TempDir())
	if _, err := d.Find("last"); err == nil || !strings.Contains(err.Error(), "no runs") {
		t.Errorf("err = %v", err)
	}
	for _, id := range []string{"20260101-a", "20260102-b", "20260102-c"} {
		create(t, d, id).Close()
	}
	for name, want := range map[string]string{"last": "20260102-c", "20260101": "20260101-a", "20260102-b": "20260102-b"} {
		if got, err := d.Find(name); err != nil || got != want {
			t.Errorf("Find(%q) = %s, %v; want %s", name, got, err, want)
		}
	}
	for name, want := range map[string]string{"20260102": "2 runs begin with", "nope": "no run in", "": "is empty"} {
		if _, err := d.Find(name); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Find(%q): %v", name, err)
		}
	}
	if r, err := newest(t, d, "p"); err != nil || r.ID != "20260102-c" {
		t.Errorf("Latest = %v, %v", r, err)
	}
}

func TestIDsSortByTime(t *testing.T) {
	now := time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC)
	if a, b := NewID(now), NewID(now.Add(time.Second)); a >= b || len(a) != len("20261124-090000-000000") {
		t.Errorf("ids %s, %s", a, b)
	}
}

// Whatever the files of a record hold, reading them ends in a record that can be used
// or in an error.
func FuzzDecode(f *testing.F) {
	f.Add([]byte(`{"format":3,"nodes":{"a":null}}`), []byte(`{"order":["a"],"nodes":{"a":null,"b":{}}}`), false)
	f.Add([]byte(`{}`), []byte(`{"order":["a"],"nodes":{"a":{"state":"running"}}}`), true)
	f.Fuzz(func(t *testing.T, head, state []byte, whole bool) {
		if whole {
			var err error
			if head, err = encode(New("r", "p", nil, nil), digest.Of(state), nil); err != nil {
				t.Fatal(err)
			}
		}
		r, err := decode(head, func(string) ([]byte, error) { return state, nil })
		if err != nil {
			return
		}
		r.interrupt()
		for _, e := range events() {
			r.Apply(e)
		}
		if r.Metrics == nil {
			t.Fatal("no metrics")
		}
	})
}

func newest(t *testing.T, d Dir, pipeline string) (*Record, error) {
	t.Helper()
	ids, err := d.IDs()
	return d.Newest(ids, pipeline), err
}

// Ids sort by the order of the runs even if the clock was set back.
func TestIDsWithTheClockSetBack(t *testing.T) {
	d := Dir(t.TempDir())
	now := time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC)
	var ids []string
	for _, at := range []time.Time{now, now.Add(time.Second), now.Add(-time.Hour), now.Add(-time.Hour), now.Add(2 * time.Second)} {
		id, err := d.NextID(at)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Mkdir(d.path(id), 0o777); err != nil {
			t.Fatal(err)
		}
		ids = append(ids, id)
	}
	if !slices.IsSorted(ids) {
		t.Errorf("ids out of order: %v", ids)
	}
}
