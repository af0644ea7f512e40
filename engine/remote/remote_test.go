package remote_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ouroflow/ouroflow/engine/cas"
	"github.com/ouroflow/ouroflow/engine/cas/castest"
	"github.com/ouroflow/ouroflow/engine/digest"
	"github.com/ouroflow/ouroflow/engine/remote"
)

func open(t *testing.T, address string) cas.Remote {
	t.Helper()
	r, err := remote.Open(address)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func folder(t *testing.T) cas.Remote { return open(t, "file://"+t.TempDir()) }

// s3 starts a real S3 server on a folder and makes a bucket, which is a folder in it.
func s3(t *testing.T) cas.Remote {
	startS3(t)
	return open(t, "s3://cache/some/prefix")
}

func startS3(t *testing.T) (stop func()) {
	t.Helper()
	server, err := exec.LookPath("../../bin/versitygw")
	if err != nil {
		t.Skip("there is no S3 server to test with; `make bin/versitygw` builds one: ", err)
	}
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "cache"), 0o777); err != nil {
		t.Fatal(err)
	}
	port := freePort(t)
	cmd := exec.Command(server, "--port", port, "--access", "user", "--secret", "password", "--quiet", "posix", "--nometa", dir)
	var output bytes.Buffer
	cmd.Stdout, cmd.Stderr = &output, &output
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	stop = func() {
		cmd.Process.Kill()
		cmd.Wait()
	}
	t.Cleanup(stop)
	t.Setenv("AWS_ENDPOINT_URL_S3", "http://"+port)
	t.Setenv("AWS_ACCESS_KEY_ID", "user")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "password")
	t.Setenv("AWS_REGION", "us-east-1")
	awaitPort(t, port, &output)
	return stop
}

func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

func awaitPort(t *testing.T, address string, output fmt.Stringer) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); ; {
		c, err := net.Dial("tcp", address)
		if err == nil {
			c.Close()
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("the S3 server doesn't answer: %v\n%s", err, output)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

var remotes = map[string]func(*testing.T) cas.Remote{"folder": folder, "s3": s3}

func TestRemote(t *testing.T) {
	for name, open := range remotes {
		t.Run(name, func(t *testing.T) {
			ctx, r := context.Background(), open(t)
			if _, err := r.Get(ctx, "blobs/ab/abc"); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("an absent file: %v, want fs.ErrNotExist", err)
			}
			if names, err := r.List(ctx, "rows/a/"); err != nil || len(names) > 0 {
				t.Errorf("List of nothing = %v, %v", names, err)
			}
			big := bytes.Repeat([]byte("0123456789"), 1<<18)
			for name, content := range map[string][]byte{"blobs/ab/abc": big, "rows/a/1.idx": nil, "rows/a/2.idx": []byte("x"), "rows/ab/3.idx": []byte("y")} {
				for range 2 { // the second time it is there
					if err := r.Put(ctx, name, bytes.NewReader(content), int64(len(content))); err != nil {
						t.Fatal(name, err)
					}
				}
				f, err := r.Get(ctx, name)
				if err != nil {
					t.Fatal(name, err)
				}
				got, err := io.ReadAll(f)
				f.Close()
				if err != nil || !bytes.Equal(got, content) {
					t.Errorf("%s: %d bytes, %v; want %d", name, len(got), err, len(content))
				}
			}
			names, err := r.List(ctx, "rows/a/")
			slices.Sort(names)
			if err != nil || !slices.Equal(names, []string{"rows/a/1.idx", "rows/a/2.idx"}) {
				t.Errorf("List = %v, %v", names, err)
			}
		})
	}
}

// tiered returns a store over a new disk; what it warns of fails the test.
func tiered(t *testing.T, r cas.Remote) *cas.Tiered {
	t.Helper()
	s, err := cas.NewTiered(context.Background(), cas.NewDisk(t.TempDir()), r, func(text string) { t.Error("warned:", text) })
	if err != nil {
		t.Fatal(err)
	}
	s.CompleteWith(func([]byte) error { return nil })
	return s
}

func TestTieredIsAStore(t *testing.T) {
	for name, open := range remotes {
		t.Run(name, func(t *testing.T) {
			castest.Run(t, func(t *testing.T) cas.Store {
				s := tiered(t, open(t))
				t.Cleanup(func() {
					if err := s.Close(); err != nil {
						t.Error(err)
					}
				})
				return s
			})
		})
	}
}

// What one machine stored another finds, and keeps.
func TestTieredShares(t *testing.T) {
	for name, open := range remotes {
		t.Run(name, func(t *testing.T) {
			r := open(t)
			key, content := digest.Of([]byte("key")), []byte("content")
			first := tiered(t, r)
			d, err := cas.Put(first, content)
			if err == nil {
				err = first.PutAction(key, []byte("body"))
			}
			if err == nil {
				err = first.Rows("a").Append([]digest.Digest{key}, []byte("segment"))
			}
			if err == nil {
				err = first.Close()
			}
			if err != nil {
				t.Fatal(err)
			}
			second := tiered(t, r)
			for _, s := range []cas.Store{second, second.Disk} { // fetched, then kept
				if got, err := cas.ReadAll(s, d); err != nil || !bytes.Equal(got, content) {
					t.Errorf("blob: %q, %v", got, err)
				}
				if got, err := s.Action(key); err != nil || string(got) != "body" {
					t.Errorf("action: %q, %v", got, err)
				}
				rows := s.Rows("a")
				x, _, err := cas.ReadIndex(rows)
				if err != nil {
					t.Fatal(err)
				}
				place, ok := x.Lookup(key)
				if !ok {
					t.Fatal("the row isn't found")
				}
				if got, err := rows.Segment(x.Ref(place).Segment); err != nil || string(got) != "segment" {
					t.Errorf("segment: %q, %v", got, err)
				}
			}
			if err := second.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}

// A server that goes away, or isn't there, costs nothing that was stored; what it
// lacks is sent when it is back.
func TestServerGoesAway(t *testing.T) {
	stop := startS3(t)
	r := open(t, "s3://cache")
	dir := t.TempDir()
	var warnings []string
	s, err := cas.NewTiered(context.Background(), cas.NewDisk(dir), r, func(text string) { warnings = append(warnings, text) })
	if err != nil {
		t.Fatal(err)
	}
	stop()
	d, err := cas.Put(s, []byte("content"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Open(digest.Of([]byte("other"))); !cas.IsMiss(err) {
		t.Errorf("what nobody has while the server is away: %v, want a miss", err)
	}
	if err := s.Close(); err == nil || !strings.Contains(err.Error(), "1 files were not sent") {
		t.Errorf("Close = %v", err)
	}
	if len(warnings) != 1 || !strings.Contains(warnings[0], "s3://cache can't be used") {
		t.Errorf("warned %q, want one warning that names the remote", warnings)
	}
	back := folder(t)
	again, err := cas.NewTiered(context.Background(), cas.NewDisk(dir), back, func(text string) { t.Error(text) })
	if err == nil {
		err = again.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	if f, err := back.Get(context.Background(), "blobs/"+d.String()[:2]+"/"+d.String()); err != nil {
		t.Errorf("what was to be sent wasn't sent by the next run: %v", err)
	} else {
		f.Close()
	}
}

func TestOpenRefuses(t *testing.T) {
	for _, address := range []string{"", "cache", "http://x/y", "s3://", "file://host/x", "file://relative"} {
		if _, err := remote.Open(address); err == nil || !strings.Contains(err.Error(), "remote cache") {
			t.Errorf("Open(%q): %v", address, err)
		}
	}
}
