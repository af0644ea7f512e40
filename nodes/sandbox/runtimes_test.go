package sandbox_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	"github.com/ouroflow/ouroflow/nodes/sandbox"
	"github.com/ouroflow/ouroflow/nodes/sandbox/containers"
)

// limits are small, so that candidates that use them up do so soon.
var limits = sandbox.Limits{CPU: 1, Wall: 4, Memory: 256, Output: 64, Processes: 32}

// runtimes are what the tests run on, by name.
var runtimes = map[string]func(testing.TB) sandbox.Runtime{"process": processRuntime, "containerd": containerRuntime}

func newPool(t testing.TB, rt sandbox.Runtime, n int, demanded ...string) *sandbox.Pool {
	t.Helper()
	p, err := sandbox.NewPool(context.Background(), rt, n, demanded, t.Logf)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	return p
}

// onEach runs a test on a pool of one worker of each runtime.
func onEach(t *testing.T, test func(t *testing.T, p *sandbox.Pool)) {
	for name, start := range runtimes {
		t.Run(name, func(t *testing.T) { test(t, newPool(t, start(t), 1)) })
	}
}

func processRuntime(t testing.TB) sandbox.Runtime {
	t.Helper()
	if _, err := exec.LookPath("python3"); err != nil {
		t.Skip("python3 is not installed: ", err)
	}
	return sandbox.Processes("python3", limits)
}

func containerRuntime(t testing.TB) sandbox.Runtime {
	t.Helper()
	rt, err := containers.New(context.Background(), containerOptions(testDaemon(t)))
	if err != nil {
		t.Fatal(err)
	}
	return rt
}

func containerOptions(d containers.Daemon) containers.Options {
	return containers.Options{Address: d.Address(), OCIRuntime: "runc", Image: containers.HostImage, Python: "python3", Limits: limits}
}

// testDaemon is a containerd for the tests of this package.
func testDaemon(t testing.TB) containers.Daemon {
	t.Helper()
	d, err := daemon()
	if err != nil {
		t.Skip("the containerd runtime can't be tested here: ", err)
	}
	return d
}

var daemon = sync.OnceValues(func() (containers.Daemon, error) {
	if os.Getuid() != 0 {
		return containers.Daemon{}, errors.New("it needs root")
	}
	dir, err := os.MkdirTemp("", "ouroflow-containerd-*")
	if err != nil {
		return containers.Daemon{}, err
	}
	d := containers.Daemon{Dir: filepath.Join(dir, "run"), Data: filepath.Join(dir, "data")}
	_, err = d.Up(context.Background())
	if err == nil {
		started = append(started, dir)
	}
	return d, err
})

// started are the folders of daemons to end after the tests.
var started []string

func TestMain(m *testing.M) {
	code := m.Run()
	for _, dir := range started {
		d := containers.Daemon{Dir: filepath.Join(dir, "run"), Data: filepath.Join(dir, "data")}
		if _, err := d.Down(context.Background()); err != nil {
			fmt.Fprintln(os.Stderr, "ending containerd:", err)
			code = 1
		}
		if err := os.RemoveAll(dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	os.Exit(code)
}
