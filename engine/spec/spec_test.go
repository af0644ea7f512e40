package spec

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

const small = `version: 1
name: small
params:
  n: 10
  rate: 0.5
  label: abc
  ks: [1, 2]
profiles:
  big:
    params: {n: 100}
    nodes:
      b:
        with: {extra: 1}
nodes:
  a:
    type: source
  b:
    type: work
    needs: a
    retries: 2
    timeout: 90s
    with:
      count: ${params.n}
      text: "n is ${params.n}, not $${params.n}"
      list: ${params.ks}
`

func parse(t *testing.T, text string, opts Options) *Pipeline {
	t.Helper()
	p, c := Parse("p.yaml", []byte(text), opts)
	if err := c.Err(); err != nil {
		t.Fatal(err)
	}
	return p
}

func TestParse(t *testing.T) {
	p := parse(t, small, Options{})
	b := p.Nodes[1]
	if b.ID != "b" || b.Type != "work" || b.Retries != 2 || b.Timeout != 90*time.Second {
		t.Errorf("node b = %+v", b)
	}
	if len(b.Needs) != 1 || b.Needs[0].From != "a" {
		t.Errorf("needs = %+v", b.Needs)
	}
	if v := b.With.Get("count"); v.Kind != Int || v.Int != 10 {
		t.Errorf("an interpolated int is %s %s", v.Kind, v.Text())
	}
	if v := b.With.Get("text"); v.String != "n is 10, not ${params.n}" {
		t.Errorf("text = %q", v.String)
	}
	if v := b.With.Get("list"); v.Kind != List || len(v.List) != 2 {
		t.Errorf("list = %s", v.Text())
	}
}

func TestOverrides(t *testing.T) {
	file := filepath.Join(t.TempDir(), "params.yaml")
	if err := os.WriteFile(file, []byte("rate: 2\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	p := parse(t, small, Options{
		Profiles: []string{"big"}, ParamFiles: []string{file},
		Sets: []string{"n=7", "label=007", "nodes.b.with.deep.key=[x]"},
	})
	got := map[string]string{}
	for _, param := range p.Params {
		got[param.Name] = param.Value.Kind.String() + " " + param.Value.Text()
	}
	for name, want := range map[string]string{"n": "an int 7", "rate": "a float 2", "label": "a string 007"} {
		if got[name] != want {
			t.Errorf("param %s is %s, want %s", name, got[name], want)
		}
	}
	with := p.Nodes[1].With
	if with.Get("extra") == nil || with.At("deep.key").Text() != "[x]" || with.Get("count").Int != 7 {
		t.Errorf("with = %s", with.Text())
	}
}

// Each mistake is reported with its place and what to do, all of them at once.
func TestProblems(t *testing.T) {
	for name, test := range map[string]struct {
		text string
		opts Options
		want []string
	}{
		"unknown key":     {text: "version: 1\nnods: {}\nnodes: {a: {type: x}}\n", want: []string{`p.yaml:2:1: unknown key "nods"; did you mean "nodes"?`, "    2 | nods: {}"}},
		"duplicate key":   {text: "version: 1\nname: a\nname: b\nnodes: {a: {type: x}}\n", want: []string{`p.yaml:3:1: key "name" is there twice`}},
		"wrong type":      {text: "version: 1\nname: [1]\nnodes: {a: {type: x, retries: many}}\n", want: []string{`"name" wants string, got a list`, `"retries" wants int, got a string (many)`}},
		"range":           {text: "version: 1\nnodes: {a: {type: x, retries: -1}}\n", want: []string{`"retries" is -1, but must be at least 0`}},
		"version":         {text: "version: 9\nnodes: {a: {type: x}}\n", want: []string{"version 9 is newer than this program"}},
		"no version":      {text: "nodes: {a: {type: x}}\n", want: []string{"the key version is missing"}},
		"no nodes":        {text: "version: 1\n", want: []string{"the pipeline has no nodes"}},
		"no type":         {text: "version: 1\nnodes: {a: {}}\n", want: []string{`node "a" has no type`}},
		"bad id":          {text: "version: 1\nnodes: {1a: {type: x}}\n", want: []string{`"1a" can't be a node id`}},
		"syntax":          {text: "version: 1\nnodes: {a: [\n", want: []string{"p.yaml:"}},
		"two documents":   {text: "version: 1\n---\nversion: 1\n", want: []string{"one YAML document"}},
		"merge key":       {text: "version: 1\nnodes: {a: {type: x, with: {<<: {b: 1}}}}\n", want: []string{"merge keys"}},
		"octal":           {text: "version: 1\nparams: {n: 010}\nnodes: {a: {type: x}}\n", want: []string{"010 is not a plain decimal number"}},
		"unknown param":   {text: "version: 1\nparams: {count: 1}\nnodes: {a: {type: x, with: {n: \"${params.cuont}\"}}}\n", want: []string{`no parameter is named "cuont"; did you mean "count"?`}},
		"bad reference":   {text: "version: 1\nnodes: {a: {type: x, with: {n: \"${env.HOME}\"}}}\n", want: []string{"only ${params.NAME} can"}},
		"open reference":  {text: "version: 1\nnodes: {a: {type: x, with: {n: \"${params.n\"}}}\n", want: []string{"never closed"}},
		"unknown set":     {text: small, opts: Options{Sets: []string{"nn=3"}}, want: []string{`--set nn=3: the pipeline has no parameter "nn"; did you mean "n"?`}},
		"set type":        {text: small, opts: Options{Sets: []string{"n=abc"}}, want: []string{`--set n=abc: parameter "n" is an int, got a string (abc)`}},
		"set node":        {text: small, opts: Options{Sets: []string{"nodes.c.with.x=1"}}, want: []string{`no node "c"`}},
		"unknown profile": {text: small, opts: Options{Profiles: []string{"bgi"}}, want: []string{`no profile "bgi"; did you mean "big"?`}},
		"pool of zero":    {text: "version: 1\npools: {gpu: 0}\nnodes: {a: {type: x}}\n", want: []string{"must have at least 1"}},
		"unknown anchor":  {text: "version: 1\nname: *nope\nnodes: {a: {type: x}}\n", want: []string{"p.yaml:"}},
	} {
		t.Run(name, func(t *testing.T) {
			_, c := Parse("p.yaml", []byte(test.text), test.opts)
			err := c.Err()
			var problems Problems
			if !errors.As(err, &problems) {
				t.Fatalf("err = %v, want Problems", err)
			}
			for _, want := range test.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("problems lack %q:\n%v", want, err)
				}
			}
		})
	}
}

