package containers

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/ouroflow/ouroflow/engine/durable"
	"golang.org/x/sys/unix"
)

// Daemon is a containerd of our own: the distribution's program with a socket, a
// state and a content store that no other containerd shares.
type Daemon struct {
	Dir  string // socket, state, configuration and log; gone after Down
	Data string // images
}

// DefaultDaemon is the one that `ouroflow sandbox up` starts.
func DefaultDaemon() Daemon { return Daemon{"/run/ouroflow", "/var/lib/ouroflow"} }

// Address is its socket.
func (d Daemon) Address() string { return filepath.Join(d.Dir, "containerd.sock") }

// Log is the file with what it says.
func (d Daemon) Log() string { return filepath.Join(d.Dir, "containerd.log") }

func (d Daemon) pidFile() string { return filepath.Join(d.Dir, "containerd.pid") }

// config turns off what a sandbox has no use for: images for Kubernetes, and file
// systems that most machines lack.
const config = `version = 2
root = %q
state = %q
disabled_plugins = ["io.containerd.grpc.v1.cri", "io.containerd.cri.v1.images", "io.containerd.cri.v1.runtime",
  "io.containerd.snapshotter.v1.aufs", "io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.zfs",
  "io.containerd.snapshotter.v1.devmapper", "io.containerd.snapshotter.v1.blockfile", "io.containerd.internal.v1.tracing"]
[grpc]
  address = %q
`

// Up starts the daemon, unless it runs, and waits until it answers.
func (d Daemon) Up(ctx context.Context) (started bool, err error) {
	if d, err = d.absolute(); err != nil {
		return false, err
	}
	unlock, err := d.lock()
	if err != nil {
		return false, err
	}
	defer unlock()
	if c, err := dial(ctx, d.Address()); err == nil {
		return false, c.Close()
	}
	if os.Getuid() != 0 {
		return false, errors.New("starting a containerd needs root; run this with sudo, or use runtime: process, which works without")
	}
	program, err := find("containerd")
	if err != nil {
		return false, err
	}
	if _, err := find("containerd-shim-runc-v2"); err != nil {
		return false, err
	}
	if err := errors.Join(os.MkdirAll(d.Dir, 0o755), os.MkdirAll(d.Data, 0o711)); err != nil {
		return false, err
	}
	file := filepath.Join(d.Dir, "config.toml")
	text := fmt.Sprintf(config, filepath.Join(d.Data, "containerd"), filepath.Join(d.Dir, "state"), d.Address())
	if err := durable.WriteFile(durable.OS{}, d.Dir, file, []byte(text), 0o644); err != nil {
		return false, err
	}
	return true, d.start(ctx, program, file)
}

// find looks a program up on PATH and where root's programs are.
func find(name string) (string, error) {
	if path, err := exec.LookPath(name); err == nil {
		return path, nil
	}
	for _, dir := range []string{"/usr/sbin", "/usr/local/sbin", "/usr/local/bin", "/usr/bin"} {
		if path, err := exec.LookPath(filepath.Join(dir, name)); err == nil {
			return path, nil
		}
	}
	return "", fmt.Errorf("%s is not installed; on Debian and Ubuntu: apt-get install containerd runc", name)
}

// startGrace is how long containerd may take to answer.
const startGrace = 30 * time.Second

func (d Daemon) start(ctx context.Context, program, config string) error {
	log, err := os.Create(d.Log())
	if err != nil {
		return err
	}
	defer log.Close()
	cmd := exec.Command(program, "--config", config)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true} // it outlives this process
	cmd.Env = append(os.Environ(), "PATH="+os.Getenv("PATH")+":/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
	if err := cmd.Start(); err != nil {
		return err
	}
	who := ownerOf(cmd.Process.Pid)
	if err := durable.WriteFile(durable.OS{}, d.Dir, d.pidFile(), []byte(who), 0o644); err != nil {
		return errors.Join(err, cmd.Process.Kill())
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	return d.await(ctx, ended)
}

// await waits until the daemon answers, or has ended.
func (d Daemon) await(ctx context.Context, ended <-chan error) error {
	ctx, cancel := context.WithTimeout(ctx, startGrace)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		c, err := dial(ctx, d.Address())
		if err == nil {
			return c.Close()
		}
		select {
		case e := <-ended:
			return fmt.Errorf("containerd ended: %w; %s", e, d.lastLines())
		case <-ctx.Done():
			return fmt.Errorf("containerd doesn't answer: %w; %s", err, d.lastLines())
		case <-tick.C:
		}
	}
}

