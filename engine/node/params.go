package node

import (
	"encoding/json"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
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
	Label    string // in the transcripts of keys
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
	fields := fieldsOf(v.Type())
	list := make([]Param, len(fields))
	for i, f := range fields {
		list[i] = f.Param
		list[i].Value = v.FieldByIndex(f.index).Interface()
	}
	return list
}

// field is a parameter and the path of its field.
type field struct {
	Param
	index []int
}

// fieldsOf returns the parameters of a params struct, without values.
func fieldsOf(t reflect.Type) []field {
	if known, ok := knownFields.Load(t); ok {
		return known.([]field)
	}
	known, _ := knownFields.LoadOrStore(t, appendFields(nil, "", nil, t))
	return known.([]field)
}

// knownFields holds what fieldsOf made: pipelines of many nodes share it.
var knownFields sync.Map // reflect.Type to []field

func appendFields(list []field, prefix string, path []int, t reflect.Type) []field {
	for _, f := range reflect.VisibleFields(t) {
		name := f.Tag.Get("yaml")
		if name == "" {
			continue
		}
		index := slices.Concat(path, f.Index)
		if f.Type.Kind() == reflect.Struct {
			list = appendFields(list, prefix+name+".", index, f.Type)
			continue
		}
		list = append(list, field{Param{
			Name: prefix + name, Label: "param." + prefix + name, Doc: f.Tag.Get("doc"), Type: f.Type, Scope: scopeOf(f),
			Enum: split(f.Tag.Get("enum")), Min: f.Tag.Get("min"), Max: f.Tag.Get("max"),
		}, index})
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
