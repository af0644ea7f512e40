package spec

import (
	"errors"
	"os"
	"slices"
	"strings"
)

// applyOptions lays profiles, parameter files and --set flags over the document,
// in this order.
func applyOptions(root *Value, opts Options, c *Collector) {
	checkParams(root.Get("params"), c)
	checkProfiles(root.Get("profiles"), c)
	for _, name := range opts.Profiles {
		applyProfile(root, name, c)
	}
	for _, file := range opts.ParamFiles {
		applyParamFile(root, file, c)
	}
	for _, set := range opts.Sets {
		applySet(root, set, c)
	}
}

func checkParams(params *Value, c *Collector) {
	if params == nil || params.Kind == Null {
		return
	}
	if params.Kind != Map {
		c.Addf(params.Pos, "params is a map from names to default values, got %s", params.Kind)
		return
	}
	for _, e := range params.Map {
		if !identifier.MatchString(e.Key) {
			c.Addf(e.Pos, "%q can't be a parameter: it starts with a letter, and letters, digits, _ and - follow", e.Key)
		}
		if e.Value.Kind == Map || e.Value.Kind == Null {
			c.Addf(e.Value.Pos, "parameter %q has the default %s; it must be an int, float, string, bool or list, which sets its type", e.Key, e.Value.Kind)
		}
	}
}

var profileKeys = []string{"description", "params", "pools", "cache", "nodes"}

func checkProfiles(profiles *Value, c *Collector) {
	if profiles == nil || profiles.Kind == Null {
		return
	}
	if profiles.Kind != Map {
		c.Addf(profiles.Pos, "profiles is a map from names to overrides, got %s", profiles.Kind)
		return
	}
	for _, profile := range profiles.Map {
		if profile.Value.Kind != Map && profile.Value.Kind != Null {
			c.Addf(profile.Value.Pos, "profile %q is a map with the keys %s", profile.Key, strings.Join(profileKeys, ", "))
			continue
		}
		checkProfile(profile.Value, c)
	}
}

func checkProfile(profile *Value, c *Collector) {
	for _, e := range profile.Map {
		if !slices.Contains(profileKeys, e.Key) {
			c.Addf(e.Pos, "unknown key %q in a profile%s", e.Key, Nearest(e.Key, profileKeys))
		}
	}
}

func applyProfile(root *Value, name string, c *Collector) {
	profiles := root.Get("profiles")
	profile := profiles.Get(name)
	if profile == nil {
		c.Addf(Pos{File: "--profile " + name}, "the pipeline has no profile %q%s", name, Nearest(name, keys(profiles)))
		return
	}
	for _, e := range profile.Get("params").entries() {
		setParam(root, e.Key, e.Value, e.Pos, c)
	}
	for _, key := range []string{"pools", "cache"} {
		if over := profile.Get(key); over != nil {
			ensureMap(root, key, over.Pos).merge(over)
		}
	}
	nodes := root.Get("nodes")
	for _, e := range profile.Get("nodes").entries() {
		node := nodes.Get(e.Key)
		if node == nil {
			c.Addf(e.Pos, "profile %q sets node %q, which the pipeline doesn't have%s", name, e.Key, Nearest(e.Key, keys(nodes)))
			continue
		}
		node.merge(e.Value)
	}
}

func (v *Value) entries() []Entry {
	if v == nil {
		return nil
	}
	return v.Map
}

func keys(v *Value) []string {
	var names []string
	for _, e := range v.entries() {
		names = append(names, e.Key)
	}
	return names
}

func ensureMap(root *Value, key string, pos Pos) *Value {
	v := root.Get(key)
	if v == nil || v.Kind == Null {
		v = &Value{Kind: Map, Pos: pos, Dir: root.Dir}
		root.set(Entry{key, pos, v})
	}
	return v
}