// lastLines is the end of the log.
func (d Daemon) lastLines() string {
	b, err := os.ReadFile(d.Log())
	if err != nil {
		return err.Error()
	}
	lines := strings.Split(strings.TrimSpace(string(b)), "\n")
	return d.Log() + " ends with:\n" + strings.Join(lines[max(0, len(lines)-3):], "\n")
}

// pid is the process of the daemon, 0 if it doesn't run.
func (d Daemon) pid() int {
	b, err := os.ReadFile(d.pidFile())
	if err != nil || !isAlive(string(b)) {
		return 0
	}
	number, _, _ := strings.Cut(string(b), " ")
	pid, _ := strconv.Atoi(number)
	return pid
}

// Down removes all containers of ouroflow from the daemon, ends it, and removes what
// it left: mounts, cgroups, its folder. Images stay for the next time.
func (d Daemon) Down(ctx context.Context) (ended bool, err error) {
	if d, err = d.absolute(); err != nil {
		return false, err
	}
	if _, err := os.Stat(d.Dir); errors.Is(err, os.ErrNotExist) {
		return false, nil
	}
	unlock, err := d.lock()
	if err != nil {
		return false, err
	}
	defer unlock()
	c, err := dial(ctx, d.Address())
	if err == nil && d.pid() == 0 {
		return false, fmt.Errorf("the containerd at %s wasn't started by ouroflow: end it the way that it was started", d.Address())
	}
	if err == nil {
		err = errors.Join(removeContainers(inNamespace(ctx), c, func(map[string]string) bool { return true }), c.Close())
		if err != nil {
			return false, fmt.Errorf("removing containers: %w", err)
		}
	}
	pid := d.pid()
	if pid != 0 {
		if err := end(pid); err != nil {
			return false, fmt.Errorf("ending containerd, process %d: %w", pid, err)
		}
	}
	if err := errors.Join(endShims(d.Address()), removeCgroup(cgroup(d.Address())), unmountUnder(d.Dir)); err != nil {
		return pid != 0, err
	}
	return pid != 0, os.RemoveAll(d.Dir)
}

// absolute is the same daemon whatever the working folder is.
func (d Daemon) absolute() (Daemon, error) {
	dir, err := filepath.Abs(d.Dir)
	if err != nil {
		return d, err
	}
	data, err := filepath.Abs(d.Data)
	return Daemon{dir, data}, err
}

// lock has one process at a time start or end the daemon.
func (d Daemon) lock() (unlock func(), err error) {
	f, err := os.OpenFile(d.Dir+".lock", os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return func() { f.Close() }, nil
}

// endGrace is how long containerd may take to end by itself.
const endGrace = 10 * time.Second

// end asks a process to end and kills it if it doesn't.
func end(pid int) error {
	fd, err := unix.PidfdOpen(pid, 0)
	if errors.Is(err, unix.ESRCH) {
		return nil
	}
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	for _, sig := range []unix.Signal{unix.SIGTERM, unix.SIGKILL} {
		if err := unix.PidfdSendSignal(fd, sig, nil, 0); errors.Is(err, unix.ESRCH) {
			return nil
		}
		n, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, int(endGrace.Milliseconds()))
		if err == nil && n > 0 {
			return nil
		}
	}
	return errors.New("it doesn't end")
}

