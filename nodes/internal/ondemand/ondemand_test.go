package ondemand

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// The test's own binary is the server: it answers at the port that it is given, and
// starts a child that would stay.
func TestMain(m *testing.M) {
	if len(os.Args) > 2 && os.Args[1] == "serve" {
		serve(os.Args[2:])
	}
	os.Exit(m.Run())
}

func serve(args []string) {
	if args[0] == "broken" {
		fmt.Println("no GPU here")
		os.Exit(3)
	}
	child := exec.Command("sleep", "1000")
	child.SysProcAttr = &unix.SysProcAttr{Setsid: true}
	_ = child.Start()
	titled := exec.Command("sleep", "1000") // as one that hides its environment
	titled.Env = []string{}
	_ = titled.Start()
	fmt.Println("starting")
	_ = http.ListenAndServe("127.0.0.1:"+args[len(args)-1], http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, os.Getpid())
	}))
}

// use uses the server of a folder; what it logs goes to the returned log.
func use(t *testing.T, dir string, more ...string) (*Server, *log, error) {
	t.Helper()
	l := &log{}
	s, err := Use(t.Context(), Options{
		Dir: dir, Command: append([]string{os.Args[0], "serve"}, more...), Env: []string{"X=1"}, Timeout: 30 * time.Second,
		Logf: l.logf, Waiting: func(time.Duration) {},
		Ready: func(_ context.Context, url string) (bool, error) {
			return ask(url) != "", nil
		},
	})
	return s, l, err
}

type log struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *log) logf(format string, args ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	fmt.Fprintf(&l.text, format+"\n", args...)
}

func (l *log) has(text string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Contains(l.text.String(), text)
}

// ask returns the process that answers at a URL, or nothing.
func ask(url string) string {
	resp, err := http.Get(url)
	if err != nil {
		return ""
	}
	defer resp.Body.Close()
	b := make([]byte, 20)
	n, _ := resp.Body.Read(b)
	return string(b[:n])
}

func until(t *testing.T, what string, done func() bool) {
	t.Helper()
	for range 300 {
		if done() {
			return
		}
		time.Sleep(pollEvery / 2)
	}
	t.Fatal("in vain waited until ", what)
}

// The server is shared, and ends with all of its processes when the last lets go.
func TestShared(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "x")
	a, la, err := use(t, dir)
	if err != nil {
		t.Fatal(err)
	}
	b, lb, err := use(t, dir)
	if err != nil {
		t.Fatal(err)
	}
	if a.URL() != b.URL() || !lb.has("going on with the server that runs") {
		t.Errorf("%s and %s", a.URL(), b.URL())
	}
	until(t, "the log is handed on", func() bool { return la.has("server: starting") })
	if up := Running(filepath.Dir(dir)); len(up) != 1 || up[0].URL != a.URL() {
		t.Errorf("running: %v", up)
	}
	a.Release()
	if ask(b.URL()) == "" {
		t.Error("the server ended while it was used")
	}
	if n := len(b.processes()); n != 3 {
		t.Errorf("%d processes", n)
	}
	b.Release()
	if left := b.processes(); ask(b.URL()) != "" || len(left) > 0 || len(Running(filepath.Dir(dir))) > 0 {
		t.Errorf("left: %v", left)
	}
}

// A server whose user was killed is gone on with.
func TestAdopted(t *testing.T) {
	dir := t.TempDir()
	a, _, err := use(t, dir)
	if err != nil {
		t.Fatal(err)
	}
	pid := ask(a.URL())
	a.stop() // as if this process were killed: its lock is given back, and nothing else is done
	a.beside.Wait()
	a.users.Close()
	b, _, err := use(t, dir)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Release()
	if got := ask(b.URL()); got != pid {
		t.Errorf("process %s answers, want %s", got, pid)
	}
}

// Whoever can't use a server that others use leaves it to them.
func TestOthersKeepTheServer(t *testing.T) {
	dir := t.TempDir()
	a, _, err := use(t, dir)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Release()
	wrong := errors.New("it has no such model")
	_, err = Use(t.Context(), Options{
		Dir: dir, Command: []string{os.Args[0], "serve"}, Timeout: time.Minute, Logf: t.Logf,
		Ready: func(context.Context, string) (bool, error) { return false, wrong },
	})
	if !errors.Is(err, wrong) || ask(a.URL()) == "" {
		t.Errorf("err = %v, and %q answers", err, ask(a.URL()))
	}
}

// What is known of a server may be damaged: its processes are found and ended, and
// another is started.
func TestDamagedState(t *testing.T) {
	dir := t.TempDir()
	a, _, err := use(t, dir)
	if err != nil {
		t.Fatal(err)
	}
	before := a.processes()
	a.stop()
	a.beside.Wait()
	a.users.Close()
	if err := os.WriteFile(filepath.Join(dir, "server.json"), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	b, _, err := use(t, dir)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Release()
	for _, pid := range before {
		if marked(pid, a.mark()) {
			t.Errorf("process %d stayed", pid)
		}
	}
}

// A server that is killed is started again at the same place, and none of its
// processes stays.
func TestRevived(t *testing.T) {
	s, l, err := use(t, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer s.Release()
	before := s.processes()
	pid, err := strconv.Atoi(ask(s.URL()))
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.Kill(pid, unix.SIGKILL); err != nil {
		t.Fatal(err)
	}
	until(t, "it answers again", func() bool { return ask(s.URL()) != "" && l.has("starting it again") })
	if len(before) != 3 {
		t.Errorf("%d processes", len(before))
	}
	for _, pid := range before {
		if sessionOf(pid) != 0 {
			t.Errorf("process %d stayed", pid)
		}
	}
}

func TestThatNeverComesUp(t *testing.T) {
	for want, args := range map[string][]string{"no GPU here": {"broken"}, "starting the server": nil} {
		dir := t.TempDir()
		o := Options{Dir: dir, Command: []string{"/no/such/program"}, Timeout: time.Second, Logf: t.Logf, Waiting: func(time.Duration) {}}
		var err error
		if args == nil {
			_, err = Use(t.Context(), o)
		} else {
			_, _, err = use(t, dir, args...)
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("err = %v, want %q", err, want)
		}
	}
}

// A wait for a server ends with the run, and the server with it.
func TestCanceled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	dir := t.TempDir()
	_, err := Use(ctx, Options{
		Dir: dir, Command: []string{os.Args[0], "serve"}, Timeout: time.Minute, Logf: t.Logf, Waiting: func(time.Duration) { cancel() },
		Ready: func(ctx context.Context, _ string) (bool, error) { return false, ctx.Err() },
	})
	if err == nil || len(Running(filepath.Dir(dir))) > 0 {
		t.Errorf("err = %v", err)
	}
}
