package report

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/ouroflow/ouroflow/engine/event"
	"github.com/ouroflow/ouroflow/engine/run"
)

var start = time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC)

func at(seconds float64, e event.Event) event.Event {
	e.Time = start.Add(time.Duration(seconds * float64(time.Second)))
	return e
}

func story() []event.Event {
	return []event.Event{
		at(0, event.Event{Kind: event.RunStarted, Run: "r1", Note: "p"}),
		at(0, event.Event{Kind: event.NodeStarted, Node: "a", Type: "sum"}),
		at(1, event.Event{Kind: event.NodeProgress, Node: "a", Done: 10, Total: 1000}),
		at(10, event.Event{Kind: event.NodeProgress, Node: "a", Done: 600, Total: 1000, Cached: 100}),
		at(11, event.Event{Kind: event.NodeRetry, Node: "a", Error: "server gone", Note: "try 2 of 3 in 1s"}),
		at(20, event.Event{Kind: event.NodeEnded, Node: "a", State: event.Succeeded, Rows: &event.Rows{Computed: 900, Cached: 100}}),
		at(20, event.Event{Kind: event.NodeDamage, Node: "b", Note: "blob x is damaged"}),
		at(21, event.Event{Kind: event.NodeEnded, Node: "b", State: event.Failed, Error: "two\nlines"}),
	}
}

func TestPlain(t *testing.T) {
	var b bytes.Buffer
	p := NewPlain(&b, []string{"a", "b"})
	for _, e := range story() {
		p.Emit(e)
	}
	want := `run r1 of p
a: 600/1,000 (10% cached)  50/s  ETA 8s
a: server gone (try 2 of 3 in 1s)
a: succeeded (900 computed, 100 cached) in 20s
b: blob x is damaged
b: failed
  two
  lines
`
	if b.String() != want {
		t.Errorf("got:\n%s\nwant:\n%s", b.String(), want)
	}
}

func TestLiveErasesWhatItDrew(t *testing.T) {
	var b bytes.Buffer
	l := NewLive(&b, []string{"a", "b"}, 60)
	for _, e := range story() {
		l.Emit(e)
	}
	l.Close()
	out := b.String()
	last := out[strings.LastIndex(out, "\x1b[J")+3:]
	if !strings.Contains(last, "+ a ") || !strings.Contains(last, "! b ") || !strings.Contains(out, "two\n  lines") {
		t.Errorf("the screen ends with:\n%s", last)
	}
	for _, line := range strings.Split(last, "\n") {
		if len([]rune(line)) >= 60 {
			t.Errorf("a line is too wide: %q", line)
		}
	}
}

func TestJSON(t *testing.T) {
	var b bytes.Buffer
	j := NewJSON(&b)
	for _, e := range story() {
		j.Emit(e)
	}
	if n := strings.Count(b.String(), "\n"); n != len(story()) {
		t.Errorf("%d lines, want %d", n, len(story()))
	}
}

func TestSummary(t *testing.T) {
	r := run.New("r1", "p", []string{"a", "b", "c"}, nil)
	for _, e := range story() {
		r.Apply(e)
	}
	r.Nodes["c"].State = event.Skipped
	r.Metrics["verifier_pass@1"], r.Metrics["baseline_pass@1"], r.Metrics["samples"] = 0.5, 0.25, 12345
	r.Intervals["baseline_pass@1"] = [2]float64{0.2, 0.3}
	r.Apply(at(30, event.Event{Kind: event.RunEnded, State: event.Failed}))
	var b bytes.Buffer
	Summary(&b, r)
	out := b.String()
	for _, want := range []string{"a     succeeded  900       100", "b failed: two\n  lines", "nodes skipped because of that: 1", "baseline_pass@1  0.2500  [0.2000, 0.3000]", "samples          12,345"} {
		if !strings.Contains(out, want) {
			t.Errorf("summary lacks %q:\n%s", want, out)
		}
	}
	if strings.Index(out, "baseline") > strings.Index(out, "verifier_pass") {
		t.Error("the baseline should come first")
	}
}
