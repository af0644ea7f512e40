package vllmsample

import (
	"bufio"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/ouroflow/ouroflow/engine/node"
	"github.com/ouroflow/ouroflow/engine/table/tableio"
)

// readLines reads the samples of a file of JSON lines.
func readLines(path string) iter.Seq2[placedSample, error] {
	return func(yield func(placedSample, error) bool) {
		f, err := os.Open(path)
		if err != nil {
			yield(placedSample{}, err)
			return
		}
		defer f.Close()
		n := 0
		for o, err := range tableio.Objects("jsonl", bufio.NewReader(f)) {
			n++
			s := placedSample{place: fmt.Sprintf("sample %d", n)}
			if err == nil {
				s, err = placed(s, o)
			}
			if !yield(s, err) || err != nil {
				return
			}
		}
	}
}

func placed(s placedSample, o tableio.Object) (placedSample, error) {
	var err error
	s.problem = cmp.Or(o.Text("problem_id"), o.Text("task_id"))
	s.recordedSample, err = parseSample(o)
	if err == nil && s.problem == "" {
		err = errors.New("it has no problem_id or task_id")
	}
	if err != nil {
		err = fmt.Errorf("%s: %w", s.place, err)
	}
	return s, err
}

// readFolder reads evalplus's other layout: a folder for each problem (HumanEval_0 is of
// HumanEval/0), with a program in each of its files 0.py, 1.py and so on.
func readFolder(path string) iter.Seq2[placedSample, error] {
	return func(yield func(placedSample, error) bool) {
		files, err := folderFiles(path)
		if err != nil {
			yield(placedSample{}, err)
			return
		}
		for _, f := range files {
			code, err := os.ReadFile(filepath.Join(path, f.name))
			s := placedSample{problem: f.problem, place: f.name}
			s.recordedSample = recordedSample{index: f.index, completion: string(code), prefix: new(string), finishReason: "stop"}
			if !yield(s, err) || err != nil {
				return
			}
		}
	}
}

// folderFile is a file N.py of a folder of a problem.
type folderFile struct {
	name    string
	problem string
	index   int
}

func folderFiles(path string) ([]folderFile, error) {
	names, err := filepath.Glob(filepath.Join(escaped(path), "*", "*.py"))
	if err != nil {
		return nil, err
	}
	var files []folderFile
	for _, name := range names {
		dir, file := filepath.Split(name)
		n, err := strconv.Atoi(strings.TrimSuffix(file, ".py"))
		if err != nil || n < 0 {
			return nil, fmt.Errorf("%s isn't named by the number of its sample, as 0.py is; take it out of the folder", name)
		}
		problem := filepath.Base(dir)
		files = append(files, folderFile{filepath.Join(problem, file), strings.Replace(problem, "_", "/", 1), n})
	}
	if len(files) == 0 {
		return nil, errors.New("it is a folder without PROBLEM/N.py; give one of evalplus's, or a file of JSON lines")
	}
	slices.SortFunc(files, func(a, b folderFile) int {
		return cmp.Or(cmp.Compare(a.problem, b.problem), cmp.Compare(a.index, b.index))
	})
	return files, nil
}

// escaped is a path that stands for itself in a pattern.
func escaped(path string) string {
	return strings.NewReplacer(`\`, `\\`, "*", `\*`, "?", `\?`, "[", `\[`).Replace(path)
}

func isFolder(path node.Path) bool {
	info, err := os.Stat(string(path))
	return err == nil && info.IsDir()
}

// recordingSum is the digest of a recording's content.
func recordingSum(path string) (string, error) {
	names := []string{path}
	if isFolder(node.Path(path)) {
		files, err := folderFiles(path)
		if err != nil {
			return "", fmt.Errorf("%s: %w", path, err)
		}
		names = nil
		for _, f := range files {
			names = append(names, filepath.Join(path, f.name))
		}
	}
	sum := sha256.New()
	for _, name := range names {
		if err := addFile(sum, name, len(names) > 1); err != nil {
			return "", err
		}
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}

// addFile adds a file to a digest, behind its name and size if there are several.
func addFile(w io.Writer, name string, several bool) error {
	content, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	if several {
		fmt.Fprintf(w, "%q %d ", filepath.Join(filepath.Base(filepath.Dir(name)), filepath.Base(name)), len(content))
	}
	_, err = w.Write(content)
	return err
}

// recordingState names a recording as it is now, by what looking at it tells.
func recordingState(path string) (string, error) {
	info, err := os.Stat(path)
	if err != nil {
		return "", err
	}
	state := fmt.Sprint(path, " ", info.Size(), " ", info.ModTime().UnixNano())
	if !info.IsDir() {
		return state, nil
	}
	sum, err := recordingSum(path)
	return state + " " + sum, err
}
