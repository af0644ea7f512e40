package sandbox_test

import (
	"archive/tar"
	"archive/zip"
	"context"
	"errors"
	"io"
	"log"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/ouroflow/ouroflow/nodes/internal/verdict"
	"github.com/ouroflow/ouroflow/nodes/sandbox"
	"github.com/ouroflow/ouroflow/nodes/sandbox/containers"
)

// An image that was built is used from its file and from a registry, with the package
// that was put into it, and without a shell.
func TestImages(t *testing.T) {
	d := testDaemon(t)
	file := filepath.Join(t.TempDir(), "python.tar")
	digest, err := containers.Build(context.Background(), "python3", []string{wheel(t)}, file, t.Output())
	if err != nil {
		t.Fatal(err)
	}
	for name, ref := range map[string]string{"file": "oci-tar:" + file, "registry": push(t, file, digest)} {
		t.Run(name, func(t *testing.T) {
			if got, err := containers.Digest(ref); err != nil || got != digest {
				t.Errorf("digest %s, %v; want %s", got, err, digest)
			}
			opts := containerOptions(d)
			opts.Image = ref
			rt, err := containers.New(context.Background(), opts)
			if err != nil {
				t.Fatal(err)
			}
			p := newPool(t, rt, 1, sandbox.Strict()...)
			code := "import ouroflow_probe, os\ndef f(): return ouroflow_probe.answer, os.path.exists('/bin/sh')"
			v, err := p.Judge(0, sandbox.Job{Code: code, Tests: []string{"assert f() == (42, False)"}, Form: sandbox.Asserts})
			if err != nil || v.Verdict != verdict.Passed {
				t.Errorf("%+v, %v", v, err)
			}
		})
	}
}

// wheel writes a package that pip can install without a network.
func wheel(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "ouroflow_probe-1.0-py3-none-any.whl")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	z := zip.NewWriter(f)
	for name, content := range map[string]string{
		"ouroflow_probe.py":                     "answer = 42\n",
		"ouroflow_probe-1.0.dist-info/METADATA": "Metadata-Version: 2.1\nName: ouroflow-probe\nVersion: 1.0\n",
		"ouroflow_probe-1.0.dist-info/WHEEL":    "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
		"ouroflow_probe-1.0.dist-info/RECORD":   "ouroflow_probe.py,,\nouroflow_probe-1.0.dist-info/METADATA,,\nouroflow_probe-1.0.dist-info/WHEEL,,\nouroflow_probe-1.0.dist-info/RECORD,,\n",
	} {
		w, err := z.Create(name)
		if err == nil {
			_, err = io.WriteString(w, content)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}

// push puts the image of a tar into a registry and returns its reference there.
func push(t *testing.T, file, digest string) string {
	t.Helper()
	server := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0))))
	t.Cleanup(server.Close)
	dir := t.TempDir()
	unpack(t, file, dir)
	index, err := layout.ImageIndexFromPath(dir)
	if err != nil {
		t.Fatal(err)
	}
	manifests, err := index.IndexManifest()
	if err != nil {
		t.Fatal(err)
	}
	image, err := index.Image(manifests.Manifests[0].Digest)
	if err != nil {
		t.Fatal(err)
	}
	ref, err := name.NewDigest(strings.TrimPrefix(server.URL, "http://") + "/python@" + digest)
	if err == nil {
		err = remote.Write(ref, image)
	}
	if err != nil {
		t.Fatal(err)
	}
	return ref.String()
}

// unpack writes the files of a tar into a folder.
func unpack(t *testing.T, file, dir string) {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for r := tar.NewReader(f); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(dir, h.Name)
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(r)
		if err == nil {
			err = os.WriteFile(path, b, 0o666)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}
