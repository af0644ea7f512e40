package sandbox

import (
	"embed"
	"path"
)

//go:embed worker/*.py
var scripts embed.FS

// Protocol is the version of what is said to a worker and of how it judges. It is
// pinned: a worker that judges in another way gives other verdicts.
const Protocol = "4"

// The parts of a worker, each after those that it imports: those of the fork server, of
// the warden and of the candidates, which are forks of it, then those of the judge.
var (
	served  = []string{"values", "confine", "candidate", "audit", "memory", "together", "warden", "server"}
	judging = []string{"suspicion", "alike", "remote", "analysis", "bake", "judge"}
)

type module struct {
	Name   string `json:"name"`
	Source string `json:"source"`
}

func script(name string) string {
	b, err := scripts.ReadFile(path.Join("worker", name+".py"))
	if err != nil {
		panic(err) // it is embedded
	}
	return string(b)
}

func sources(names []string) []module {
	out := make([]module, len(names))
	for i, name := range names {
		out[i] = module{name, script(name)}
	}
	return out
}

// PythonArgs are the arguments with which Python becomes a worker. Not -I: it would
// ignore PYTHONHASHSEED. The environment is Environment alone, and the worker takes
// the working folder off its path. The worker talks over the socket, if one is given.
func PythonArgs(socket ...string) []string {
	return append([]string{"-s", "-S", "-c", script("boot")}, socket...)
}

// Environment is what workers and candidates find in theirs.
func Environment() []string {
	return []string{"PATH=/usr/local/bin:/usr/bin:/bin", "PYTHONHASHSEED=0", "PYTHONDONTWRITEBYTECODE=1", "TZ=UTC", "LC_ALL=C.UTF-8", "HOME=/tmp"}
}

// Version is a line of Python that says which one it is, and fails if that is too old.
const Version = "import platform, sys; print(platform.python_implementation(), platform.python_version()); sys.exit(sys.version_info < (3, 9))"
