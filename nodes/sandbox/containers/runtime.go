package containers

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	containerd "github.com/containerd/containerd/v2/client"
	"github.com/containerd/containerd/v2/core/containers"
	"github.com/containerd/containerd/v2/pkg/cio"
	"github.com/containerd/containerd/v2/pkg/oci"
	"github.com/containerd/errdefs"
	"github.com/opencontainers/runtime-spec/specs-go"
	"github.com/ouroflow/ouroflow/engine/node"
	"github.com/ouroflow/ouroflow/nodes/sandbox"
)

// Options say what containers to make.
type Options struct {
	Address    string // of containerd; empty: the first of Addresses that answers
	OCIRuntime string // runc, crun, or a shim of containerd such as io.containerd.runsc.v1
	Image      string
	Python     string // of the host, for HostImage; else its name in the image
	Limits     sandbox.Limits
}

// pool is the runtime of workers that are containers.
type pool struct {
	opts        Options
	client      *containerd.Client
	address     string
	snapshotter string
	image       containerd.Image
	python      string
	dir         string // holds sockets
	folder      *os.File
}

// made counts the containers of this process: runc wants names that no other container
// of the machine has.
var made atomic.Int64

// New connects to containerd, removes what dead processes left there, and gets the
// image.
func New(ctx context.Context, o Options) (sandbox.Runtime, error) {
	c, address, err := connect(ctx, o.Address)
	if err != nil {
		return nil, node.Faultf("%w", err)
	}
	p := &pool{opts: o, client: c, address: address}
	if err := p.prepare(inNamespace(ctx)); err != nil {
		return nil, errors.Join(err, p.Close())
	}
	return p, nil
}

func (p *pool) prepare(ctx context.Context) (err error) {
	_ = removeOrphans(ctx, p.client) // others may be at it, and what stays harms no run
	if p.snapshotter, err = snapshotter(ctx, p.client); err != nil {
		return err
	}
	from := images{p.client, p.snapshotter}
	if p.image, p.python, err = from.get(ctx, p.opts.Image, p.opts.Python); err != nil {
		return err
	}
	if err := removeStaleFolders(); err != nil {
		return err
	}
	if p.dir, err = os.MkdirTemp("", folderPrefix+ownerName()+"-*"); err != nil {
		return err
	}
	p.folder, err = os.Open(p.dir)
	return err
}

// folderPrefix starts the names of folders for sockets. Its owner follows.
const folderPrefix = "ouroflow-sandbox-"

// removeStaleFolders removes the folders of processes that are gone.
func removeStaleFolders() error {
	dirs, err := filepath.Glob(filepath.Join(os.TempDir(), folderPrefix+"*"))
	if err != nil {
		return err
	}
	var failures []error
	for _, dir := range dirs {
		name := strings.Split(strings.TrimPrefix(filepath.Base(dir), folderPrefix), "-")
		if len(name) == 4 && !isAlive(strings.Join(name[:3], " ")) {
			failures = append(failures, os.RemoveAll(dir))
		}
	}
	return errors.Join(failures...)
}

// Close implements sandbox.Runtime.
func (p *pool) Close() error {
	_ = p.folder.Close() // it may never have been opened
	return errors.Join(os.RemoveAll(p.dir), p.client.Close())
}

// ownerLabel is the label of a container that tells which process uses it.
const ownerLabel = "ouroflow/owner"

// removeOrphans removes the containers of processes that are gone.
func removeOrphans(ctx context.Context, c *containerd.Client) error {
	return removeContainers(ctx, c, func(labels map[string]string) bool { return !isAlive(labels[ownerLabel]) })
}

func removeContainers(ctx context.Context, c *containerd.Client, which func(labels map[string]string) bool) error {
	all, err := c.Containers(ctx)
	if err != nil {
		return err
	}
	var failures []error
	for _, one := range all {
		labels, err := one.Labels(ctx)
		if err == nil && which(labels) {
			err = remove(ctx, one)
		}
		if err != nil && !errdefs.IsNotFound(err) {
			failures = append(failures, fmt.Errorf("container %s: %w", one.ID(), err))
		}
	}
	return errors.Join(failures...)
}

