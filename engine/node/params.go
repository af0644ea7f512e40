package node

import (
	"encoding/json"
	"path/filepath"
	"reflect"
	"strings"
)

// Path is a file or folder named in a pipeline. A relative one belongs to the
// folder of the file that it is written in. A path is never part of a key: what
// it leads to is, through a pin.
type Path string

// Relocate makes a relative path one that starts at dir.
func (p *Path) Relocate(dir string) {
	if *p != "" && !filepath.IsAbs(string(*p)) && !strings.Contains(string(*p), "://") {
		*p = Path(filepath.Join(dir, string(*p)))
	}
}

// Scope says which keys a parameter is part of.
type Scope int

// The scopes, set by the tag `key`.
const (
	ScopeRow   Scope = iota // key of the table and of each of its rows (no tag)
	ScopeTable              // key of the table only: how many rows, not which (`key:"table"`)
	ScopeNone               // no key: speed and places (`key:"-"`, and every Path)
)

// Param describes one parameter of a node type, from the tags of its field:
// `yaml` names it, `doc` explains it, `key` sets its scope, `enum` ("a|b"),
// `min` and `max` bound it. Nested structs are flattened with dots, embedded ones without.
type Param struct {
	Name     string
	Doc      string
	Type     reflect.Type
	Scope    Scope
	Enum     []string
	Min, Max string
	Value    any
}

var pathType = reflect.TypeFor[Path]()

// Params lists the parameters of a params struct with their values.
func Params(params any) []Param {
	v := reflect.ValueOf(params)
	for v.Kind() == reflect.Pointer {
		v = v.Elem()
	}
	return appendParams(nil, "", v)
}

func appendParams(list []Param, prefix string, v reflect.Value) []Param {
	for _, f := range reflect.VisibleFields(v.Type()) {
		name := f.Tag.Get("yaml")
		if name == "" {
			continue
		}
		if f.Type.Kind() == reflect.Struct {
			list = appendParams(list, prefix+name+".", v.FieldByIndex(f.Index))
			continue
		}
		list = append(list, Param{
			Name: prefix + name, Doc: f.Tag.Get("doc"), Type: f.Type, Scope: scopeOf(f),
			Enum: split(f.Tag.Get("enum")), Min: f.Tag.Get("min"), Max: f.Tag.Get("max"),
			Value: v.FieldByIndex(f.Index).Interface(),
		})
	}
	return list
}

func scopeOf(f reflect.StructField) Scope {
	switch {
	case f.Type == pathType || f.Tag.Get("key") == "-":
		return ScopeNone
	case f.Tag.Get("key") == "table":
		return ScopeTable
	}
	return ScopeRow
}

func split(enum string) []string {
	if enum == "" {
		return nil
	}
	return strings.Split(enum, "|")
}

// Canonical returns the value of the parameter in the one form that keys use:
// JSON with sorted names.
func (p Param) Canonical() string {
	b, err := json.Marshal(p.Value)
	if err != nil {
		panic("node: param " + p.Name + " can't be part of a key: " + err.Error())
	}
	return string(b)
}
