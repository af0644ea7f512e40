package recall

import (
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ouroflow/ouroflow/engine/digest"
	"github.com/ouroflow/ouroflow/engine/run"
	"github.com/ouroflow/ouroflow/engine/spec"
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
func TestChangedFiles(t *testing.T) {
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
			files := []File{see(t, path), see(t, path+".absent")}
			whole, used, made := &Memo{Files: files}, &Memo{Nodes: []Node{{}, {Uses: files}}}, &Memo{Nodes: []Node{{Made: files}}}
			for _, m := range []*Memo{whole, used, made} {
				m.Note(nil)
			}
			if err := change(path); err != nil {
				t.Fatal(err)
			}
			same := name == "nothing"
			for kind, m := range map[string]*Memo{"of the run": whole, "of the cache": made} {
				if nodes, ok := m.Changed(nil); ok != same || len(nodes) > 0 {
					t.Errorf("a file %s: nodes %v, %v", kind, nodes, ok)
				}
			}
			if nodes, ok := used.Changed(nil); !ok || slices.Equal(nodes, []int{1}) == same {
				t.Errorf("a file that a node uses: nodes %v, %v", nodes, ok)
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

func example() *Memo {
	files := []File{{"a", 1, 2, 3, 4}, {"b", -1, 0, 0, 0}}
	return &Memo{
		Pipeline: digest.Of([]byte("p")), Outside: digest.Of([]byte("o")), Files: files, Record: []byte(`{"x":1}`),
		Nodes: []Node{
			{ID: "x", Col: 3, Lines: spec.Lines{First: 4, After: 6}, Text: 7, Rows: 8, Metrics: true, Place: run.Place{At: 9, Size: 10}, Uses: files},
			{ID: "y", Needs: []int{0}, Made: files[:1]},
		},
	}
}

// A node that was edited is told from lines that belong to no node.
func TestChangedText(t *testing.T) {
	before := "name: x\nnodes:\n  a: 1\n  b: 2\n     3\n# end\n"
	m := &Memo{Nodes: []Node{{Lines: spec.Lines{First: 3, After: 4}}, {Lines: spec.Lines{First: 4, After: 6}}}}
	m.Note([]byte(before))
	for _, c := range []struct {
		old, new string
		nodes    []int
		ok       bool
	}{
		{"", "", nil, true},
		{"a: 1", "a: 2", []int{0}, true},
		{"a: 1\n  b: 2", "a: 2\n  b: 3", []int{0, 1}, true},
		{"     3", "     4", []int{1}, true},
		{"name: x", "name: y", nil, false},
		{"# end", "# END", nil, false},
		{"     3", "     3\n", nil, false},
		{"  a: 1\n", "", nil, false},
	} {
		nodes, ok := m.Changed([]byte(strings.Replace(before, c.old, c.new, 1)))
		if ok != c.ok || !slices.Equal(nodes, c.nodes) {
			t.Errorf("%q -> %q: nodes %v, %v", c.old, c.new, nodes, ok)
		}
	}
}

func TestSaveAndLoad(t *testing.T) {
	d, key := Folder(t.TempDir()), digest.Of([]byte("key"))
	if m := d.Load(key); m != nil {
		t.Errorf("found %+v in an empty folder", m)
	}
	want := example()
	var err error
	if want.State, err = d.SaveState([]byte("state")); err != nil {
		t.Fatal(err)
	}
	if err := d.Save(key, want); err != nil {
		t.Fatal(err)
	}
	if got := d.Load(key); !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if parts, err := d.State(want.State, []run.Place{{At: 1, Size: 3}, {At: 0, Size: 1}}); err != nil || string(parts[0]) != "tat" || string(parts[1]) != "s" {
		t.Errorf("%q, %v", parts, err)
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
	f.Add(example().encode())
	f.Add([]byte(magic))
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := decode(b)
		if err != nil {
			return
		}
		if again, err := decode(m.encode()); err != nil || !reflect.DeepEqual(again.Files, m.Files) || !reflect.DeepEqual(again.Nodes, m.Nodes) {
			t.Fatal("an accepted memo doesn't round-trip", err)
		}
	})
}
