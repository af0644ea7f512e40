package vllmsample

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// modelFiles names what is in the model that a server calls root: the digest of its
// files if that is a folder or file of this machine, the revision that the hub's cache
// has of it if it is a name there, else nothing.
func modelFiles(root string) (string, error) {
	info, err := os.Stat(root)
	switch {
	case err == nil && info.IsDir():
		return digestFolder(root)
	case err == nil:
		return digestFiles(filepath.Dir(root), []string{filepath.Base(root)})
	default:
		return hubRevision(root), nil
	}
}

func digestFolder(dir string) (string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return "", err
	}
	var names []string
	for _, e := range entries { // sorted by name
		if !e.IsDir() && !strings.HasPrefix(e.Name(), ".") {
			names = append(names, e.Name())
		}
	}
	return digestFiles(dir, names)
}

func digestFiles(dir string, names []string) (string, error) {
	sum := sha256.New()
	for _, name := range names {
		fmt.Fprintf(sum, "%q\n", name)
		if err := digestFile(sum, filepath.Join(dir, name)); err != nil {
			return "", fmt.Errorf("reading the model: %w", err)
		}
	}
	return "sha256-sampled:" + hex.EncodeToString(sum.Sum(nil))[:32], nil
}

// Weights are many gigabytes, and a plan is to take no time: of a large file, its size
// and blocks spread over it are hashed. Training changes all of a model's tensors.
const (
	blockSize = 64 << 10
	blocks    = 64
)

func digestFile(sum io.Writer, path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	size := info.Size()
	fmt.Fprintf(sum, "%d\n", size)
	if size <= blocks*blockSize {
		_, err := io.Copy(sum, f)
		return err
	}
	for i := range int64(blocks) {
		at := i * (size - blockSize) / (blocks - 1)
		if _, err := io.Copy(sum, io.NewSectionReader(f, at, blockSize)); err != nil {
			return err
		}
	}
	return nil
}

// hubRevision is the commit that this machine's cache of the Hugging Face hub has of a
// model's main branch.
func hubRevision(model string) string {
	home := os.Getenv("HF_HUB_CACHE")
	if home == "" {
		base := os.Getenv("HF_HOME")
		if user, err := os.UserHomeDir(); base == "" && err == nil {
			base = filepath.Join(user, ".cache", "huggingface")
		}
		home = filepath.Join(base, "hub")
	}
	b, err := os.ReadFile(filepath.Join(home, "models--"+strings.ReplaceAll(model, "/", "--"), "refs", "main"))
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(b))
}
