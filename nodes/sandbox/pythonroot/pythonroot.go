// Package pythonroot collects what candidates find around them: this machine's Python, its
// standard library, and the libraries that these link to. There is no shell in it, and
// nothing else of the machine.
package pythonroot

import (
	"archive/tar"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Root is what goes into a root: paths in it, and the files of this machine that they are.
type Root struct {
	Files  map[string]string
	Python string // the interpreter
}

// Facts is what an interpreter says of itself.
type Facts struct {
	Executable string   `json:"executable"`
	Libraries  []string `json:"libraries"` // folders of the standard library
	Version    string   `json:"version"`
}

const askFacts = `import json, os, sys, sysconfig, platform
paths = {os.path.realpath(p) for p in (sysconfig.get_path("stdlib"), sysconfig.get_path("platstdlib"))}
print(json.dumps({"executable": os.path.realpath(sys.executable), "libraries": sorted(paths),
  "version": platform.python_implementation() + " " + platform.python_version()}))`

// Ask asks an interpreter where its files are.
func Ask(ctx context.Context, python string) (Facts, error) {
	var f Facts
	b, err := exec.CommandContext(ctx, python, "-I", "-c", askFacts).Output()
	if err != nil {
		return f, fmt.Errorf("asking %s where its files are: %w", python, err)
	}
	return f, json.Unmarshal(b, &f)
}

// skipped are parts of the standard library that candidates have no use for.
var skipped = regexp.MustCompile(`/(site-packages|dist-packages|test|tests|idlelib|tkinter|turtledemo|ensurepip|lib2to3|config-[^/]*)(/|$)`)

// Of collects a Python of this machine, without what it links to: see AddLinked.
func Of(ctx context.Context, python string) (*Root, error) {
	facts, err := Ask(ctx, python)
	if err != nil {
		return nil, err
	}
	r := &Root{Files: map[string]string{facts.Executable: facts.Executable}, Python: facts.Executable}
	for _, dir := range facts.Libraries {
		if err := r.addTree(dir, dir); err != nil {
			return nil, err
		}
	}
	for _, dir := range []string{"/usr/share/zoneinfo", "/usr/lib/locale/C.utf8", "/usr/lib/locale/C.UTF-8"} {
		if err := r.addTree(dir, dir); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
	}
	return r, nil
}

// addTree adds the files of a folder.
func (r *Root) addTree(at, dir string) error {
	return filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if skipped.MatchString(strings.TrimPrefix(path, dir)) {
			if d.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		if d.Type().IsRegular() || d.Type()&fs.ModeSymlink != 0 {
			r.Files[at+strings.TrimPrefix(path, dir)] = path
		}
		return nil
	})
}

var linkedLibrary = regexp.MustCompile(`(?m)^\s+(?:\S+ => )?(/\S+) \(0x`)

// AddLinked adds the shared libraries that the executables need, with the loader.
func (r *Root) AddLinked(ctx context.Context) error {
	args := []string{r.Python}
	for _, path := range slices.Sorted(maps.Values(r.Files)) {
		if strings.HasSuffix(path, ".so") {
			args = append(args, path)
		}
	}
	out, err := exec.CommandContext(ctx, "ldd", args...).Output()
	var failed *exec.ExitError
	if err != nil && !errors.As(err, &failed) { // it fails for files that are linked statically
		return fmt.Errorf("listing the libraries of Python: %w", err)
	}
	for _, m := range linkedLibrary.FindAllStringSubmatch(string(out), -1) {
		r.Files[m[1]] = m[1]
	}
	return nil
}

// folders are in every root: places to mount on.
var folders = []string{"/dev", "/etc", "/proc", "/run", "/sys", "/tmp"}

// linkerCache changes when libraries are installed.
const linkerCache = "/etc/ld.so.cache"

// Fingerprint names the content, before AddLinked, by what the file system says of it. What
// it links to is as it was while the linker's cache is.
func (r *Root) Fingerprint() string {
	h := sha256.New()
	for _, at := range append(slices.Sorted(maps.Keys(r.Files)), linkerCache) {
		path := r.Files[at]
		if at == linkerCache {
			path = at
		}
		if info, err := os.Stat(path); err == nil { // else a link to nothing
			fmt.Fprintln(h, at, info.Size(), info.ModTime().UnixNano())
		}
	}
	return hex.EncodeToString(h.Sum(nil))[:16]
}

// WriteTar writes the root as the tar of a layer. Links are followed, owners are root.
func (r *Root) WriteTar(t *tar.Writer) error {
	made := map[string]bool{"/": true}
	for _, dir := range folders {
		if err := addFolder(t, dir, made); err != nil {
			return err
		}
	}
	for _, at := range slices.Sorted(maps.Keys(r.Files)) {
		if err := addFolder(t, filepath.Dir(at), made); err != nil {
			return err
		}
		if err := addOne(t, at, r.Files[at]); err != nil {
			return err
		}
	}
	return t.Close()
}

func addFolder(t *tar.Writer, path string, made map[string]bool) error {
	if made[path] {
		return nil
	}
	made[path] = true
	if err := addFolder(t, filepath.Dir(path), made); err != nil {
		return err
	}
	return t.WriteHeader(&tar.Header{Typeflag: tar.TypeDir, Name: strings.TrimPrefix(path, "/") + "/", Mode: 0o755, ModTime: time.Unix(0, 0)})
}

// addOne adds a file under another name. The time stays: Python's compiled files are
// checked against that of their sources.
func addOne(t *tar.Writer, at, path string) error {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) || err == nil && !info.Mode().IsRegular() {
		return nil // a link to nothing, or to a folder
	}
	if err != nil {
		return err
	}
	mode := int64(0o644)
	if info.Mode()&0o111 != 0 {
		mode = 0o755
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if err := t.WriteHeader(&tar.Header{Name: strings.TrimPrefix(at, "/"), Mode: mode, Size: int64(len(b)), ModTime: info.ModTime().Truncate(time.Second)}); err != nil {
		return err
	}
	_, err = t.Write(b)
	return err
}
