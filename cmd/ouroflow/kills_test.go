package main

import (
	"encoding/json"
	"errors"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/ouroflow/ouroflow/engine/digest"
	"github.com/ouroflow/ouroflow/engine/event"
	engineexec "github.com/ouroflow/ouroflow/engine/exec"
	"github.com/ouroflow/ouroflow/engine/run"
	"golang.org/x/sys/unix"
)

const kills = 200

var quick = []string{"--set", "n=8", "--set", "epochs=30"}

func newSmallProject(t *testing.T) project {
	p := newProject(t)
	if err := writeProject(p.dir, 16, 8); err != nil {
		t.Fatal(err)
	}
	return p
}

// However often and whenever a run is killed and resumed, it ends in the bytes of one
// that wasn't, and no row that was stored is ever stored again.
func TestManyKills(t *testing.T) {
	whole := newSmallProject(t)
	began := time.Now()
	whole.must(append([]string{"run", "loop.yaml"}, quick...)...)
	took := time.Since(began)
	want, rows := whole.digests(whole.show()), storedRows(t, whole.dir)
	n := kills
	if testing.Short() {
		n /= 10
	}
	phases := map[string]int{}
	for seed := uint64(0); n > 0; seed++ {
		p := newSmallProject(t)
		rnd := rand.New(rand.NewPCG(seed, 1))
		for tries := 0; tries < 12 && n > 0 && p.killedAfter(moment(rnd, took)); tries++ {
			n--
			phases[p.phase()]++
		}
		p.must(p.again()...)
		if got := p.digests(p.show()); !maps.Equal(got, want) {
			t.Fatalf("seed %d: outputs differ from the uninterrupted run's", seed)
		}
		for space, keys := range storedRows(t, p.dir) {
			if twice := duplicates(keys); twice > 0 || len(keys) != len(rows[space]) {
				t.Errorf("seed %d: %s holds %d rows, %d of them twice; want %d", seed, space, len(keys), twice, len(rows[space]))
			}
		}
		p.must("cache", "verify", "--repair")
		assertNoOrphans(t, p.dir)
	}
	t.Logf("killed while these nodes were at work: %v", phases)
	for _, phase := range []string{"starting", "verdicts", "verifier"} {
		if phases[phase] == 0 && !testing.Short() {
			t.Errorf("no kill came in the phase %q", phase)
		}
	}
}

// A child that a killed run was just starting may hold its lock for a moment longer.
func TestResumeWaitsForTheLock(t *testing.T) {
	p := newProject(t)
	p.runUntil(syscall.SIGKILL, "verdicts", func(e event.Event) bool { return e.Kind == event.NodeStarted })
	locks, err := filepath.Glob(filepath.Join(p.dir, "runs", "*", "lock"))
	if err != nil || len(locks) != 1 {
		t.Fatal(locks, err)
	}
	lock, err := os.Open(locks[0])
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.Flock(int(lock.Fd()), unix.LOCK_EX); err != nil {
		t.Fatal(err)
	}
	time.AfterFunc(300*time.Millisecond, func() { lock.Close() })
	p.must("resume")
}

// moment is when to kill: one in four within the start, when the run is recorded.
func moment(rnd *rand.Rand, took time.Duration) time.Duration {
	if rnd.IntN(4) == 0 {
		return time.Duration(rnd.Int64N(int64(50 * time.Millisecond)))
	}
	return time.Duration(rnd.Int64N(int64(took)))
}

// again is the command that goes on: resume, if there is something to resume.
func (p project) again() []string {
	ids, err := run.Dir(filepath.Join(p.dir, "runs")).IDs()
	if err != nil {
		p.t.Fatal(err)
	}
	if len(ids) == 0 {
		return append([]string{"run", "loop.yaml"}, quick...)
	}
	return []string{"resume"}
}

func (p project) must(args ...string) {
	p.t.Helper()
	if out, err := p.command(args...).CombinedOutput(); err != nil {
		p.t.Fatalf("%v: %v\n%s", args, err, out)
	}
}

