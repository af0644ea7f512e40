package vllmsample

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ouroflow/ouroflow/engine/node"
	"github.com/ouroflow/ouroflow/engine/node/nodetest"
)

func TestServerAway(t *testing.T) {
	f, b := newFake(t), nodetest.New(t)
	nodetest.Bind(t, b, "in", problems(1))
	var asks atomic.Int64
	f.reply = func(http.ResponseWriter, asked) bool {
		asks.Add(1)
		panic(http.ErrAbortHandler)
	}
	_, err := sampled(t, b, live(f, 1, func(p *Params) { p.Patience = 2 * time.Second }))
	if !node.IsFault(err) || !strings.Contains(err.Error(), "gave up after") || asks.Load() < 2 {
		t.Errorf("err = %v after %d requests", err, asks.Load())
	}
}

// Two servers share the work. One goes away in the middle and comes back.
func TestFleet(t *testing.T) {
	f, g, b := newFake(t), newFake(t), nodetest.New(t)
	var away atomic.Int64
	g.reply = func(http.ResponseWriter, asked) bool {
		if away.Add(1) < 3 {
			panic(http.ErrAbortHandler)
		}
		return false
	}
	nodetest.Bind(t, b, "in", problems(60))
	f.reply = func(http.ResponseWriter, asked) bool { time.Sleep(20 * time.Millisecond); return false } // so that the other comes back in time
	rows, err := sampled(t, b, live(f, 10, func(p *Params) {
		p.URL, p.URLs, p.Concurrency, p.PerRequest = "", []string{f.URL, g.URL + "/v1/"}, 4, 1
	}))
	if err != nil {
		t.Fatal(err)
	}
	nf, _ := f.drawnTimes()
	ng, _ := g.drawnTimes()
	if len(rows) != 600 || nf+ng != 600 || ng == 0 || nf == 0 {
		t.Errorf("%d rows, %d and %d drawn", len(rows), nf, ng)
	}
	if !slices.ContainsFunc(b.Logs(), func(l string) bool { return strings.Contains(l, "is back") }) {
		t.Errorf("logs = %q", b.Logs())
	}
}

func TestServersThatDiffer(t *testing.T) {
	f, g, b := newFake(t), newFake(t), nodetest.New(t)
	g.version = "0.2"
	nodetest.Bind(t, b, "in", problems(1))
	both := func(p *Params) { p.URL, p.URLs = "", []string{f.URL, g.URL} }
	if _, err := sampled(t, b, live(f, 1, both)); err == nil || !strings.Contains(err.Error(), `server_version was "0.1" and is "0.2"`) {
		t.Errorf("err = %v", err)
	}
	if _, err := sampled(t, b, live(f, 1, both, func(p *Params) { p.Pin.ServerVersion = ignore })); err != nil {
		t.Error(err)
	}
}

// A server that comes back as another gives no samples under the keys of the one that it
// was, whatever its first answers are.
func TestServerComesBackAsAnother(t *testing.T) {
	for name, end := range map[string]func(http.ResponseWriter){
		"reset": func(http.ResponseWriter) { panic(http.ErrAbortHandler) },
		"500":   func(w http.ResponseWriter) { http.Error(w, "died", http.StatusInternalServerError) },
		"503":   func(w http.ResponseWriter) { http.Error(w, "dying", http.StatusServiceUnavailable) },
	} {
		t.Run(name, func(t *testing.T) {
			f, b := newFake(t), nodetest.New(t)
			f.reply = func(w http.ResponseWriter, _ asked) bool {
				if f.asks() > 1 {
					return false
				}
				f.setVersion("0.2")
				end(w)
				return true
			}
			nodetest.Bind(t, b, "in", problems(4))
			if _, err := sampled(t, b, live(f, 1, func(p *Params) { p.Concurrency = 1 })); err == nil || !strings.Contains(err.Error(), "came back as another") {
				t.Errorf("err = %v", err)
			}
			f.setVersion("0.1")
			if _, err := sampled(t, b, live(f, 1)); err != nil {
				t.Fatal(err)
			}
			if n, _ := f.drawnTimes(); n != 4 {
				t.Errorf("%d drawn; the server before drew none", n)
			}
		})
	}
}

// Each reply tells by whom it is, where the server tells that.
func TestReplyOfAnotherServer(t *testing.T) {
	f, b := newFake(t), nodetest.New(t)
	f.reply = func(w http.ResponseWriter, _ asked) bool {
		fmt.Fprint(w, `{"choices": [{"text": "x", "finish_reason": "stop"}], "system_fingerprint": "other"}`)
		return true
	}
	nodetest.Bind(t, b, "in", problems(1))
	if _, err := sampled(t, b, live(f, 1)); err == nil || !strings.Contains(err.Error(), "system_fingerprint was fp and is other") {
		t.Errorf("err = %v", err)
	}
}

