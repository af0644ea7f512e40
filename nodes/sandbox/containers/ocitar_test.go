package containers

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// writeTar writes an image whose layer is that text.
func writeTar(t testing.TB, layer string) string {
	t.Helper()
	dir := t.TempDir()
	file := filepath.Join(dir, "layer")
	if err := os.WriteFile(file, []byte(layer), 0o666); err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := (image{name: "example/a:b", python: "/usr/bin/python3", layer: file}).write(&b); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "image.tar")
	if err := os.WriteFile(path, b.Bytes(), 0o666); err != nil {
		t.Fatal(err)
	}
	return path
}

// The same content has the same digest, other content another.
func TestTarDigest(t *testing.T) {
	digests := map[string]string{}
	for name, layer := range map[string]string{"one": "x", "again": "x", "other": "y"} {
		d, err := tarDigest(writeTar(t, layer))
		if err != nil {
			t.Fatal(err)
		}
		digests[name] = d.String()
	}
	if digests["one"] != digests["again"] || digests["one"] == digests["other"] {
		t.Errorf("digests %v", digests)
	}
}

func TestReferences(t *testing.T) {
	const pinned = "docker.io/library/python@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
	for ref, want := range map[string]string{
		"host": "host", pinned: pinned[strings.Index(pinned, "@")+1:],
		"docker.io/library/python:3.12": "", "python@sha256:12": "", "oci-tar:/no/such.tar": "",
	} {
		got, err := Digest(ref)
		if bad := CheckImage(ref) != nil || err != nil; bad != (want == "") || !bad && got != want {
			t.Errorf("%s: %q, %v", ref, got, err)
		}
	}
}

func FuzzTarDigest(f *testing.F) {
	b, err := os.ReadFile(writeTar(f, "x"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Add([]byte("index.json"))
	f.Fuzz(func(t *testing.T, content []byte) {
		path := filepath.Join(t.TempDir(), "image.tar")
		if err := os.WriteFile(path, content, 0o666); err != nil {
			t.Fatal(err)
		}
		if d, err := tarDigest(path); err == nil && d.Validate() != nil {
			t.Errorf("accepted the digest %q", d)
		}
	})
}
