package engine_test

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/ouroflow/ouroflow/engine"
	"github.com/ouroflow/ouroflow/engine/event"
	"github.com/ouroflow/ouroflow/engine/run"
	"github.com/ouroflow/ouroflow/engine/spec"
)

func withRemote(text, address string) string {
	return strings.Replace(text, "nodes:", "cache: {remote: \""+address+"\"}\nnodes:", 1)
}

// A second machine with the same remote computes nothing; one row more is one row.
func TestRemoteSharesBetweenMachines(t *testing.T) {
	shared := "file://" + t.TempDir()
	first := newMill()
	want, err := execute(t, first.engine(t.TempDir()), withRemote(small, shared))
	if err != nil || len(first.computed) != 40 || len(want.Notes) > 0 {
		t.Fatal(err, first.computed, want.Notes)
	}
	second := newMill()
	machine := t.TempDir()
	got, err := execute(t, second.engine(machine), withRemote(small, shared))
	if err != nil {
		t.Fatal(err)
	}
	if len(second.computed)+len(second.ran) > 0 {
		t.Errorf("the second machine computed %v %v", second.ran, second.computed)
	}
	for id := range want.Nodes {
		if outputOf(got, id) != outputOf(want, id) {
			t.Errorf("%s differs", id)
		}
	}
	if found := verify(t, machine, false); len(found) > 0 {
		t.Errorf("%+v", found)
	}
	third := newMill()
	if _, err := execute(t, third.engine(t.TempDir()), withRemote(strings.Replace(small, "to: 20", "to: 21", 1), shared)); err != nil {
		t.Fatal(err)
	}
	if len(third.computed) != 2 {
		t.Errorf("one row more, but %v were computed", third.computed)
	}
}

// A remote that can't be used costs a note.
func TestRemoteOutOfReach(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o666); err != nil {
		t.Fatal(err)
	}
	m := newMill()
	dir := t.TempDir()
	r, err := execute(t, m.engine(dir), withRemote(small, "file://"+file+"/in/a/file"))
	if err != nil || len(m.computed) != 40 {
		t.Fatal(err, m.computed)
	}
	if len(r.Notes) != 2 || !strings.Contains(r.Notes[0], "can't be used") || !strings.Contains(r.Notes[1], "were not sent") {
		t.Errorf("notes: %q", r.Notes)
	}
	// What wasn't sent is sent by the next run.
	shared := t.TempDir()
	if _, err := execute(t, m.engine(dir), withRemote(small, "file://"+shared)); err != nil {
		t.Fatal(err)
	}
	other := newMill()
	if _, err := execute(t, other.engine(t.TempDir()), withRemote(small, "file://"+shared)); err != nil || len(other.computed)+len(other.ran) > 0 {
		t.Errorf("computed %v %v, %v", other.ran, other.computed, err)
	}
}

// A remote cache that takes its time to answer is told while it does.
func TestSlowRemoteIsTold(t *testing.T) {
	server, err := net.Listen("tcp", "127.0.0.1:0") // connections are accepted, and nothing else
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	t.Setenv("AWS_ENDPOINT_URL", "http://"+server.Addr().String())
	t.Setenv("AWS_ACCESS_KEY_ID", "key")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "secret")
	e, text := newMill().engine(t.TempDir()), withRemote(small, "s3://bucket")
	p, err := engine.Load("p.yaml", []byte(text), e.Types, spec.Options{})
	if err != nil {
		t.Fatal(err)
	}
	var told atomic.Bool
	sink := event.SinkFunc(func(ev event.Event) {
		if strings.HasPrefix(ev.Note, "waiting for the remote cache s3://bucket") {
			told.Store(true)
			server.Close()
		}
	})
	if _, err := e.Run(context.Background(), engine.Request{Plan: p, Drain: make(chan struct{}), Sinks: []event.Sink{sink}}); err != nil || !told.Load() {
		t.Errorf("told: %v, %v", told.Load(), err)
	}
}

// What a run couldn't send keeps the next one from being recalled: it sends it.
func TestUnsentFilesAreSentThoughNothingChanged(t *testing.T) {
	blocked := filepath.Join(t.TempDir(), "shared")
	if err := os.WriteFile(blocked, nil, 0o666); err != nil {
		t.Fatal(err)
	}
	dir, text := t.TempDir(), withRemote(small, "file://"+blocked)
	e := newMill().engine(dir)
	again := func() (recalled bool, err error) {
		p, err := engine.Load("p.yaml", []byte(text), e.Types, spec.Options{})
		if err != nil {
			t.Fatal(err)
		}
		req := engine.Request{Plan: p, Pipeline: []byte(text), Memo: engine.MemoKey(run.Command{}), Drain: make(chan struct{})}
		if e.Earlier(req.Memo, req.Pipeline).Holds() {
			return true, nil
		}
		_, err = e.Run(context.Background(), req)
		return false, err
	}
	for i, want := range []bool{false, false, true} { // the last one has nothing to send
		recalled, err := again()
		if err != nil || recalled != want {
			t.Errorf("run %d: recalled %v, %v; want %v", i, recalled, err, want)
		}
		if i == 0 {
			if err := os.Remove(blocked); err != nil {
				t.Fatal(err)
			}
		}
	}
	if _, err := os.Stat(filepath.Join(blocked, "actions")); err != nil {
		t.Errorf("nothing was sent: %v", err)
	}
}
