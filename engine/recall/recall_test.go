package recall

import (
	"os"
	"path/filepath"
	"reflect"
	"testing"
	"time"

	"github.com/ouroflow/ouroflow/engine/digest"
)

func see(t *testing.T, path string) File {
	t.Helper()
	f, err := See(path)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// Every change of a file that could change what it holds is noticed.
func TestHolds(t *testing.T) {
	for name, change := range map[string]func(path string) error{
		"nothing":   func(string) error { return nil },
		"longer":    func(p string) error { return os.WriteFile(p, []byte("longer"), 0o666) },
		"same size": func(p string) error { return os.WriteFile(p, []byte("yyyy"), 0o666) },
		"replaced": func(p string) error {
			info, err := os.Stat(p)
			if err == nil {
				err = os.WriteFile(p+".new", []byte("zzzz"), 0o666)
			}
			if err == nil {
				err = os.Chtimes(p+".new", info.ModTime(), info.ModTime())
			}
			if err != nil {
				return err
			}
			return os.Rename(p+".new", p)
		},
		"same size and time": func(p string) error {
			info, err := os.Stat(p)
			if err == nil {
				err = os.WriteFile(p, []byte("wwww"), 0o666)
			}
			if err != nil {
				return err
			}
			return os.Chtimes(p, info.ModTime(), info.ModTime())
		},
		"gone":  os.Remove,
		"there": func(p string) error { return os.WriteFile(p+".absent", nil, 0o666) },
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "f")
			if err := os.WriteFile(path, []byte("xxxx"), 0o666); err != nil {
				t.Fatal(err)
			}
			old := time.Now().Add(-time.Hour)
			if err := os.Chtimes(path, old, old); err != nil {
				t.Fatal(err)
			}
			m := &Memo{Files: []File{see(t, path), see(t, path+".absent")}}
			if err := change(path); err != nil {
				t.Fatal(err)
			}
			if got := m.Holds(); got != (name == "nothing") {
				t.Errorf("Holds = %v", got)
			}
		})
	}
}

func TestSettled(t *testing.T) {
	now := time.Now()
	for age, want := range map[time.Duration]bool{0: false, 10 * time.Millisecond: false, time.Second: true, -time.Hour: false} {
		if got := (File{Time: now.Add(-age).UnixNano()}).Settled(now); got != want {
			t.Errorf("a file %s old: %v", age, got)
		}
	}
	if !(File{Size: -1}).Settled(now) {
		t.Error("an absent file is settled")
	}
}

func TestSaveAndLoad(t *testing.T) {
	d, key := Folder(t.TempDir()), digest.Of([]byte("key"))
	if m := d.Load(key); m != nil {
		t.Errorf("found %+v in an empty folder", m)
	}
	want := &Memo{Files: []File{{"a", 1, 2, 3, 4}, {"b", -1, 0, 0, 0}}, Nodes: 4, Rows: 5, Record: []byte(`{"x":1}`)}
	if err := d.Save(key, want, []byte("state")); err != nil {
		t.Fatal(err)
	}
	if got := d.Load(key); !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if b, err := os.ReadFile(d.StatePath(want.State)); err != nil || string(b) != "state" {
		t.Errorf("%q, %v", b, err)
	}
	if err := os.Remove(d.StatePath(want.State)); err != nil {
		t.Fatal(err)
	}
	if m := d.Load(key); m != nil {
		t.Errorf("used a memo without the file about its nodes: %+v", m)
	}
	if err := os.WriteFile(d.MemoPath(key), []byte("damaged"), 0o666); err != nil {
		t.Fatal(err)
	}
	if m := d.Load(key); m != nil {
		t.Errorf("used a damaged memo: %+v", m)
	}
}

func FuzzDecode(f *testing.F) {
	f.Add((&Memo{Files: []File{{"a", 1, 2, 3, 4}}, Record: []byte(`{}`)}).encode())
	f.Add([]byte(magic))
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := decode(b)
		if err != nil {
			return
		}
		if again, err := decode(m.encode()); err != nil || !reflect.DeepEqual(again.Files, m.Files) {
			t.Fatal("an accepted memo doesn't round-trip", err)
		}
	})
}
