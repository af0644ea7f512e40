// Package containers is the sandbox runtime of containerd: each worker is a container
// that stays, in which candidates are forked.
package containers

import (
	"context"
	"errors"
	"fmt"
	"github.com/ouroflow/ouroflow/nodes/sandbox/pythonroot"
	"os"
	"path/filepath"
	"strings"
	"time"

	containerd "github.com/containerd/containerd/v2/client"
	imagestore "github.com/containerd/containerd/v2/core/images"
	"github.com/containerd/containerd/v2/pkg/namespaces"
	"github.com/opencontainers/go-digest"
)

// Namespace is containerd's namespace with everything that ouroflow makes.
const Namespace = "ouroflow"

// AddressVariable names the environment variable with the address of a containerd.
const AddressVariable = "OUROFLOW_CONTAINERD"

// systemAddress is where distributions have containerd listen.
const systemAddress = "/run/containerd/containerd.sock"

// dialTimeout is how long a containerd on the same machine may take to answer.
const dialTimeout = 2 * time.Second

// Addresses lists the sockets to try if a pipeline names none: that of the variable
// alone, if it is set, else of our own containerd and of the system's.
func Addresses() []string {
	if a := os.Getenv(AddressVariable); a != "" {
		return []string{a}
	}
	return []string{DefaultDaemon().Address(), systemAddress}
}

// connect returns a client of the containerd at an address, or of the first one of
// Addresses that answers if that is empty, and the address.
func connect(ctx context.Context, address string) (*containerd.Client, string, error) {
	addresses := []string{address}
	if address == "" {
		addresses = Addresses()
	}
	var refusals []error
	for _, a := range addresses {
		c, err := dial(ctx, a)
		if err == nil {
			return c, a, nil
		}
		refusals = append(refusals, err)
	}
	return nil, "", fmt.Errorf("no containerd answers: %w; `ouroflow sandbox up` starts one, `ouroflow sandbox doctor` says what is missing", errors.Join(refusals...))
}

func dial(ctx context.Context, address string) (*containerd.Client, error) {
	if _, err := os.Stat(address); err != nil {
		return nil, err
	}
	c, err := containerd.New(address, containerd.WithDefaultNamespace(Namespace), containerd.WithTimeout(dialTimeout))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", address, err)
	}
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	if _, err := c.Version(ctx); err != nil {
		return nil, fmt.Errorf("%s: %w", address, errors.Join(err, c.Close()))
	}
	return c, nil
}

// inNamespace is the context for calls of a client.
func inNamespace(ctx context.Context) context.Context {
	return namespaces.WithNamespace(ctx, Namespace)
}

// snapshotter is the way to keep root file systems: overlayfs where it works, else
// copies.
func snapshotter(ctx context.Context, c *containerd.Client) (string, error) {
	r, err := c.IntrospectionService().Plugins(ctx, "type==io.containerd.snapshotter.v1")
	if err != nil {
		return "", fmt.Errorf("asking containerd for its snapshotters: %w", err)
	}
	works := map[string]bool{}
	for _, p := range r.Plugins {
		works[p.ID] = p.InitErr == nil
	}
	for _, name := range []string{"overlayfs", "fuse-overlayfs", "native"} {
		if works[name] {
			return name, nil
		}
	}
	return "", errors.New("containerd has none of the snapshotters overlayfs, fuse-overlayfs and native")
}

// HostImage is the image reference that means this machine's own Python.
const HostImage = "host"

// TarPrefix starts image references that name an OCI image in a tar file.
const TarPrefix = "oci-tar:"

// CheckImage finds references that can't be used.
func CheckImage(ref string) error {
	switch {
	case ref == HostImage || strings.HasPrefix(ref, TarPrefix):
		return nil
	case !strings.Contains(ref, "@sha256:"):
		return fmt.Errorf("%s has no digest, and what a tag means changes; write %s@sha256:..., oci-tar:PATH or host", ref, ref)
	default:
		return nil
	}
}

