// Package spec reads pipeline files: YAML bytes become a tree of values that
// know where they were written, then a Pipeline. All problems of a file are
// found in one pass, each with its position.
package spec

import (
	"fmt"
	"strconv"
	"strings"
)

// Pos is a place in a file, or a command line flag.
type Pos struct {
	File string // as the user named it; for a flag, the flag as it was typed
	Line int    // from 1; 0 for a flag
	Col  int    // from 1
}

// String writes file:line:col, or the flag.
func (p Pos) String() string {
	if p.Line == 0 {
		return p.File
	}
	return fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Col)
}

// Kind says what a Value holds.
type Kind int

// The kinds of values.
const (
	Null Kind = iota
	Bool
	Int
	Float
	String
	List
	Map
)

var kindNames = [...]string{"null", "a bool", "an int", "a float", "a string", "a list", "a map"}

// String names the kind with its article, for messages.
func (k Kind) String() string { return kindNames[k] }

// Value is a YAML value and the place where it was written.
type Value struct {
	Kind   Kind
	Pos    Pos
	Dir    string // folder that relative paths written here start from
	Bool   bool
	Int    int64
	Float  float64
	String string
	List   []*Value
	Map    []Entry
	anchor bool // aliases may refer to it
	flow   bool // a map in braces
}

// Entry is a key of a map with its value.
type Entry struct {
	Key   string
	Pos   Pos // of the key
	Value *Value
}

// Get returns the value under a key of a map, or nil.
func (v *Value) Get(key string) *Value {
	if v == nil {
		return nil
	}
	for _, e := range v.Map {
		if e.Key == key {
			return e.Value
		}
	}
	return nil
}

// At follows a dotted path through maps as far as it leads and returns the value
// there; the path need not exist to its end.
func (v *Value) At(path string) *Value {
	for _, key := range strings.Split(path, ".") {
		next := v.Get(key)
		if next == nil {
			return v
		}
		v = next
	}
	return v
}

// Text writes a scalar as it would stand inside a string.
func (v *Value) Text() string {
	switch v.Kind {
	case Bool:
		return strconv.FormatBool(v.Bool)
	case Int:
		return strconv.FormatInt(v.Int, 10)
	case Float:
		return strconv.FormatFloat(v.Float, 'g', -1, 64)
	case String:
		return v.String
	case List:
		parts := make([]string, len(v.List))
		for i, item := range v.List {
			parts[i] = item.Text()
		}
		return "[" + strings.Join(parts, ", ") + "]"
	case Map:
		parts := make([]string, len(v.Map))
		for i, e := range v.Map {
			parts[i] = e.Key + ": " + e.Value.Text()
		}
		return "{" + strings.Join(parts, ", ") + "}"
	default:
		return "null"
	}
}

// Plain returns the value as encoding/json decodes one, but for whole numbers, which
// stay int64.
func (v *Value) Plain() any {
	switch v.Kind {
	case Bool:
		return v.Bool
	case Int:
		return v.Int
	case Float:
		return v.Float
	case String:
		return v.String
	case List:
		list := make([]any, len(v.List))
		for i, item := range v.List {
			list[i] = item.Plain()
		}
		return list
	case Map:
		m := map[string]any{}
		for _, e := range v.Map {
			m[e.Key] = e.Value.Plain()
		}
		return m
	default:
		return nil
	}
}

// clone returns a copy whose maps and lists can be changed.
func (v *Value) clone() *Value {
	if v == nil {
		return nil
	}
	c := *v
	c.List = make([]*Value, len(v.List))
	for i, item := range v.List {
		c.List[i] = item.clone()
	}
	c.Map = make([]Entry, len(v.Map))
	for i, e := range v.Map {
		c.Map[i] = Entry{e.Key, e.Pos, e.Value.clone()}
	}
	return &c
}

// set replaces or adds the entry of a map.
func (v *Value) set(e Entry) {
	for i := range v.Map {
		if v.Map[i].Key == e.Key {
			v.Map[i].Value = e.Value
			return
		}
	}
	v.Map = append(v.Map, e)
}

// merge lays over onto v: maps are merged key by key, anything else is replaced.
func (v *Value) merge(over *Value) {
	if v.Kind != Map || over.Kind != Map {
		*v = *over.clone()
		return
	}
	for _, e := range over.Map {
		if old := v.Get(e.Key); old != nil {
			old.merge(e.Value)
		} else {
			v.set(Entry{e.Key, e.Pos, e.Value.clone()})
		}
	}
}
