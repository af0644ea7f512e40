package containers

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

// rootfs is what goes into the root of an image: paths in it, and the files of this
// machine that they are. There is no shell, and nothing that isn't needed to run
// Python programs.
type rootfs struct {
	files  map[string]string
	python string // the interpreter
}

// pythonFacts is what an interpreter says of itself.
type pythonFacts struct {
	Executable string   `json:"executable"`
	Libraries  []string `json:"libraries"` // folders of the standard library
	Version    string   `json:"version"`
}

const askFacts = `import json, os, sys, sysconfig, platform
paths = {os.path.realpath(p) for p in (sysconfig.get_path("stdlib"), sysconfig.get_path("platstdlib"))}
print(json.dumps({"executable": os.path.realpath(sys.executable), "libraries": sorted(paths),
  "version": platform.python_implementation() + " " + platform.python_version()}))`

func askPython(ctx context.Context, python string) (pythonFacts, error) {
	var f pythonFacts
	b, err := exec.CommandContext(ctx, python, "-I", "-c", askFacts).Output()
	if err != nil {
		return f, fmt.Errorf("asking %s where its files are: %w", python, err)
	}
	return f, json.Unmarshal(b, &f)
}

// skipped are parts of the standard library that candidates have no use for.
var skipped = regexp.MustCompile(`/(site-packages|dist-packages|test|tests|idlelib|tkinter|turtledemo|ensurepip|lib2to3|config-[^/]*)(/|$)`)

// hostRoot collects the machine's own Python with what it links to.
func hostRoot(ctx context.Context, python string) (*rootfs, error) {
	facts, err := askPython(ctx, python)
	if err != nil {
		return nil, err
	}
	r := &rootfs{files: map[string]string{facts.Executable: facts.Executable}, python: facts.Executable}
	for _, dir := range facts.Libraries {
		if err := r.addTree(dir, dir); err != nil {
			return nil, err
		}
	}
	if err := r.addTree("/usr/share/zoneinfo", "/usr/share/zoneinfo"); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	return r, r.addLinked(ctx)
}

// addTree adds the files of a folder.
func (r *rootfs) addTree(at, dir string) error {
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
			r.files[at+strings.TrimPrefix(path, dir)] = path
		}
		return nil
	})
}

var linkedLibrary = regexp.MustCompile(`(?m)^\s+(?:\S+ => )?(/\S+) \(0x`)

// addLinked adds the shared libraries that the executables need, with the loader.
func (r *rootfs) addLinked(ctx context.Context) error {
	args := []string{r.python}
	for _, path := range slices.Sorted(maps.Values(r.files)) {
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
		r.files[m[1]] = m[1]
	}
	return nil
}

// folders are in every root: places to mount on.
var folders = []string{"/dev", "/etc", "/proc", "/run", "/sys", "/tmp"}

// fingerprint names the content by what the file system says of it.
func (r *rootfs) fingerprint() string {
	h := sha256.New()
	for _, at := range slices.Sorted(maps.Keys(r.files)) {
		if info, err := os.Stat(r.files[at]); err == nil { // else a link to nothing
			fmt.Fprintln(h, at, info.Size(), info.ModTime().UnixNano())
		}
	}
	return hex.EncodeToString(h.Sum(nil))[:16]
}

// write writes the root as the tar of a layer. Links are followed, owners are root.
func (r *rootfs) write(t *tar.Writer) error {
	made := map[string]bool{"/": true}
	for _, dir := range folders {
		if err := addFolder(t, dir, made); err != nil {
			return err
		}
	}
	for _, at := range slices.Sorted(maps.Keys(r.files)) {
		if err := addFolder(t, filepath.Dir(at), made); err != nil {
			return err
		}
		if err := addOne(t, at, r.files[at]); err != nil {
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