// remove ends a container and removes it with its snapshot.
func remove(ctx context.Context, c containerd.Container) error {
	task, err := c.Task(ctx, nil)
	if err == nil {
		_, err = task.Delete(ctx, containerd.WithProcessKill)
	}
	if err != nil && !errdefs.IsNotFound(err) {
		return err
	}
	err = c.Delete(ctx, containerd.WithSnapshotCleanup)
	if errdefs.IsNotFound(err) {
		return nil
	}
	return err
}

// Start implements sandbox.Runtime.
func (p *pool) Start(ctx context.Context, n int) (*sandbox.Worker, error) {
	t, err := p.start(inNamespace(ctx))
	if err != nil {
		return nil, node.Faultf("starting a container: %w", err)
	}
	return sandbox.NewWorker(ctx, t, p.opts.Limits, sandbox.Surroundings{Namespaces: true, Contained: true, User: sandbox.UserOf(n)})
}

func (p *pool) start(ctx context.Context) (*container, error) {
	id := fmt.Sprintf("worker-%s-%d", ownerName(), made.Add(1))
	t := &container{stderr: &sandbox.Tail{}, ctx: context.WithoutCancel(ctx)}
	shim, options := ociRuntime(p.opts.OCIRuntime)
	var err error
	if t.listener, err = listen(p.folder, id); err != nil {
		return nil, err
	}
	t.container, err = p.client.NewContainer(ctx, id,
		containerd.WithImage(p.image),
		containerd.WithContainerLabels(map[string]string{ownerLabel: ownerOf(os.Getpid())}),
		containerd.WithSnapshotter(p.snapshotter),
		containerd.WithNewSnapshotView(id, p.image),
		containerd.WithRuntime(shim, options),
		containerd.WithNewSpec(p.spec(id)...),
	)
	if err == nil {
		err = t.run(ctx)
	}
	if err != nil {
		t.Kill()
		if said := t.stderr.String(); said != "" {
			err = fmt.Errorf("%w; it said: %s", err, said)
		}
		return nil, err
	}
	return t, nil
}

// spec says what a worker's container is like. Its root is read-only and has no
// network; the worker needs some privileges to take all of them from candidates.
func (p *pool) spec(id string) []oci.SpecOpts {
	env := append(sandbox.Environment(), imageEnvironment(p.image)...)
	return []oci.SpecOpts{
		oci.WithProcessArgs(append([]string{p.python}, sandbox.PythonArgs(socketInside)...)...),
		oci.WithEnv(env),
		withOldVersion,
		oci.WithProcessCwd("/"),
		oci.WithRootFSReadonly(),
		oci.WithNoNewPrivileges,
		oci.WithCapabilities([]string{"CAP_SYS_ADMIN", "CAP_SETPCAP", "CAP_SETUID", "CAP_SETGID", "CAP_KILL", "CAP_DAC_OVERRIDE", "CAP_FOWNER"}),
		oci.WithCgroup("/" + cgroup(p.address) + "/" + id),
		oci.WithMemoryLimit(uint64(p.opts.Limits.Memory+workerMemory) << 20),
		oci.WithPidsLimit(int64(p.opts.Limits.Processes + workerProcesses)),
		oci.WithMounts([]specs.Mount{
			{Destination: "/tmp", Type: "tmpfs", Source: "tmpfs", Options: []string{"nosuid", "nodev", "mode=1777", "size=64m"}},
			{Destination: socketInside, Type: "bind", Source: filepath.Join(p.dir, id), Options: []string{"bind", "ro"}},
		}),
	}
}

// withOldVersion writes a version of the format that old OCI runtimes know, too: crun
// refuses newer ones, and nothing of them is used.
func withOldVersion(_ context.Context, _ oci.Client, _ *containers.Container, s *oci.Spec) error {
	s.Version = "1.0.2"
	return nil
}

// What a worker itself needs beside its candidate, in MiB and in processes.
const (
	workerMemory    = 512
	workerProcesses = 16
)

// imageEnvironment returns the variables that an image sets for Python, such as where
// its packages are.
func imageEnvironment(m containerd.Image) []string {
	spec, err := m.Spec(inNamespace(context.Background()))
	if err != nil {
		return nil
	}
	var out []string
	for _, v := range spec.Config.Env {
		if strings.HasPrefix(v, "PYTHONPATH=") || strings.HasPrefix(v, "PATH=") {
			out = append(out, v)
		}
	}
	return out
}

