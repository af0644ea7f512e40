// Package ondemand runs a server while somebody needs it: the first that does starts
// it, others share it, the last that lets go stops it. Whoever is killed lets go, too:
// the server then stays, and the next that needs it goes on with it.
package ondemand

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/ouroflow/ouroflow/engine/durable"
	"golang.org/x/sys/unix"
)

// Options say what to run.
type Options struct {
	Dir     string                                              // folder that the server is known by: its locks, state and log
	Command []string                                            // {port} in an argument becomes the port; without one, --host and --port are added
	Env     []string                                            // NAME=VALUE, in addition to this process's
	Ready   func(ctx context.Context, url string) (bool, error) // an error is the end of waiting
	Timeout time.Duration                                       // for it to become ready
	Logf    func(string, ...any)
	Waiting func(since time.Duration) // called now and then while it comes up
}

// Server is a server that this process uses.
type Server struct {
	opts    Options
	users   *os.File // locked in common with the others that use the server
	state   state
	url     string
	adopted bool // it ran already
	revived int  // how often it was started again

	stop   context.CancelFunc // of what goes on beside
	beside sync.WaitGroup
}

// state is what is known of a running server, in the file server.json.
type state struct {
	PID  int `json:"pid"` // leads a session of its own
	Port int `json:"port"`
}

func (s state) url() string { return "http://127.0.0.1:" + strconv.Itoa(s.Port) }

// pollEvery is how often a server, a lock or a log is looked at.
const pollEvery = 200 * time.Millisecond

// Use starts the server of a folder, or goes on with the one that runs.
func Use(ctx context.Context, o Options) (*Server, error) {
	if err := os.MkdirAll(o.Dir, 0o700); err != nil {
		return nil, err
	}
	turn, err := lock(ctx, filepath.Join(o.Dir, "lock"), unix.LOCK_EX)
	if err != nil {
		return nil, err
	}
	defer turn.Close()
	s := &Server{opts: o}
	if s.users, err = lock(ctx, filepath.Join(o.Dir, "users"), unix.LOCK_SH); err != nil {
		return nil, err
	}
	if err := s.begin(ctx); err != nil {
		s.leave()
		return nil, err
	}
	s.watch()
	return s, nil
}

// begin has a server that is ready.
func (s *Server) begin(ctx context.Context) error {
	s.read()
	if s.adopted = s.alive(); s.adopted {
		s.url = s.state.url()
		s.opts.Logf("going on with the server that runs at %s (process %d)", s.URL(), s.state.PID)
		return s.await(ctx, time.Now())
	}
	s.end() // what is left of one that died
	var err error
	if s.state.Port, err = freePort(); err != nil {
		return err
	}
	s.url = s.state.url()
	start := time.Now()
	if err := s.start(); err != nil {
		return err
	}
	if err := s.await(ctx, start); err != nil {
		return err
	}
	s.opts.Logf("the server is up at %s after %s", s.URL(), time.Since(start).Round(time.Second))
	return nil
}

// read reads what is known of the server; nothing, if there is none.
func (s *Server) read() {
	var known state
	b, err := os.ReadFile(s.file("server.json"))
	if err == nil && json.Unmarshal(b, &known) == nil {
		s.state = known
	}
}

// start starts the processes. They are in a session of their own, so that a signal
// from a terminal doesn't reach them.
func (s *Server) start() error {
	log, err := os.Create(s.LogPath())
	if err != nil {
		return err
	}
	defer log.Close()
	args := s.args()
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Env = append(append(os.Environ(), s.opts.Env...), s.mark())
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("starting the server: %w; install it, or correct command (ouroflow doctor tells what there is)", err)
	}
	s.state.PID = cmd.Process.Pid
	s.opts.Logf("started %s (process %d); its log is %s", strings.Join(args, " "), s.state.PID, s.LogPath())
	go func() { _ = cmd.Wait() }() // how it ended, its log says
	b, err := json.Marshal(s.state)
	if err != nil {
		return err
	}
	return durable.WriteFile(durable.OS{}, s.opts.Dir, s.file("server.json"), b, 0o600)
}

func (s *Server) args() []string {
	port, found := strconv.Itoa(s.state.Port), false
	var args []string
	for _, a := range s.opts.Command {
		found = found || strings.Contains(a, "{port}")
		args = append(args, strings.ReplaceAll(a, "{port}", port))
	}
	if !found {
		args = append(args, "--host", "127.0.0.1", "--port", port)
	}
	return args
}

func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}

// await waits until the server is ready.
func (s *Server) await(ctx context.Context, start time.Time) error {
	for {
		ready, err := s.opts.Ready(ctx, s.URL())
		if ready || err != nil {
			return err
		}
		if !s.alive() {
			return fmt.Errorf("the server ended before it was ready; the end of its log, %s:\n%s", s.LogPath(), s.lastWords())
		}
		if waited := time.Since(start); waited > s.opts.Timeout {
			return fmt.Errorf("the server isn't ready after %s; see %s, or raise start_timeout", waited.Round(time.Second), s.LogPath())
		}
		s.opts.Waiting(time.Since(start))
		if !pause(ctx) {
			return ctx.Err()
		}
	}
}

// URL is where the server listens.
func (s *Server) URL() string { return s.url }

// LogPath is the file that the server's output goes to.
func (s *Server) LogPath() string { return s.file("server.log") }

func (s *Server) file(name string) string { return filepath.Join(s.opts.Dir, name) }

// lastWords returns the end of the log.
func (s *Server) lastWords() string {
	b, err := os.ReadFile(s.LogPath())
	if err != nil {
		return err.Error()
	}
	lines := strings.Split(strings.TrimSpace(string(b)), "\n")
	return strings.Join(lines[max(0, len(lines)-15):], "\n")
}

// Release lets go of the server and stops it if nobody else uses it.
func (s *Server) Release() {
	s.stop()
	s.beside.Wait()
	turn, err := lock(context.Background(), s.file("lock"), unix.LOCK_EX)
	if err != nil {
		s.opts.Logf("stopping the server: %v", err)
		return
	}
	defer turn.Close()
	s.leave()
}

// leave stops the server if nobody else uses it. Whoever calls it has the lock.
func (s *Server) leave() {
	defer s.users.Close()
	if unix.Flock(int(s.users.Fd()), unix.LOCK_EX|unix.LOCK_NB) == nil {
		s.end()
	}
}

// lock opens a file and locks it. Closing it gives the lock back.
func lock(ctx context.Context, path string, how int) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	for {
		err := unix.Flock(int(f.Fd()), how|unix.LOCK_NB)
		if err == nil {
			return f, nil
		}
		if !errors.Is(err, unix.EWOULDBLOCK) && !errors.Is(err, unix.EINTR) {
			f.Close()
			return nil, fmt.Errorf("locking %s: %w", path, err)
		}
		if !pause(ctx) {
			f.Close()
			return nil, ctx.Err()
		}
	}
}

func pause(ctx context.Context) bool {
	select {
	case <-time.After(pollEvery):
		return true
	case <-ctx.Done():
		return false
	}
}
