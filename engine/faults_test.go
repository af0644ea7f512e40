package engine_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ouroflow/ouroflow/engine/cas"
	"github.com/ouroflow/ouroflow/engine/durable/durabletest"
	"golang.org/x/sys/unix"
)

// Wherever a disk is full or can't be written, the run says which file and what to
// do, what was stored is kept, and the next run completes.
func TestDiskFaults(t *testing.T) {
	want, err := execute(t, newMill().engine(t.TempDir()), small)
	if err != nil {
		t.Fatal(err)
	}
	for name, fault := range map[string]error{"full": unix.ENOSPC, "read-only": unix.EROFS, "no permission": unix.EACCES} {
		t.Run(name, func(t *testing.T) {
			failed := 0
			for writes := range 60 {
				dir, m := t.TempDir(), newMill()
				e := m.engine(dir)
				e.Store = cas.NewDiskOn(durabletest.NewFaulty(fault, writes), filepath.Join(dir, "cache"))
				r, err := execute(t, e, small)
				if err != nil {
					failed++
					var text string
					for _, n := range r.Nodes {
						text += n.Error
					}
					if !strings.Contains(text, dir) || !strings.Contains(text, fault.Error()) || !strings.Contains(text, "run again") {
						t.Errorf("after %d writes: %q", writes, text)
					}
				}
				if found := verify(t, dir, true); len(found) > 0 && found[0].What != string(cas.KindTemp) && found[0].What != string(cas.KindSegment) {
					t.Errorf("after %d writes: %+v", writes, found)
				}
				got, err := execute(t, m.engine(dir), small)
				if err != nil || outputOf(got, "verdicts") != outputOf(want, "verdicts") {
					t.Errorf("after %d writes the next run failed or differs: %v", writes, err)
				}
			}
			if failed < 30 {
				t.Errorf("only %d runs met the fault", failed)
			}
		})
	}
}

// A cache on a file system that can't be written serves what it has.
func TestReadOnlyCacheServes(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("mounting a read-only file system needs root")
	}
	dir := t.TempDir()
	if _, err := execute(t, newMill().engine(dir), small); err != nil {
		t.Fatal(err)
	}
	cache := filepath.Join(dir, "cache")
	if err := unix.Mount(cache, cache, "", unix.MS_BIND, ""); err != nil {
		t.Skip("can't mount: ", err)
	}
	defer unix.Unmount(cache, unix.MNT_DETACH)
	if err := unix.Mount("", cache, "", unix.MS_BIND|unix.MS_REMOUNT|unix.MS_RDONLY, ""); err != nil {
		t.Skip("can't mount: ", err)
	}
	m := newMill()
	if _, err := execute(t, m.engine(dir), small); err != nil || len(m.computed) > 0 {
		t.Errorf("a run that computes nothing failed on a read-only cache: %v, computed %v", err, m.computed)
	}
	r, err := execute(t, m.engine(dir), strings.Replace(small, "add: 100000", "add: 1", 1))
	if err == nil || !strings.Contains(r.Nodes["verdicts"].Error, cache) || !strings.Contains(r.Nodes["verdicts"].Error, "--cache") {
		t.Errorf("a run that must write: %v, %q", err, r.Nodes["verdicts"].Error)
	}
}

// On a disk that is really full.
func TestFullDisk(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("mounting a small file system needs root")
	}
	dir := t.TempDir()
	cache := filepath.Join(dir, "cache")
	if err := os.Mkdir(cache, 0o777); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mount("tmpfs", cache, "tmpfs", 0, "size=32k"); err != nil {
		t.Skip("can't mount: ", err)
	}
	defer unix.Unmount(cache, unix.MNT_DETACH)
	m := newMill()
	r, err := execute(t, m.engine(dir), small)
	if err == nil {
		t.Fatal("32 KiB are enough?")
	}
	var text string
	for _, n := range r.Nodes {
		text += n.Error
	}
	if !strings.Contains(text, "no space left") || !strings.Contains(text, cache) || !strings.Contains(text, "cache gc") {
		t.Errorf("%q", text)
	}
	if err := unix.Mount("tmpfs", cache, "tmpfs", unix.MS_REMOUNT, "size=10m"); err != nil {
		t.Fatal(err)
	}
	if _, err := execute(t, m.engine(dir), small); err != nil {
		t.Errorf("with room again: %v", err)
	}
}
