package containers

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/ouroflow/ouroflow/engine/health"
	"github.com/ouroflow/ouroflow/nodes/sandbox"
	"github.com/ouroflow/ouroflow/nodes/sandbox/pythonroot"
	"golang.org/x/sys/unix"
)

// Examine checks what the sandbox needs, by trying it wherever it can. It is usable if a
// runtime works with all protections.
func Examine(ctx context.Context, python string) (findings []health.Finding, usable bool) {
	process, container := processRuntime(ctx, python), containerRuntime(ctx, python)
	return []health.Finding{
		kernel(), cgroups(), userNamespaces(), interpreter(ctx, python), process,
		program(ctx, "containerd"), program(ctx, "runc"), daemonAnswers(ctx), container,
	}, process.OK || container.OK
}

func kernel() health.Finding {
	var u unix.Utsname
	if err := unix.Uname(&u); err != nil {
		return health.Finding{Name: "kernel", Text: err.Error()}
	}
	var major, minor int
	release := unix.ByteSliceToString(u.Release[:])
	_, _ = fmt.Sscanf(release, "%d.%d", &major, &minor)
	return health.Finding{
		Name: "kernel", OK: major > 5 || major == 5 && minor >= 3, Text: "Linux " + release,
		Advice: "Linux 5.3 or newer is needed, for pidfd_open",
	}
}

// cgroups tells which version there is, and whether it can limit memory and processes.
func cgroups() health.Finding {
	f := health.Finding{Name: "cgroups", Advice: "mount cgroups with the controllers memory and pids; the process runtime does without, limiting each process alone"}
	controllers, err := os.ReadFile("/sys/fs/cgroup/cgroup.controllers")
	if err == nil {
		have := strings.Fields(string(controllers))
		f.OK = slices.Contains(have, "memory") && slices.Contains(have, "pids")
		f.Text = "version 2 with " + strings.Join(have, ", ")
		return f
	}
	var have []string
	for _, c := range []string{"memory", "pids"} {
		if _, err := os.Stat(filepath.Join("/sys/fs/cgroup", c, "cgroup.procs")); err == nil {
			have = append(have, c)
		}
	}
	f.OK, f.Text = len(have) == 2, "version 1 with "+strings.Join(have, ", ")
	return f
}

func userNamespaces() health.Finding {
	f := health.Finding{
		Name: "user namespaces", OK: true, Text: "allowed",
		Advice: "only users without root need them: sysctl kernel.unprivileged_userns_clone=1 user.max_user_namespaces=10000, and on Ubuntu kernel.apparmor_restrict_unprivileged_userns=0",
	}
	for path, bad := range map[string]string{
		"/proc/sys/kernel/unprivileged_userns_clone":             "0",
		"/proc/sys/user/max_user_namespaces":                     "0",
		"/proc/sys/kernel/apparmor_restrict_unprivileged_userns": "1",
	} {
		if b, err := os.ReadFile(path); err == nil && strings.TrimSpace(string(b)) == bad {
			f.OK, f.Text = os.Getuid() == 0, path+" is "+bad
		}
	}
	return f
}

func interpreter(ctx context.Context, python string) health.Finding {
	facts, err := pythonroot.Ask(ctx, python)
	if err != nil {
		return health.Finding{Name: "python", Text: err.Error(), Advice: "install Python 3.9 or newer"}
	}
	return health.Finding{Name: "python", OK: true, Text: facts.Version + " at " + facts.Executable}
}

var tinyLimits = sandbox.Limits{CPU: 1, Wall: 10, Memory: 512, Output: 64, Processes: 16}

// processRuntime starts a worker that is a process.
func processRuntime(ctx context.Context, python string) health.Finding {
	rt := sandbox.Processes(python, tinyLimits)
	return try(ctx, "process runtime", rt, nil, "run as root or allow user namespaces; isolation: best_effort runs with less")
}

// containerRuntime starts a worker that is a container.
func containerRuntime(ctx context.Context, python string) health.Finding {
	rt, err := New(ctx, Options{OCIRuntime: "runc", Image: HostImage, Python: python, Limits: tinyLimits})
	return try(ctx, "containerd runtime", rt, err, "start a containerd with `ouroflow sandbox up` (needs root); runtime: process does without")
}

func try(ctx context.Context, name string, rt sandbox.Runtime, err error, advice string) health.Finding {
	f := health.Finding{Name: name, Advice: advice}
	if err != nil {
		f.Text = err.Error()
		return f
	}
	var protections string
	logf := func(format string, args ...any) { protections = fmt.Sprintf(format, args...) }
	p, err := sandbox.NewPool(ctx, rt, 1, sandbox.Strict(), logf)
	if err != nil {
		f.Text = err.Error()
		return f
	}
	p.Close()
	f.OK, f.Text = true, strings.TrimPrefix(protections, "1 workers; ")
	return f
}

func program(ctx context.Context, name string) health.Finding {
	path, err := find(name)
	if err != nil {
		return health.Finding{Name: name, Text: "not installed", Advice: "apt-get install containerd runc"}
	}
	out, _ := exec.CommandContext(ctx, path, "--version").Output()
	first, _, _ := strings.Cut(string(out), "\n")
	return health.Finding{Name: name, OK: true, Text: path + ": " + first}
}

func daemonAnswers(ctx context.Context) health.Finding {
	f := health.Finding{Name: "containerd answers", Advice: "`ouroflow sandbox up` starts one (needs root)"}
	c, address, err := connect(ctx, "")
	if err != nil {
		f.Text = "none at " + strings.Join(Addresses(), " or ")
		return f
	}
	_ = c.Close()
	f.OK, f.Text = true, "at "+address
	return f
}
