package sandbox

import (
	"bufio"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/ouroflow/ouroflow/nodes/internal/verdict"
	"golang.org/x/sys/unix"
)

// Transport is a running Python that becomes a worker.
type Transport interface {
	io.Writer                          // its standard input
	Output() io.Reader                 // its standard output
	Kill()                             // ends it and everything that it started, and waits for that
	Ended() (status int, words string) // how it ended, after Kill
}

// Surroundings are what a worker can count on where it runs.
type Surroundings struct {
	Namespaces    bool   // of processes, mounts, network and ipc, not the host's
	UserNamespace bool   // root in there is nobody outside
	Contained     bool   // in a container with a memory limit of its own
	Reason        string // why there are no namespaces, or weaker ones
	Root          string // folder that becomes the root; empty if it is one already
	Dir           string // working folder of candidates if there are no namespaces
	User          int    // uid and gid of candidates if the worker is root
}

// Runtime starts workers. Implementations are safe for concurrent use.
type Runtime interface {
	// Start starts the n-th worker, with its first verdict behind it.
	Start(ctx context.Context, n int) (*Worker, error)
	// Close removes what the runtime made.
	Close() error
}

// Worker runs one candidate at a time.
type Worker struct {
	ctx         context.Context
	transport   Transport
	lines       chan []byte // closed when the process ends
	protections []string
	patience    time.Duration // longest wait for a verdict
}

// startGrace is how long a worker may take to come up, and how much longer than the
// limits it may take to answer: both only end hangs.
const startGrace = time.Minute

// mostStarved is how many times the wall limit a worker gives a candidate at most,
// when that is kept from a processor.
const mostStarved = 10

// NewWorker makes a worker of a Python that was started with PythonArgs, and has it
// run a program that passes: a sandbox that can't do that is of no use.
func NewWorker(ctx context.Context, t Transport, limits Limits, around Surroundings) (*Worker, error) {
	w := &Worker{ctx: ctx, transport: t, lines: make(chan []byte)}
	w.patience = mostStarved*time.Duration(limits.Wall)*time.Second + startGrace
	go w.read()
	if err := w.greet(limits, around); err != nil {
		w.Kill()
		return nil, err
	}
	v, err := w.Judge(probe)
	if err == nil && v.Verdict != verdict.Passed {
		err = fmt.Errorf("a trivial program ends with %s: %s", v.Verdict, v.Message)
	}
	if err != nil {
		w.Kill()
		return nil, err
	}
	return w, nil
}

// Protections lists what keeps candidates in.
func (w *Worker) Protections() []string { return w.protections }

// Kill ends the worker. Its candidates end with it.
func (w *Worker) Kill() {
	w.transport.Kill()
	for range w.lines { // lets read end
	}
}

// read passes on the lines of the worker until it ends.
func (w *Worker) read() {
	defer close(w.lines)
	r := bufio.NewReaderSize(w.transport.Output(), 1<<16)
	for {
		line, err := r.ReadBytes('\n')
		if err != nil {
			return
		}
		w.lines <- line
	}
}

// settings is the first line that a worker reads.
type settings struct {
	Served        []module `json:"served"`
	Judging       []module `json:"judging"`
	Filter        string   `json:"filter"`
	Seal          string   `json:"seal"` // filter of a candidate that shares its process with tests
	Namespaces    bool     `json:"namespaces"`
	UserNamespace bool     `json:"user_namespace"`
	Contained     bool     `json:"contained"`
	Reason        string   `json:"reason"`
	HostMounts    string   `json:"host_mounts"`
	Root          string   `json:"root"`
	Dir           string   `json:"dir"`
	User          int      `json:"user"`
	CPU           int      `json:"cpu_s"`
	Wall          int      `json:"wall_s"`
	Memory        int      `json:"memory_mb"`
	Output        int      `json:"output_kb"`
	Processes     int      `json:"processes"`
}

func (w *Worker) greet(l Limits, around Surroundings) error {
	hostMounts, err := os.Readlink("/proc/self/ns/mnt")
	if err != nil {
		return err
	}
	filter, err := systemCalls()
	if err != nil {
		return fmt.Errorf("making the filter of system calls: %w", err)
	}
	seal, err := sealed()
	if err != nil {
		return fmt.Errorf("making the filter of system calls: %w", err)
	}
	line, err := w.ask(settings{
		Served: sources(served), Judging: sources(judging), Filter: hex.EncodeToString(filter), Seal: hex.EncodeToString(seal),
		Namespaces: around.Namespaces, UserNamespace: around.UserNamespace, Contained: around.Contained, Reason: around.Reason,
		HostMounts: hostMounts, Root: around.Root, Dir: around.Dir, User: around.User,
		CPU: l.CPU, Wall: l.Wall, Memory: l.Memory, Output: l.Output, Processes: l.Processes,
	}, startGrace)
	if err != nil {
		return err
	}
	m, err := parse(line)
	w.protections = m.Protections
	return err
}

// Judge runs a candidate. An error says that the worker is of no use any more.
func (w *Worker) Judge(job Job) (Verdict, error) {
	if job.Tests == nil {
		job.Tests = []string{}
	}
	if job.Compare.Space == "" {
		job.Compare.Space = Lines
	}
	patience := w.patience
	if job.Form == Program {
		patience *= time.Duration(max(1, len(job.Tests))) // each is a run of its own
	}
	line, err := w.ask(job, patience)
	if err != nil {
		return Verdict{}, err
	}
	return parseVerdict(line)
}

func (w *Worker) ask(message any, patience time.Duration) ([]byte, error) {
	b, err := json.Marshal(message)
	if err != nil {
		return nil, err
	}
	if _, err := w.transport.Write(append(b, '\n')); err != nil {
		return nil, w.broken()
	}
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case line, ok := <-w.lines:
		if !ok {
			return nil, w.broken()
		}
		return line, nil
	case <-w.ctx.Done():
		w.Kill()
		return nil, w.ctx.Err()
	case <-timer.C:
		return nil, fmt.Errorf("the sandbox worker didn't answer within %s", patience)
	}
}

// errOvertime says that a judge ended itself because a test used up the CPU time that
// a candidate has, with what the candidate returned.
var errOvertime = errors.New("a test ran out of CPU time with what the candidate returned")

func (w *Worker) broken() error {
	w.Kill()
	status, words := w.transport.Ended()
	if status == int(unix.SIGXCPU) {
		return errOvertime
	}
	return fmt.Errorf("the sandbox worker ended: %s", words)
}