func applyParamFile(root *Value, file string, c *Collector) {
	content, err := os.ReadFile(file)
	if err != nil {
		c.Addf(Pos{File: "--params-file " + file}, "%v", unwrapPath(err))
		return
	}
	c.AddSource(file, content)
	v := parseYAML(file, absDir(file), content, c)
	if v == nil || v.Kind == Null {
		return
	}
	if v.Kind != Map {
		c.Addf(v.Pos, "a parameter file is a map from names to values, got %s", v.Kind)
		return
	}
	for _, e := range v.Map {
		setParam(root, e.Key, e.Value, e.Pos, c)
	}
}

func unwrapPath(err error) error {
	var pe *os.PathError
	if errors.As(err, &pe) {
		return pe.Err
	}
	return err
}

// setParam gives a parameter a value of its default's type.
func setParam(root *Value, name string, v *Value, pos Pos, c *Collector) {
	params := root.Get("params")
	old := params.Get(name)
	if old == nil {
		c.Addf(pos, "the pipeline has no parameter %q%s", name, Nearest(name, keys(params)))
		return
	}
	switch {
	case old.Kind == Float && v.Kind == Int:
		v = v.clone()
		v.Kind, v.Float = Float, float64(v.Int)
	case old.Kind != v.Kind:
		c.Addf(v.Pos, "parameter %q is %s, got %s%s", name, old.Kind, v.Kind, shown(v))
		return
	}
	params.set(Entry{name, pos, v.clone()})
}

// applySet handles one --set flag: NAME=VALUE sets a parameter,
// nodes.ID.KEY...=VALUE any setting of a node, pools.NAME=SLOTS a pool.
func applySet(root *Value, set string, c *Collector) {
	flag := "--set " + set
	path, text, ok := strings.Cut(set, "=")
	if !ok || path == "" {
		c.Addf(Pos{File: flag}, "want NAME=VALUE")
		return
	}
	steps := strings.Split(path, ".")
	v := flagValue(root, steps, flag, text, c)
	if v == nil {
		return
	}
	switch {
	case len(steps) == 1:
		setParam(root, path, v, v.Pos, c)
	case steps[0] == "params" && len(steps) == 2:
		setParam(root, steps[1], v, v.Pos, c)
	case steps[0] == "nodes" && len(steps) >= 3:
		setInNode(root, steps, v, c)
	case steps[0] == "pools" && len(steps) == 2:
		ensureMap(root, "pools", v.Pos).set(Entry{steps[1], v.Pos, v})
	default:
		c.Addf(v.Pos, "%q is no setting: use a parameter's name, nodes.ID.with.KEY or pools.NAME", path)
	}
}

// flagValue reads the value of a flag as YAML. For a parameter that is a string
// the text itself is the value: on a command line nobody writes the quotes of a
// path, a URL or 007.
func flagValue(root *Value, steps []string, flag, text string, c *Collector) *Value {
	old := root.Get("params").Get(steps[len(steps)-1])
	isParam := len(steps) == 1 || len(steps) == 2 && steps[0] == "params"
	if isParam && old != nil && old.Kind == String {
		return &Value{Kind: String, String: text, Pos: Pos{File: flag}, Dir: workingDir()}
	}
	return parseFlag(flag, workingDir(), text, c)
}

func setInNode(root *Value, steps []string, v *Value, c *Collector) {
	nodes := root.Get("nodes")
	at := nodes.Get(steps[1])
	if at == nil {
		c.Addf(v.Pos, "the pipeline has no node %q%s", steps[1], Nearest(steps[1], keys(nodes)))
		return
	}
	for _, step := range steps[2 : len(steps)-1] {
		at = ensureMap(at, step, v.Pos)
		if at.Kind != Map {
			c.Addf(v.Pos, "%q is %s, so nothing inside it can be set", step, at.Kind)
			return
		}
	}
	at.set(Entry{steps[len(steps)-1], v.Pos, v})
}

func workingDir() string {
	dir, err := os.Getwd()
	if err != nil {
		return "."
	}
	return dir
}
