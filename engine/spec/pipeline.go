package spec

import (
	"path/filepath"
	"regexp"
	"strings"
	"time"
	"unicode"
)

// Version is the version of the pipeline format that this program reads.
const Version = 1

// Pipeline is a pipeline file with its profiles, overrides and parameters
// applied. Node parameters are still values: the node types decode them.
type Pipeline struct {
	File        string
	Name        string
	Description string
	Params      []Param
	Profiles    []Profile // those that the file offers
	Pools       map[string]int
	Cache       Cache
	Nodes       []Node
}

// Cache says what is behind the local cache.
type Cache struct {
	Remote string `yaml:"remote"` // s3://BUCKET/PREFIX or file:///FOLDER; empty: nothing
}

// Param is a parameter of the pipeline and its value.
type Param struct {
	Name  string
	Value *Value
}

// Profile is a named set of overrides.
type Profile struct {
	Name        string
	Description string
}

// Node is one node of a pipeline.
type Node struct {
	ID      string
	Pos     Pos
	Lines   Lines // of the file that are about this node alone; zero if they can't be told
	Type    string
	TypePos Pos
	Needs   []Need
	With    *Value
	Pool    string
	PoolPos Pos
	Retries int
	Timeout time.Duration // 0: none
}

// Need binds an input port to an output port of another node.
type Need struct {
	Port    string // "" means the node's first input
	From    string // node id
	Output  string // "" means that node's first output
	Pos     Pos
	PortPos Pos
}

// Options are the choices that a command line makes about a pipeline.
type Options struct {
	Profiles   []string // applied in order
	ParamFiles []string // YAML files of parameters
	Sets       []string // "n=50" or "nodes.samples.with.temperature=0.2"
}

// document and nodeDocument are the YAML forms.
type document struct {
	Version     int            `yaml:"version" min:"1"`
	Name        string         `yaml:"name"`
	Description string         `yaml:"description"`
	Params      *Value         `yaml:"params"`
	Profiles    *Value         `yaml:"profiles"`
	Pools       map[string]int `yaml:"pools"`
	Cache       Cache          `yaml:"cache"`
	Nodes       *Value         `yaml:"nodes"`
}

type nodeDocument struct {
	Type        string        `yaml:"type"`
	Description string        `yaml:"description"`
	Needs       *Value        `yaml:"needs"`
	With        *Value        `yaml:"with"`
	Pool        string        `yaml:"pool"`
	Retries     int           `yaml:"retries" min:"0" max:"100"`
	Timeout     time.Duration `yaml:"timeout"`
}

var remoteForm = regexp.MustCompile(`^(s3://[a-z0-9][a-z0-9.-]+[a-z0-9](/.*)?|file:///.+)$`)