// A server may have changed while the run waited for its turn.
func TestServerChangesBeforeTheNodeRuns(t *testing.T) {
	f := newFake(t)
	p := *Type().New().(*Params)
	p.URL, p.Model = f.URL, "m"
	fleet := newFleet(p, p.bases(), newClient(p, ""), t.Logf)
	pins, err := pin(t.Context(), p)
	if err != nil {
		t.Fatal(err)
	}
	if err := fleet.settle(t.Context(), pins); err != nil {
		t.Error(err)
	}
	f.setVersion("0.2")
	if err := fleet.settle(t.Context(), pins); err == nil || !strings.Contains(err.Error(), "changed since the run began") {
		t.Errorf("err = %v", err)
	}
}

// A hiccup isn't taken for a fact about the server.
func TestVersionFails(t *testing.T) {
	f, b := newFake(t), nodetest.New(t)
	nodetest.Bind(t, b, "in", problems(1))
	for range 2 {
		f.versionFails.Store(1)
		if _, err := sampled(t, b, live(f, 1)); err != nil {
			t.Fatal(err)
		}
	}
	if n, _ := f.drawnTimes(); n != 1 {
		t.Errorf("%d drawn", n)
	}
}

// After an outage one request finds out what the server is, not each.
func TestOutageIsLookedIntoOnce(t *testing.T) {
	f, b := newFake(t), nodetest.New(t)
	var away atomic.Bool
	away.Store(true)
	f.reply = func(http.ResponseWriter, asked) bool {
		if away.Swap(false) {
			panic(http.ErrAbortHandler)
		}
		return false
	}
	nodetest.Bind(t, b, "in", problems(100))
	if _, err := sampled(t, b, live(f, 1)); err != nil {
		t.Fatal(err)
	}
	if n := f.asksOfVersion.Load(); n > 5 { // for the pins before and after, when the node begins, and after the outage
		t.Errorf("asked %d times what it is", n)
	}
}

// A server that admits few at a time is waited for as long as samples come.
func TestBusyServerThatGoesOn(t *testing.T) {
	f, b := newFake(t), nodetest.New(t)
	var inside, served atomic.Int64
	f.reply = func(w http.ResponseWriter, _ asked) bool {
		defer inside.Add(-1)
		if inside.Add(1) > 1 {
			w.Header().Set("Retry-After", "0.05")
			http.Error(w, "full", http.StatusTooManyRequests)
			return true
		}
		time.Sleep(50 * time.Millisecond) // longer than all together have patience
		served.Add(1)
		return false
	}
	nodetest.Bind(t, b, "in", problems(40))
	if _, err := sampled(t, b, live(f, 1, func(p *Params) { p.Patience = 1500 * time.Millisecond })); err != nil {
		t.Errorf("after %d samples: %v", served.Load(), err)
	}
}

// busyForLong is the answer of a server that wants to be left alone.
func busyForLong(w http.ResponseWriter) {
	w.Header().Set("Retry-After", "3600")
	w.WriteHeader(http.StatusTooManyRequests)
}

// assertSoon makes sure that nobody waited for a server that is busy for long.
func assertSoon(t *testing.T, start time.Time) {
	t.Helper()
	if took := time.Since(start); took > maxWait/2 {
		t.Errorf("took %s", took)
	}
}

// An error that ends the run ends the waiting of the others, too.
func TestErrorEndsWaiting(t *testing.T) {
	f, b := newFake(t), nodetest.New(t)
	refused, waits := make(chan struct{}), make(chan struct{})
	f.reply = func(w http.ResponseWriter, a asked) bool {
		if a.Prompt == "Problem 1." {
			close(refused)
			<-waits
			w.WriteHeader(http.StatusForbidden)
			return true
		}
		<-refused // both requests are under way
		busyForLong(w)
		close(waits)
		return true
	}
	nodetest.Bind(t, b, "in", problems(2))
	start := time.Now()
	if _, err := sampled(t, b, live(f, 1)); err == nil || !strings.Contains(err.Error(), "403") {
		t.Errorf("err = %v", err)
	}
	assertSoon(t, start)
}

// The end of the run ends waiting, and that is no failure.
func TestDrainEndsWaiting(t *testing.T) {
	f, b := newFake(t), nodetest.New(t)
	f.reply = func(w http.ResponseWriter, _ asked) bool {
		close(b.Drain)
		busyForLong(w)
		return true
	}
	nodetest.Bind(t, b, "in", problems(1))
	start := time.Now()
	if _, err := sampled(t, b, live(f, 1)); !errors.Is(err, node.ErrDrained) {
		t.Errorf("err = %v", err)
	}
	assertSoon(t, start)
}

// The server is pinned: another version samples again, unless the pipeline says that it
// makes no difference.
func TestPins(t *testing.T) {
	f, b := newFake(t), nodetest.New(t)
	nodetest.Bind(t, b, "in", problems(1))
	for i, test := range []struct {
		version, pin string
		drawn        int
	}{{"0.1", "", 1}, {"0.2", "", 2}, {"0.3", "0.1", 2}, {"0.3", ignore, 3}, {"0.4", ignore, 3}} {
		f.setVersion(test.version)
		if _, err := sampled(t, b, live(f, 1, func(p *Params) { p.Pin.ServerVersion = test.pin })); err != nil {
			t.Fatal(err)
		}
		if n, _ := f.drawnTimes(); n != test.drawn {
			t.Errorf("step %d: %d drawn so far, want %d", i, n, test.drawn)
		}
	}
}