func TestAliasBomb(t *testing.T) {
	text := "version: 1\nparams:\n  a: &a [x, x, x, x, x, x, x, x, x, x]\n"
	for i, prev := 0, "a"; i < 9; i++ {
		name := string(rune('b' + i))
		text += "  " + name + ": &" + name + " [" + strings.Repeat("*"+prev+", ", 9) + "*" + prev + "]\n"
		prev = name
	}
	_, c := Parse("p.yaml", []byte(text+"nodes: {a: {type: x}}\n"), Options{})
	if err := c.Err(); err == nil || !strings.Contains(err.Error(), "too many values") {
		t.Errorf("err = %v", err)
	}
}

// decodeInto is what node params look like.
type decodeInto struct {
	N     int                `yaml:"n" min:"1" max:"10"`
	X     float64            `yaml:"x"`
	Kind  string             `yaml:"kind" enum:"a|b"`
	Place place              `yaml:"place"`
	Map   map[string]float64 `yaml:"map"`
	Wait  time.Duration      `yaml:"wait"`
	Inner struct {
		Deep *int `yaml:"deep"`
	} `yaml:"inner"`
}

type place string

func (p *place) Relocate(dir string) { *p = place(filepath.Join(dir, string(*p))) }

func TestDecode(t *testing.T) {
	c := NewCollector()
	v := parseYAML("f.yaml", "/base", []byte("n: 3\nx: 2\nkind: b\nplace: data.json\nmap: {new: 1e3}\nwait: 2m\ninner: {deep: 4}\n"), c)
	d := decodeInto{Map: map[string]float64{"old": 1}}
	Decode(v, &d, c)
	if err := c.Err(); err != nil {
		t.Fatal(err)
	}
	if d.N != 3 || d.X != 2 || d.Kind != "b" || d.Place != "/base/data.json" || d.Map["old"] != 1 || d.Map["new"] != 1000 || d.Wait != 2*time.Minute || *d.Inner.Deep != 4 {
		t.Errorf("decoded %+v", d)
	}
}

// The keys of an embedded struct are keys of the struct.
func TestDecodeEmbedded(t *testing.T) {
	c := NewCollector()
	var d struct {
		decodeInto
		Own string `yaml:"own"`
	}
	Decode(parseYAML("f.yaml", "/", []byte("n: 3\nown: x\n"), c), &d, c)
	if err := c.Err(); err != nil || d.N != 3 || d.Own != "x" {
		t.Errorf("decoded %+v, %v", d, err)
	}
}

// What is passed on as it is may be anything that JSON has.
func TestDecodeAny(t *testing.T) {
	c := NewCollector()
	var d struct {
		Extra map[string]any `yaml:"extra"`
	}
	Decode(parseYAML("f.yaml", "/", []byte("extra: {a: 1, b: 0.5, c: [x, true, null], d: {e: y}, f: null}\n"), c), &d, c)
	if err := c.Err(); err != nil {
		t.Fatal(err)
	}
	b, err := json.Marshal(d.Extra)
	if want := `{"a":1,"b":0.5,"c":["x",true,null],"d":{"e":"y"},"f":null}`; err != nil || string(b) != want {
		t.Errorf("got %s, want %s, %v", b, want, err)
	}
	Decode(parseYAML("f.yaml", "/", []byte("extra: {a: [.nan]}\n"), c), &d, c)
	if err := c.Err(); err == nil || !strings.Contains(err.Error(), `"a" has a number that is not finite`) {
		t.Errorf("err = %v", err)
	}
}

func TestDecodeFindsAllProblems(t *testing.T) {
	c := NewCollector()
	v := parseYAML("f.yaml", "/", []byte("n: 30\nx: .nan\nkind: c\nwait: 5\ninner: {depe: 4}\nplace:\n"), c)
	Decode(v, &decodeInto{}, c)
	err := c.Err()
	if err == nil {
		t.Fatal("no problems")
	}
	for _, want := range []string{"at most 10", `"x" wants float`, "one of: a, b", "duration such as 90s", `did you mean "deep"?`, `"place" has no value`} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("problems lack %q:\n%v", want, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(small))
	f.Add([]byte("version: 1\nnodes: {a: {type: x, needs: {in: b.c}}}\n"))
	f.Add([]byte("&a [*a]"))
	f.Fuzz(func(t *testing.T, text []byte) {
		p, c := Parse("p.yaml", text, Options{Sets: []string{"n=1"}})
		if p == nil && c.Err() == nil {
			t.Fatal("neither a pipeline nor a problem")
		}
		if err := c.Err(); err != nil && err.Error() == "" {
			t.Fatal("a problem without text")
		}
	})
}
