package sandbox_test

import (
	"encoding/json"
	"maps"
	"slices"
	"testing"

	"github.com/ouroflow/ouroflow/nodes/sandbox"
)

// observations are what a candidate can find out about where it runs, by name.
var observations = map[string]string{
	"argv":         "sys.argv, sys.orig_argv, sys.flags",
	"command line": "open('/proc/self/cmdline').read().split(chr(0))[0]",
	"environment":  "sorted(os.environ.items())",
	"paths":        "sys.path, sys.executable, sys.prefix, sys.base_prefix",
	"version":      "sys.version, sys.implementation.name",
	"encodings":    "sys.getdefaultencoding(), sys.getfilesystemencoding(), sys.stdin.encoding, sys.stdout.encoding, sys.stderr.errors",
	"locale":       "locale.setlocale(locale.LC_ALL, ''), locale.getpreferredencoding(), locale.localeconv()['decimal_point']",
	"time zone":    "time.tzname, time.timezone, datetime.datetime.now().astimezone().tzname()",
	"zones":        "len(zoneinfo.available_timezones()) > 0 and str(zoneinfo.ZoneInfo('Europe/Paris'))",
	"user":         "os.getuid() >= 1 << 30, os.getuid() == os.getgid(), os.geteuid() == os.getuid(), os.getgroups()",
	"user's name":  "failing(lambda: pwd.getpwuid(os.getuid())), failing(getpass.getuser), os.path.expanduser('~')",
	"folder":       "os.getcwd(), os.listdir('.'), os.umask(0o22)",
	"roots":        "sorted(os.listdir('/'))",
	"devices":      "sorted(os.listdir('/dev')), sorted(os.listdir('/run')), sorted(os.listdir('/sys')), sorted(os.listdir('/etc'))",
	"descriptors":  "sorted(int(n) for n in os.listdir('/proc/self/fd'))[:4]",
	"streams":      "sys.stdin.read(), fileinput_lines(), os.isatty(0), os.isatty(1), sys.stdout.line_buffering",
	"limits":       "[(n, resource.getrlimit(getattr(resource, n))) for n in ('RLIMIT_AS', 'RLIMIT_CPU', 'RLIMIT_FSIZE', 'RLIMIT_NOFILE', 'RLIMIT_NPROC', 'RLIMIT_CORE', 'RLIMIT_STACK')]",
	"processes":    "sorted(n for n in os.listdir('/proc') if n.isdigit() and int(n) != os.getpid()), os.getppid(), os.getsid(0) == os.getpid()",
	"status":       "[l.split(':')[0] + l.split(':')[1] for l in open('/proc/self/status') if l.startswith(('Cap', 'NoNewPrivs', 'SigIgn', 'SigCgt', 'SigBlk'))]",
	"mounts":       "sorted((l.split()[1], l.split()[2], 'ro' in l.split()[3].split(',')) for l in open('/proc/mounts') if l.split()[1] in ('/tmp', '/dev/shm', '/proc', '/dev', '/run', '/sys'))",
	"writable":     "[p for p in ('/', '/tmp', '/dev', '/dev/shm', '/run', '/proc', '/etc', sys.prefix) if os.access(p, os.W_OK)]",
	"network":      "sorted(l.split(':')[0].strip() for l in open('/proc/net/dev').read().splitlines()[2:]), failing(lambda: socket.create_connection(('127.0.0.1', 9), 1))",
	"hashes":       "hash('text'), random.Random(0).random(), random.random()",
	"recursion":    "sys.getrecursionlimit(), threading.active_count(), threading.current_thread().name",
	"modules":      "sorted(m for m in sys.modules if not m.startswith('_'))",
	"help":         "[hasattr(builtins, n) for n in ('exit', 'quit', 'help', 'copyright', 'credits', 'license')]",
	"packages":     "[failing(lambda n=n: __import__(n)) for n in ('numpy', 'pip', 'test.support', 'tkinter', 'sqlite3', 'ssl', 'ctypes', 'lzma', 'curses')]",
	"subprocess":   "subprocess.run([sys.executable, '-c', 'import sys; print(sys.version_info[0], sys.flags.isolated)'], capture_output=True, text=True).stdout",
	"shell":        "failing(lambda: subprocess.run(['/bin/sh', '-c', 'true'])), os.system('true') != 0",
	"priority":     "os.getpriority(os.PRIO_PROCESS, 0) - BASE, os.sched_getscheduler(0)",
}

const observer = `
import builtins, datetime, fileinput, getpass, locale, os, pwd, random, resource, socket, subprocess, sys, threading, time, zoneinfo

BASE = os.getpriority(os.PRIO_PROCESS, 0)

def failing(function):
    try:
        function()
        return "works"
    except BaseException as e:
        return type(e).__name__

def fileinput_lines():
    return list(fileinput.input())

def observe(what):
    return repr(eval(what))
`

// What a candidate can observe is the same on each runtime.
func TestRuntimesLookTheSame(t *testing.T) {
	seen := map[string]map[string]string{}
	for name, start := range runtimes {
		t.Run(name, func(t *testing.T) {
			p := newPool(t, start(t), 1)
			seen[name] = map[string]string{}
			for what, expression := range observations {
				input, err := json.Marshal(expression)
				if err != nil {
					t.Fatal(err)
				}
				code := observer + "\nprint(observe(" + string(input) + "))"
				v, err := p.Judge(0, sandbox.Job{Code: code, Tests: []string{`{"input": "", "output": "?"}`}, Form: sandbox.Program, Checker: "import json, sys\nprint(json.load(sys.stdin)['output'])\nsys.exit(1)"})
				if err != nil || v.Exception != "" {
					t.Errorf("%s: %s %s: %s, %v", what, v.Verdict, v.Exception, v.Message, err)
				}
				seen[name][what] = v.Message
			}
		})
	}
	if seen["process"] == nil || seen["containerd"] == nil {
		t.Skip("one of the runtimes can't be tested here")
	}
	for _, what := range slices.Sorted(maps.Keys(observations)) {
		if a, b := seen["process"][what], seen["containerd"][what]; a != b {
			t.Errorf("%s:\nprocess    %s\ncontainerd %s", what, a, b)
		}
	}
}