// container is a Transport over a socket in a folder that is mounted into it: what
// goes through the pipes of a task is copied twice by containerd's shim.
type container struct {
	ctx       context.Context
	container containerd.Container
	task      containerd.Task
	exit      <-chan containerd.ExitStatus
	status    containerd.ExitStatus
	listener  *net.UnixListener
	conn      net.Conn
	closed    atomic.Bool // the worker has closed its end
	stderr    *sandbox.Tail
	once      sync.Once
}

// socketInside is the socket in the container, and in PythonArgs.
const socketInside = "/run/ouroflow.sock"

// listen makes a socket in a folder, whose own path may be too long for an address.
func listen(folder *os.File, name string) (*net.UnixListener, error) {
	path := fmt.Sprintf("/proc/self/fd/%d/%s", folder.Fd(), name)
	return net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
}

// connectGrace is how long Python may take to start.
const connectGrace = time.Minute

func (t *container) run(ctx context.Context) (err error) {
	t.task, err = t.container.NewTask(ctx, cio.NewCreator(cio.WithStreams(nil, io.Discard, t.stderr)))
	if err != nil {
		return err
	}
	if t.exit, err = t.task.Wait(t.ctx); err != nil {
		return err
	}
	if err := t.task.Start(ctx); err != nil {
		return err
	}
	return t.accept(ctx)
}

// accept waits for the worker to connect, or to end before that.
func (t *container) accept(ctx context.Context) error {
	if err := t.listener.SetDeadline(time.Now().Add(connectGrace)); err != nil {
		return err
	}
	done := make(chan error, 1)
	go func() {
		var err error
		t.conn, err = t.listener.Accept()
		done <- err
	}()
	select {
	case err := <-done:
		return err
	case t.status = <-t.exit:
		return errors.Join(t.stopListening(done), fmt.Errorf("the worker ended with status %d before it could be asked anything", t.status.ExitCode()))
	case <-ctx.Done():
		return errors.Join(t.stopListening(done), ctx.Err())
	}
}

// stopListening ends the wait for a connection. That this is an error there is none.
func (t *container) stopListening(accepted <-chan error) error {
	err := t.listener.Close()
	<-accepted //nolint:errcheck // the listener is closed
	return err
}

// Write implements sandbox.Transport.
func (t *container) Write(b []byte) (int, error) { return t.conn.Write(b) }

// Output implements sandbox.Transport.
func (t *container) Output() io.Reader { return t }

// Read reads what the worker writes.
func (t *container) Read(b []byte) (int, error) {
	n, err := t.conn.Read(b)
	if err != nil {
		t.closed.Store(true)
	}
	return n, err
}

// killGrace is how long containerd may take to end and remove a container. What is
// left after it, the next pool removes.
const killGrace = 20 * time.Second

// Kill implements sandbox.Transport.
func (t *container) Kill() {
	t.once.Do(func() {
		ctx, cancel := context.WithTimeout(t.ctx, killGrace)
		defer cancel()
		t.end(ctx)
		if t.conn != nil {
			t.conn.Close()
		}
		t.listener.Close()
		if t.container != nil {
			_ = remove(ctx, t.container)
		}
	})
}

// end kills the worker, unless it has ended by itself: then how is worth knowing.
func (t *container) end(ctx context.Context) {
	if t.exit == nil {
		return
	}
	select {
	case t.status = <-t.exit:
		return
	case <-time.After(t.patience()):
	}
	_ = t.task.Kill(ctx, syscall.SIGKILL, containerd.WithKillAll)
	select {
	case t.status = <-t.exit:
	case <-ctx.Done():
	}
}

// patience is how long to wait for the news that the worker has ended, which
// containerd brings a moment later than the end of the connection.
func (t *container) patience() time.Duration {
	if t.conn == nil || !t.closed.Load() {
		return 0
	}
	return time.Second
}

// Ended implements sandbox.Transport.
func (t *container) Ended() (int, string) {
	words := t.stderr.String()
	if words == "" {
		words = fmt.Sprintf("its container ended with status %d", t.status.ExitCode())
	}
	return int(t.status.ExitCode()), words
}
