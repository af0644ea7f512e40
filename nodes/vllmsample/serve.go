package vllmsample

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/ouroflow/ouroflow/engine/node"
	"github.com/ouroflow/ouroflow/nodes/internal/ondemand"
)

// Serve says how to start a server.
type Serve struct {
	Command []Arg             `yaml:"command" key:"-" doc:"Program and arguments, such as [vllm, serve, MODEL]. Those that begin with ./ or ../ are paths from the folder of the pipeline. {port} becomes a free port; without it, --host and --port are added. The command is part of the key, with the content of the files and folders that it names in place of their paths."`
	Env     map[string]string `yaml:"env" key:"-" doc:"Environment variables of the server, beside those of ouroflow. They are no part of the key, and the run record shows them: no secrets here."`
	Timeout time.Duration     `yaml:"start_timeout" key:"-" doc:"Longest wait for the server to come up."`
}

// Arg is an argument of a command.
type Arg string

// Relocate makes a relative path one that starts at dir.
func (a *Arg) Relocate(dir string) {
	if strings.HasPrefix(string(*a), "./") || strings.HasPrefix(string(*a), "../") {
		*a = Arg(filepath.Join(dir, string(*a)))
	}
}

func (s Serve) args() []string {
	args := make([]string, len(s.Command))
	for i, a := range s.Command {
		args[i] = string(a)
	}
	return args
}

// identity is what can be told of a server before it runs: a plan isn't to start one.
func (s Serve) identity(ctx context.Context) (identity, error) {
	program, err := exec.LookPath(string(s.Command[0]))
	if err != nil {
		return identity{}, fmt.Errorf("the server to start: %w; install it (make vllm does, in a checkout of ouroflow), or correct serve.command", err)
	}
	sum, err := digestFiles(filepath.Dir(program), []string{filepath.Base(program)})
	if err != nil {
		return identity{}, err
	}
	var id identity
	id.version, _ = vllmVersion(ctx, program)
	words := []string{sum}
	for _, arg := range s.args()[1:] {
		if strings.Contains(arg, "/") { // a path, or the name of a model at the hub
			files, err := modelFiles(arg)
			if err != nil {
				return identity{}, err
			}
			if files != "" {
				id.files, arg = files, "(model)"
			}
		}
		words = append(words, arg)
	}
	d := sha256.Sum256(fmt.Appendf(nil, "%q", words))
	id.fingerprint = "command:" + hex.EncodeToString(d[:])[:32]
	return id, nil
}

// vllmVersion is the version of vLLM that a program starts, and the Python that it is
// installed in; empty if that can't be told without starting it.
func vllmVersion(ctx context.Context, program string) (version, python string) {
	for _, script := range []string{program, filepath.Join(filepath.Dir(program), "venv", "bin", "vllm")} {
		if python = interpreter(script); python == "" {
			continue
		}
		out, err := exec.CommandContext(ctx, python, "-c", "import importlib.metadata as m; print(m.version('vllm'))").Output()
		if err == nil {
			return strings.TrimSpace(string(out)), python
		}
	}
	return "", ""
}

// interpreter is the Python that a script names in its first line.
func interpreter(script string) string {
	b, err := os.ReadFile(script)
	line, _, _ := bytes.Cut(b, []byte("\n"))
	path, found := bytes.CutPrefix(line, []byte("#!"))
	if err != nil || !found || !bytes.Contains(path, []byte("python")) {
		return ""
	}
	return string(bytes.TrimSpace(path))
}

// start starts the server, or goes on with one that an earlier run left.
func (s Serve) start(ctx context.Context, model, key string, host node.Host) (*ondemand.Server, error) {
	dir, err := s.dir(ctx)
	if err != nil {
		return nil, err
	}
	c := newClient(Params{Timeout: 10 * time.Second, Concurrency: 1}, key)
	return ondemand.Use(ctx, ondemand.Options{
		Dir: dir, Command: s.args(), Env: s.environ(), Timeout: s.Timeout, Logf: host.Logf,
		Ready: func(ctx context.Context, url string) (bool, error) {
			_, err := c.model(ctx, url, model)
			if passing(err) {
				return false, nil
			}
			return err == nil, err
		},
		Waiting: func(since time.Duration) {
			host.Progress(0, 0, fmt.Sprintf("the server comes up, %s", since.Round(time.Second)))
		},
	})
}

func (s Serve) environ() []string {
	var env []string
	for _, name := range slices.Sorted(maps.Keys(s.Env)) {
		env = append(env, name+"="+s.Env[name])
	}
	return env
}

// dir is the folder that servers of this command are known by, as long as what it
// starts is the same. Other machines may share the folder above.
func (s Serve) dir(ctx context.Context) (string, error) {
	base, err := ServersDir()
	if err != nil {
		return "", err
	}
	host, err := os.Hostname()
	if err != nil {
		return "", err
	}
	id, err := s.identity(ctx)
	if err != nil {
		return "", err
	}
	d := sha256.Sum256(fmt.Appendf(nil, "%q %q %q %q", host, s.Command, s.environ(), id))
	return filepath.Join(base, hex.EncodeToString(d[:])[:16]), nil
}

// ServersDir is the folder with what is known of servers that were started.
func ServersDir() (string, error) {
	if dir := os.Getenv("OUROFLOW_SERVERS"); dir != "" {
		return dir, nil
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	return filepath.Join(cache, "ouroflow", "servers"), nil
}
