package containers

import (
	"archive/tar"
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/ouroflow/ouroflow/engine/durable"
	"github.com/ouroflow/ouroflow/nodes/sandbox/pythonroot"
)

// packagesDir is where packages from pip are in an image.
const packagesDir = "/opt/packages"

// Build writes an OCI image of this machine's Python, with packages that pip installs,
// to a tar file. Its messages, and those of pip, go to log.
func Build(ctx context.Context, python string, packages []string, file string, log io.Writer) (digest string, err error) {
	root, err := pythonroot.Of(ctx, python)
	if err != nil {
		return "", err
	}
	var env []string
	if len(packages) > 0 {
		dir, err := os.MkdirTemp("", "ouroflow-packages-*")
		if err != nil {
			return "", err
		}
		defer os.RemoveAll(dir)
		if err := install(ctx, python, packages, dir, log); err != nil {
			return "", err
		}
		if err := addPackages(root, dir); err != nil {
			return "", err
		}
		env = []string{"PYTHONPATH=" + packagesDir}
	}
	if err := root.AddLinked(ctx); err != nil {
		return "", err
	}
	fmt.Fprintf(log, "%d files\n", len(root.Files))
	if err := writeImage(root, "ouroflow.local/built:latest", env, file); err != nil {
		return "", err
	}
	d, err := tarDigest(file)
	return d.String(), err
}

func install(ctx context.Context, python string, packages []string, dir string, log io.Writer) error {
	args := append([]string{"-m", "pip", "install", "--quiet", "--no-compile", "--target", dir, "--"}, packages...)
	cmd := exec.CommandContext(ctx, python, args...)
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("installing %s: %w", strings.Join(packages, ", "), err)
	}
	return nil
}

// addPackages adds what pip installed. Nothing of it is skipped: packages may need
// what the standard library can do without.
func addPackages(r *pythonroot.Root, dir string) error {
	return filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			r.Files[packagesDir+strings.TrimPrefix(path, dir)] = path
		}
		return err
	})
}

// writeImage writes a root as an image. The file appears whole or not at all.
func writeImage(root *pythonroot.Root, name string, env []string, file string) error {
	layer, err := os.CreateTemp("", "ouroflow-layer-*")
	if err != nil {
		return err
	}
	defer os.Remove(layer.Name())
	w := bufio.NewWriterSize(layer, 1<<20)
	if err := errors.Join(root.WriteTar(tar.NewWriter(w)), w.Flush(), layer.Close()); err != nil {
		return err
	}
	return durable.Write(durable.OS{}, filepath.Dir(file), file, 0o644, func(out durable.File) error {
		return image{name: name, env: env, python: root.Python, layer: layer.Name()}.write(out)
	})
}
