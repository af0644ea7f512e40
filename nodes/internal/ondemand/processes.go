package ondemand

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// grace is how long a server may take to end by itself.
const grace = 15 * time.Second

// alive reports whether the first process of the server runs. A process with its
// number but without its mark is another.
func (s *Server) alive() bool { return s.state.PID > 0 && marked(s.state.PID, s.state.Mark) }

// marked reports whether a process has a mark in the environment that it began with.
func marked(pid int, mark string) bool {
	b, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "environ"))
	if err != nil || mark == "" {
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

// processes lists those that have the mark of the server.
func (s *Server) processes() []int {
	entries, err := os.ReadDir("/proc")
	if err != nil || s.state.Mark == "" {
		return nil
	}
	var found []int
	for _, e := range entries {
		if pid, err := strconv.Atoi(e.Name()); err == nil && marked(pid, s.state.Mark) {
			found = append(found, pid)
		}
	}
	return found
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