// endShims ends shims of that containerd: those whose containers are gone end by
// themselves, but one whose daemon was killed may be left.
func endShims(address string) error {
	dirs, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		return err
	}
	var failures []error
	for _, dir := range dirs {
		b, err := os.ReadFile(filepath.Join(dir, "cmdline"))
		args := strings.Split(string(b), "\x00")
		if err != nil || !strings.Contains(args[0], "containerd-shim") || !slices.Contains(args, address) || !slices.Contains(args, Namespace) {
			continue
		}
		pid, err := strconv.Atoi(filepath.Base(dir))
		if err == nil {
			failures = append(failures, end(pid))
		}
	}
	return errors.Join(failures...)
}

// unmountUnder unmounts what is mounted in a folder, the innermost first.
func unmountUnder(dir string) error {
	b, err := os.ReadFile("/proc/self/mounts")
	if err != nil {
		return err
	}
	var failures []error
	for _, line := range slices.Backward(strings.Split(string(b), "\n")) {
		fields := strings.Fields(line)
		if len(fields) > 1 && strings.HasPrefix(fields[1], dir+"/") {
			if err := unix.Unmount(fields[1], unix.MNT_DETACH); err != nil {
				failures = append(failures, fmt.Errorf("unmounting %s: %w", fields[1], err))
			}
		}
	}
	return errors.Join(failures...)
}

// cgroup is the one that all workers of the containerd at an address are in.
func cgroup(address string) string {
	sum := sha256.Sum256([]byte(address))
	return Namespace + "-" + hex.EncodeToString(sum[:4])
}

// removeCgroup ends what still runs in a cgroup, which is what a daemon that was
// killed has left, and removes it from every hierarchy.
func removeCgroup(name string) error {
	dirs, err := filepath.Glob("/sys/fs/cgroup/*/" + name)
	if err != nil {
		return err
	}
	var failures []error
	for _, dir := range append(dirs, "/sys/fs/cgroup/"+name) {
		children, err := filepath.Glob(dir + "/*/cgroup.procs")
		failures = append(failures, err)
		for _, child := range children {
			failures = append(failures, endMembers(child))
			failures = append(failures, ignoreMissing(os.Remove(filepath.Dir(child))))
		}
		failures = append(failures, ignoreMissing(os.Remove(dir)))
	}
	return errors.Join(failures...)
}

func ignoreMissing(err error) error {
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	return err
}

// endMembers ends the processes that a file of a cgroup lists.
func endMembers(file string) error {
	b, err := os.ReadFile(file)
	if err != nil {
		return ignoreMissing(err)
	}
	var failures []error
	for _, field := range strings.Fields(string(b)) {
		pid, err := strconv.Atoi(field)
		if err == nil {
			err = end(pid)
		}
		failures = append(failures, err)
	}
	return errors.Join(failures...)
}

// Status writes what runs and what is stored.
func (d Daemon) Status(ctx context.Context, w io.Writer) error {
	c, address, err := connect(ctx, "")
	if err != nil {
		return err
	}
	defer c.Close()
	v, err := c.Version(ctx)
	if err != nil {
		return err
	}
	fmt.Fprintf(w, "containerd  %s at %s\n", v.Version, address)
	if pid := d.pid(); pid != 0 {
		fmt.Fprintf(w, "process     %d, started by ouroflow; log %s\n", pid, d.Log())
	}
	ctx = inNamespace(ctx)
	all, err := c.Containers(ctx)
	if err != nil {
		return err
	}
	orphans := 0
	for _, one := range all {
		if labels, err := one.Labels(ctx); err == nil && !isAlive(labels[ownerLabel]) {
			orphans++
		}
	}
	fmt.Fprintf(w, "workers     %d, of which %d of processes that are gone (the next run removes them)\n", len(all), orphans)
	images, err := c.ListImages(ctx)
	if err != nil {
		return err
	}
	for _, m := range images {
		size, err := m.Size(ctx)
		if err != nil {
			return err
		}
		fmt.Fprintf(w, "image       %s, %d MB\n", m.Name(), size>>20)
	}
	return nil
}