// Digest is the digest of an image, which decides verdicts; that of the host's Python
// is its version, which is pinned anyway.
func Digest(ref string) (string, error) {
	if ref == HostImage {
		return HostImage, nil
	}
	if path, ok := strings.CutPrefix(ref, TarPrefix); ok {
		d, err := tarDigest(path)
		return d.String(), err
	}
	_, d, _ := strings.Cut(ref, "@")
	return d, digest.Digest(d).Validate()
}

// images gets images from where references say that they are, and unpacks them.
type images struct {
	client      *containerd.Client
	snapshotter string
}

// get returns an image, unpacked, and the interpreter in it.
func (s images) get(ctx context.Context, ref, python string) (m containerd.Image, inside string, err error) {
	path, isTar := strings.CutPrefix(ref, TarPrefix)
	inside = filepath.Base(python)
	switch {
	case ref == HostImage:
		m, inside, err = s.host(ctx, python)
	case isTar:
		m, err = s.fromTar(ctx, path)
	default:
		m, err = s.pulled(ctx, ref)
	}
	if err != nil {
		return nil, "", err
	}
	if spec, err := m.Spec(ctx); err == nil && spec.Config.Labels[pythonLabel] != "" {
		inside = spec.Config.Labels[pythonLabel]
	}
	return m, inside, m.Unpack(ctx, s.snapshotter)
}

func (s images) pulled(ctx context.Context, ref string) (containerd.Image, error) {
	if m, err := s.client.GetImage(ctx, ref); err == nil {
		return m, nil
	}
	m, err := s.client.Pull(ctx, ref, containerd.WithPullUnpack, containerd.WithPullSnapshotter(s.snapshotter))
	if err != nil {
		return nil, fmt.Errorf("pulling %s: %w; without a registry use image: oci-tar:PATH (`ouroflow image build` writes one) or image: host", ref, err)
	}
	return m, nil
}

// fromTar imports an image, unless it was before. It is known by its digest, not by a
// name that it may have.
func (s images) fromTar(ctx context.Context, path string) (containerd.Image, error) {
	d, err := tarDigest(path)
	if err != nil {
		return nil, err
	}
	name := "ouroflow.local/tar@" + d.String()
	if m, err := s.client.GetImage(ctx, name); err == nil {
		return m, nil
	}
	return s.load(ctx, name, path)
}

// load imports an image from an OCI tar and gives it a name.
func (s images) load(ctx context.Context, name, path string) (containerd.Image, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	found, err := s.client.Import(ctx, f, containerd.WithImageRefTranslator(func(string) string { return name }))
	if err == nil && len(found) != 1 {
		err = fmt.Errorf("it has %d images, want one", len(found))
	}
	if err != nil {
		return nil, fmt.Errorf("importing %s: %w", path, err)
	}
	if found[0].Name != name { // that the tar says, which wins
		if _, err := s.client.ImageService().Create(ctx, imagestore.Image{Name: name, Target: found[0].Target}); err != nil {
			return nil, fmt.Errorf("naming the image of %s: %w", path, err)
		}
	}
	return s.client.GetImage(ctx, name)
}

// host makes an image of the machine's Python, unless there is one of the same files.
func (s images) host(ctx context.Context, python string) (containerd.Image, string, error) {
	root, err := pythonroot.Of(ctx, python)
	if err != nil {
		return nil, "", err
	}
	name := "ouroflow.local/host:" + root.Fingerprint()
	if m, err := s.client.GetImage(ctx, name); err == nil {
		return m, root.Python, nil
	}
	if err := root.AddLinked(ctx); err != nil {
		return nil, "", err
	}
	dir, err := os.MkdirTemp("", "ouroflow-image-*")
	if err != nil {
		return nil, "", err
	}
	defer os.RemoveAll(dir)
	file := filepath.Join(dir, "host.tar")
	if err := writeImage(root, name, nil, file); err != nil {
		return nil, "", fmt.Errorf("making an image of %s: %w", python, err)
	}
	m, err := s.load(ctx, name, file)
	return m, root.Python, err
}
