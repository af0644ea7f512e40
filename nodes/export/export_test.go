package export

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ouroflow/ouroflow/engine/node"
	"github.com/ouroflow/ouroflow/engine/node/nodetest"
	"github.com/ouroflow/ouroflow/engine/table/tableio"
)

type row struct {
	Code   string   `arrow:"code"`
	Energy float64  `arrow:"energy"`
	Tests  []string `arrow:"tests"`
	Passed *bool    `arrow:"passed"`
}

func rows() []row {
	yes := true
	return []row{{"a <b>\n\"c\"", 0.5, []string{"x", "y"}, &yes}, {"", 1, nil, nil}}
}

// What is written in any format can be read again.
func TestFormats(t *testing.T) {
	for _, format := range tableio.Formats() {
		t.Run(format, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "deep", "out."+format)
			b := nodetest.New(t)
			nodetest.Bind(t, b, "in", rows())
			if _, err := b.Run(t, Type(), func(p any) { p.(*Params).Path = node.Path(path) }); err != nil {
				t.Fatal(err)
			}
			content, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			got, err := tableio.ReadObjects(format, content)
			if err != nil {
				t.Fatal(err)
			}
			if len(got) != 2 || got[0].Text("code") != "a <b>\n\"c\"" || got[0].Text("energy") != "0.5" || len(got[0].Texts("tests")) != 2 || got[1].Text("passed") != "" {
				t.Errorf("read %v", got)
			}
		})
	}
}

// A file that was deleted or changed is put back from the cache, without the
// table being written again.
func TestPublishAgain(t *testing.T) {
	path := filepath.Join(t.TempDir(), "out.jsonl")
	b := nodetest.New(t)
	nodetest.Bind(t, b, "in", rows())
	set := func(p any) { p.(*Params).Path, p.(*Params).Columns = node.Path(path), []string{"energy", "code"} }
	if _, err := b.Run(t, Type(), set); err != nil {
		t.Fatal(err)
	}
	want, _ := os.ReadFile(path)
	if !strings.HasPrefix(string(want), `{"energy":0.5,"code":"a <b>`) {
		t.Errorf("wrote %s", want)
	}
	os.WriteFile(path, []byte("changed"), 0o666)
	res, err := b.Run(t, Type(), set)
	if err != nil || !res.Cached {
		t.Fatalf("cached %v, err %v", res.Cached, err)
	}
	if got, _ := os.ReadFile(path); string(got) != string(want) {
		t.Errorf("the file is %q", got)
	}
}

func TestBadParams(t *testing.T) {
	for _, p := range []Params{{}, {Path: "x.txt"}} {
		if _, err := Type().Bind(&p); err == nil {
			t.Errorf("%+v was accepted", p)
		}
	}
	b := nodetest.New(t)
	nodetest.Bind(t, b, "in", rows())
	_, err := b.Run(t, Type(), func(p any) { p.(*Params).Path, p.(*Params).Columns = "x.csv", []string{"cod"} })
	if err == nil || !strings.Contains(err.Error(), `no column "cod"`) {
		t.Errorf("err = %v", err)
	}
}

func FuzzReadObjects(f *testing.F) {
	f.Add(uint8(0), []byte("ARROW1\x00\x00"))
	f.Add(uint8(1), []byte("a,b\n1,2\n"))
	f.Add(uint8(2), []byte("{\"a\":1}\n"))
	f.Add(uint8(3), []byte("PAR1PAR1"))
	f.Add(uint8(4), []byte("\x1f\x8b\x08\x00"))
	f.Fuzz(func(_ *testing.T, format uint8, content []byte) {
		names := append(tableio.Formats(), "json")
		tableio.ReadObjects(names[int(format)%len(names)], content)
	})
}
