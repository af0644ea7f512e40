package ondemand

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/ouroflow/ouroflow/nodes/internal/procfs"
	"golang.org/x/sys/unix"
)

// grace is how long a server may take to end by itself.
const grace = 15 * time.Second

// alive reports whether the first process of the server runs. A process with its
// number but without its mark is another.
func (s *Server) alive() bool { return s.state.PID > 0 && marked(s.state.PID, s.mark()) }

// mark is in the environment of the server's processes. It is known without any file, so
// that they are found whatever becomes of that.
func (s *Server) mark() string { return "OUROFLOW_SERVER=" + s.opts.Dir }

// marked reports whether a process has a mark in the environment that it began with.
func marked(pid int, mark string) bool {
	b, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "environ"))
	if err != nil {
		return false
	}
	for entry := range bytes.SplitSeq(b, []byte{0}) {
		if string(entry) == mark {
			return true
		}
	}
	return false
}

// end ends all processes of the server: those that it asks to may go on without it,
// as vLLM's engine does.
func (s *Server) end() {
	s.signal(unix.SIGTERM)
	for end := time.Now().Add(grace); len(s.processes()) > 0 && time.Now().Before(end); {
		time.Sleep(pollEvery)
	}
	s.signal(unix.SIGKILL)
	_ = os.Remove(s.file("server.json"))
}

func (s *Server) signal(sig unix.Signal) {
	for _, pid := range s.processes() {
		_ = unix.Kill(pid, sig)
	}
}

// processes lists those of the server: they have its mark, or are in its session, since
// a process that changes its title, as vLLM's engine does, hides its environment.
func (s *Server) processes() []int {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil
	}
	session := s.session()
	var found []int
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err == nil && (marked(pid, s.mark()) || session > 0 && sessionOf(pid) == session) {
			found = append(found, pid)
		}
	}
	return found
}

// session is that of the server, 0 if it is over: as long as there is a process in it,
// its number is given to no other.
func (s *Server) session() int {
	if s.state.PID <= 0 || sessionOf(s.state.PID) != 0 && !s.alive() {
		return 0
	}
	return s.state.PID
}

// sessionOf is the session of a process that runs, else 0.
func sessionOf(pid int) int {
	stat := procfs.Stat(pid)
	if stat == nil || stat[procfs.State] == "Z" {
		return 0
	}
	session, err := strconv.Atoi(stat[procfs.Session])
	if err != nil {
		return 0
	}
	return session
}

// Up is a server that runs.
type Up struct {
	URL string
	PID int
}

// Running lists the servers whose folders are in a folder and that run.
func Running(dir string) []Up {
	folders, err := os.ReadDir(dir)
	if err != nil {
		return nil
	}
	var up []Up
	for _, f := range folders {
		s := &Server{opts: Options{Dir: filepath.Join(dir, f.Name())}}
		if s.read(); s.alive() {
			up = append(up, Up{s.state.url(), s.state.PID})
		}
	}
	return up
}