// killedAfter goes on with the run and kills it after a time. It reports false if the
// run ended before.
func (p project) killedAfter(d time.Duration) bool {
	p.t.Helper()
	cmd := p.command(p.again()...)
	output, err := os.Create(filepath.Join(p.t.TempDir(), "output")) // not a pipe, which what outlives the run might hold
	if err != nil {
		p.t.Fatal(err)
	}
	defer output.Close()
	cmd.Stdout, cmd.Stderr = output, output
	if err := cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
	timer := time.AfterFunc(d, func() { cmd.Process.Kill() })
	err = cmd.Wait()
	timer.Stop()
	var exit *exec.ExitError
	if err != nil && (!errors.As(err, &exit) || exit.Exited()) {
		said, _ := os.ReadFile(output.Name())
		p.t.Fatalf("%v failed by itself: %v\n%s", cmd.Args, err, said)
	}
	return err != nil
}

// phase names the node that the newest run was killed at.
func (p project) phase() string {
	runs := run.Dir(filepath.Join(p.dir, "runs"))
	id, err := runs.Find("last")
	if err != nil {
		return "starting"
	}
	events, err := os.ReadFile(filepath.Join(p.dir, "runs", id, "events.jsonl"))
	if err != nil {
		p.t.Fatal(err)
	}
	at := "starting"
	for line := range strings.Lines(string(events)) {
		var e event.Event
		if json.Unmarshal([]byte(line), &e) == nil && e.Kind == event.NodeStarted {
			at = e.Node
		}
	}
	return at
}

// storedRows lists the keys of all stored rows by row space.
func storedRows(t *testing.T, dir string) map[string][]digest.Digest {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "cache", "rows", "*", "*.arrow"))
	if err != nil {
		t.Fatal(err)
	}
	rows := map[string][]digest.Digest{}
	for _, file := range files {
		if _, err := os.Stat(strings.TrimSuffix(file, ".arrow") + ".idx"); err != nil {
			continue // a kill came between the two: its rows don't count as stored
		}
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		keys, err := engineexec.SegmentKeys(content)
		if err != nil {
			t.Fatal(err)
		}
		space := filepath.Base(filepath.Dir(file))
		rows[space] = append(rows[space], keys...)
	}
	return rows
}

func duplicates(keys []digest.Digest) int {
	sorted := slices.SortedFunc(slices.Values(keys), func(a, b digest.Digest) int { return slices.Compare(a[:], b[:]) })
	return len(keys) - len(slices.Compact(sorted))
}

// A run that waits for rows of another takes them over when that one is killed.
func TestTakeOverFromAKilledRun(t *testing.T) {
	whole := newProject(t)
	whole.must(append([]string{"run", "loop.yaml", "--to", "verdicts"}, settings...)...)
	want := whole.digests(whole.show())

	p := newProject(t)
	first := p.command(append([]string{"run", "loop.yaml", "--to", "verdicts"}, settings...)...)
	if err := first.Start(); err != nil {
		t.Fatal(err)
	}
	second := p.command(append([]string{"run", "loop.yaml", "--to", "verdicts", "--json"}, settings...)...)
	stdout, err := second.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := second.Start(); err != nil {
		t.Fatal(err)
	}
	dec, killed := json.NewDecoder(stdout), false
	for {
		var e event.Event
		if dec.Decode(&e) != nil {
			break
		}
		if !killed && e.Node == "verdicts" && e.Kind == event.NodeProgress && e.Done > e.Cached {
			killed = true // both are at work on the verdicts by now
			first.Process.Kill()
		}
	}
	first.Wait()
	if err := second.Wait(); err != nil {
		t.Fatal(err)
	}
	if !killed {
		t.Fatal("the first run had nothing left to be killed at")
	}
	runs := run.Dir(filepath.Join(p.dir, "runs"))
	ids, err := runs.IDs()
	if err != nil {
		t.Fatal(err)
	}
	succeeded := 0
	for _, id := range ids {
		if r, err := runs.Load(id); err == nil && r.Status == event.Succeeded {
			succeeded++
			if !maps.Equal(p.digests(r), want) {
				t.Error("outputs differ from those of a run alone")
			}
		}
	}
	if succeeded == 0 {
		t.Error("no run succeeded")
	}
	for space, keys := range storedRows(t, p.dir) {
		if twice := duplicates(keys); twice > 0 {
			t.Errorf("%s: %d rows were stored twice", space, twice)
		}
	}
}