var identifier = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_-]*$`)

// Parse reads a pipeline from the content of a file and applies the options. The
// collector has the problems found, and keeps the source lines for later ones.
func Parse(file string, content []byte, opts Options) (*Pipeline, *Collector) {
	c := NewCollector()
	c.AddSource(file, content)
	root := parseYAML(file, absDir(file), content, c)
	if root == nil {
		return nil, c
	}
	if root.Kind != Map {
		c.Addf(root.Pos, "a pipeline is a map with the keys %s", strings.Join([]string{"version", "name", "params", "profiles", "pools", "cache", "nodes"}, ", "))
		return nil, c
	}
	lines := nodeLines(root, content)
	applyOptions(root, opts, c)
	var doc document
	Decode(root, &doc, c)
	p := build(file, root, doc, c)
	for i := range p.Nodes {
		p.Nodes[i].Lines = lines[p.Nodes[i].ID]
	}
	return p, c
}

func absDir(file string) string {
	dir, err := filepath.Abs(filepath.Dir(file))
	if err != nil {
		return filepath.Dir(file)
	}
	return dir
}

func build(file string, root *Value, doc document, c *Collector) *Pipeline {
	if doc.Version == 0 && root.Get("version") == nil {
		c.Addf(root.Pos, "the key version is missing; this program reads version: %d", Version)
	} else if doc.Version > Version {
		c.Addf(root.At("version").Pos, "version %d is newer than this program, which reads version %d", doc.Version, Version)
	}
	if doc.Name == "" {
		doc.Name = strings.TrimSuffix(filepath.Base(file), filepath.Ext(file))
	}
	if strings.ContainsFunc(doc.Name, unicode.IsControl) {
		c.Addf(root.At("name").Pos, "the name %q has characters that can't be printed", doc.Name)
	}
	p := &Pipeline{File: file, Name: doc.Name, Description: doc.Description, Pools: doc.Pools, Cache: doc.Cache}
	if r := doc.Cache.Remote; r != "" && !remoteForm.MatchString(r) {
		c.Addf(root.At("cache.remote").Pos, "remote %q is neither s3://BUCKET/PREFIX nor file:///FOLDER", r)
	}
	params := map[string]*Value{}
	if doc.Params != nil {
		for _, e := range doc.Params.Map {
			p.Params = append(p.Params, Param{e.Key, e.Value})
			params[e.Key] = e.Value
		}
	}
	for name, slots := range doc.Pools {
		if name == "" {
			c.Addf(root.At("pools").Pos, "a pool has no name")
		}
		if slots < 1 {
			c.Addf(root.At("pools."+name).Pos, "pool %q has %d slots, but must have at least 1", name, slots)
		}
	}
	p.Profiles = listProfiles(doc.Profiles)
	p.Nodes = buildNodes(root, doc.Nodes, params, c)
	return p
}

func listProfiles(v *Value) []Profile {
	var out []Profile
	if v == nil {
		return nil
	}
	for _, e := range v.Map {
		text := ""
		if d := e.Value.Get("description"); d != nil {
			text = d.Text()
		}
		out = append(out, Profile{e.Key, text})
	}
	return out
}

func buildNodes(root, nodes *Value, params map[string]*Value, c *Collector) []Node {
	if nodes == nil || nodes.Kind == Null {
		c.Addf(root.Pos, "the pipeline has no nodes")
		return nil
	}
	if nodes.Kind != Map {
		c.Addf(nodes.Pos, "nodes is a map from node ids to nodes, got %s", nodes.Kind)
		return nil
	}
	var out []Node
	for _, e := range nodes.Map {
		if !identifier.MatchString(e.Key) {
			c.Addf(e.Pos, "%q can't be a node id: it starts with a letter, and letters, digits, _ and - follow", e.Key)
		}
		interpolate(e.Value, params, c)
		out = append(out, buildNode(e, c))
	}
	return out
}

func buildNode(e Entry, c *Collector) Node {
	var doc nodeDocument
	Decode(e.Value, &doc, c)
	n := Node{
		ID: e.Key, Pos: e.Pos, Type: doc.Type, TypePos: e.Value.At("type").Pos,
		With: doc.With, Pool: doc.Pool, PoolPos: e.Value.At("pool").Pos,
		Retries: doc.Retries, Timeout: doc.Timeout,
	}
	if n.With == nil || n.With.Kind == Null {
		n.With = &Value{Kind: Map, Pos: e.Pos}
	}
	if doc.Type == "" && e.Value.Get("type") == nil {
		c.Addf(e.Pos, "node %q has no type", e.Key)
	}
	n.Needs = buildNeeds(doc.Needs, c)
	return n
}

func buildNeeds(v *Value, c *Collector) []Need {
	if v == nil {
		return nil
	}
	switch v.Kind {
	case Null:
		return nil
	case String:
		return []Need{need("", v, v.Pos)}
	case Map:
		var out []Need
		for _, e := range v.Map {
			if e.Value.Kind != String {
				c.Addf(e.Value.Pos, "input %q needs the id of a node, or NODE.PORT", e.Key)
				continue
			}
			out = append(out, need(e.Key, e.Value, e.Pos))
		}
		return out
	default:
		c.Addf(v.Pos, "needs is the id of a node, or a map from input ports to NODE or NODE.PORT; got %s", v.Kind)
		return nil
	}
}

func need(port string, v *Value, portPos Pos) Need {
	from, output, _ := strings.Cut(v.String, ".")
	return Need{Port: port, From: from, Output: output, Pos: v.Pos, PortPos: portPos}
}
