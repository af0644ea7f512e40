package ondemand

import (
	"bufio"
	"context"
	"io"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// watch copies the server's log and starts it again if it dies.
func (s *Server) watch() {
	ctx, stop := context.WithCancel(context.Background())
	s.stop = stop
	s.beside.Go(func() { s.follow(ctx) })
	s.beside.Go(func() {
		for pause(ctx) {
			if !s.alive() {
				s.revive(ctx)
			}
		}
	})
}

// restarts is how often a server is started again.
const restarts = 3

// revive starts a server that died at the same port, unless somebody else has done so.
func (s *Server) revive(ctx context.Context) {
	turn, err := lock(ctx, s.file("lock"), unix.LOCK_EX)
	if err != nil {
		return
	}
	defer turn.Close()
	if s.read(); s.alive() {
		return
	}
	if s.revived == restarts {
		s.opts.Logf("the server died again; it isn't started a %dth time", restarts+1)
		s.stop()
		return
	}
	s.revived++
	s.opts.Logf("the server died; starting it again. The end of its log:\n%s", s.lastWords())
	s.end()
	if err := s.start(); err != nil {
		s.opts.Logf("%v", err)
	}
}

// follow hands on what the server writes to its log.
func (s *Server) follow(ctx context.Context) {
	f, err := os.Open(s.LogPath())
	if err != nil {
		return
	}
	defer f.Close()
	if s.adopted {
		_, _ = f.Seek(0, io.SeekEnd) // who started it has seen the beginning
	}
	r := bufio.NewReader(f)
	var line strings.Builder
	for {
		part, err := r.ReadString('\n')
		line.WriteString(part)
		if err == nil {
			s.opts.Logf("server: %s", strings.TrimSpace(line.String()))
			line.Reset()
			continue
		}
		if truncated(f) { // the server was started again
			_, _ = f.Seek(0, io.SeekStart)
			r.Reset(f)
		}
		if !pause(ctx) {
			return
		}
	}
}

// truncated reports whether a file ends before the place that it was read to.
func truncated(f *os.File) bool {
	info, err := f.Stat()
	if err != nil {
		return false
	}
	at, err := f.Seek(0, io.SeekCurrent)
	return err == nil && info.Size() < at
}
