package containers

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"runtime"
	"time"

	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/specs-go"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// image is an OCI image of one layer, not compressed, that is written to a tar file.
type image struct {
	name   string // reference that it gets when it is imported
	env    []string
	python string // the interpreter in it
	layer  string // file with the layer, a tar itself
}

// pythonLabel is the label of an image with the path of the interpreter in it.
const pythonLabel = "ouroflow.python"

// write writes the image as an OCI layout in a tar. The same content gives the same
// bytes, and so the same digest.
func (m image) write(w io.Writer) error {
	layer, err := fileDescriptor(m.layer, ocispec.MediaTypeImageLayer)
	if err != nil {
		return err
	}
	config, configBytes, err := descriptor(ocispec.MediaTypeImageConfig, ocispec.Image{
		Platform: ocispec.Platform{Architecture: runtime.GOARCH, OS: "linux"},
		Config:   ocispec.ImageConfig{Env: m.env, Labels: map[string]string{pythonLabel: m.python}},
		RootFS:   ocispec.RootFS{Type: "layers", DiffIDs: []digest.Digest{layer.Digest}},
	})
	if err != nil {
		return err
	}
	manifest, manifestBytes, err := descriptor(ocispec.MediaTypeImageManifest, ocispec.Manifest{
		Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispec.MediaTypeImageManifest,
		Config: config, Layers: []ocispec.Descriptor{layer},
	})
	if err != nil {
		return err
	}
	manifest.Annotations = map[string]string{ocispec.AnnotationRefName: m.name, "io.containerd.image.name": m.name}
	index, err := json.Marshal(ocispec.Index{
		Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispec.MediaTypeImageIndex, Manifests: []ocispec.Descriptor{manifest},
	})
	if err != nil {
		return err
	}
	t := tar.NewWriter(w)
	for _, f := range []struct {
		name    string
		content []byte
	}{
		{ocispec.ImageLayoutFile, []byte(`{"imageLayoutVersion": "` + ocispec.ImageLayoutVersion + `"}`)},
		{ocispec.ImageIndexFile, index},
		{blobPath(config.Digest), configBytes},
		{blobPath(manifest.Digest), manifestBytes},
	} {
		if err := addBytes(t, f.name, f.content); err != nil {
			return err
		}
	}
	if err := addFile(t, blobPath(layer.Digest), m.layer, layer.Size); err != nil {
		return err
	}
	return t.Close()
}

func blobPath(d digest.Digest) string { return "blobs/sha256/" + d.Encoded() }

func descriptor(mediaType string, content any) (ocispec.Descriptor, []byte, error) {
	b, err := json.Marshal(content)
	return ocispec.Descriptor{MediaType: mediaType, Digest: digest.FromBytes(b), Size: int64(len(b))}, b, err
}

func fileDescriptor(path, mediaType string) (ocispec.Descriptor, error) {
	f, err := os.Open(path)
	if err != nil {
		return ocispec.Descriptor{}, err
	}
	defer f.Close()
	h := digest.SHA256.Hash()
	size, err := io.Copy(h, f)
	return ocispec.Descriptor{MediaType: mediaType, Digest: digest.NewDigest(digest.SHA256, h), Size: size}, err
}

func addBytes(t *tar.Writer, name string, content []byte) error {
	if err := t.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: int64(len(content)), ModTime: time.Unix(0, 0)}); err != nil {
		return err
	}
	_, err := t.Write(content)
	return err
}

func addFile(t *tar.Writer, name, path string, size int64) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := t.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: size, ModTime: time.Unix(0, 0)}); err != nil {
		return err
	}
	_, err = io.Copy(t, f)
	return err
}

// tarDigest is the digest of the one image in an OCI tar.
func tarDigest(path string) (digest.Digest, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	for t := tar.NewReader(f); ; {
		h, err := t.Next()
		if err == io.EOF {
			return "", fmt.Errorf("%s has no %s: it isn't an OCI image in a tar; `ouroflow image build` writes one", path, ocispec.ImageIndexFile)
		}
		if err != nil {
			return "", fmt.Errorf("%s: %w", path, err)
		}
		if h.Name == ocispec.ImageIndexFile {
			return onlyImage(path, io.LimitReader(t, 1<<20))
		}
	}
}

func onlyImage(path string, r io.Reader) (digest.Digest, error) {
	var b bytes.Buffer
	if _, err := b.ReadFrom(r); err != nil {
		return "", fmt.Errorf("%s: %w", path, err)
	}
	var index ocispec.Index
	if err := json.Unmarshal(b.Bytes(), &index); err != nil {
		return "", fmt.Errorf("%s: its %s: %w", path, ocispec.ImageIndexFile, err)
	}
	if len(index.Manifests) != 1 {
		return "", fmt.Errorf("%s has %d images, want one", path, len(index.Manifests))
	}
	return index.Manifests[0].Digest, index.Manifests[0].Digest.Validate()
}
