package spec

import (
	"encoding/json"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
)

// relocatable is a value that stands for a place relative to a folder.
type relocatable interface{ Relocate(dir string) }

var (
	rawType      = reflect.TypeFor[*Value]()
	durationType = reflect.TypeFor[time.Duration]()
	placeType    = reflect.TypeFor[relocatable]()
)

// Decode fills the struct that dst points to from the map v, by its `yaml` tags.
// What v doesn't mention keeps its value. Unknown keys, wrong types and values
// outside the tags `enum`, `min` and `max` are problems.
func Decode(v *Value, dst any, c *Collector) {
	if v == nil || v.Kind == Null {
		return
	}
	decodeStruct(v, reflect.ValueOf(dst).Elem(), c)
}

func decodeStruct(v *Value, dst reflect.Value, c *Collector) {
	if v.Kind != Map {
		c.Addf(v.Pos, "want a map with the keys %s, got %s", strings.Join(fieldNames(dst.Type()), ", "), v.Kind)
		return
	}
	for _, e := range v.Map {
		f, ok := fieldNamed(dst.Type(), e.Key)
		if !ok {
			c.Addf(e.Pos, "unknown key %q%s", e.Key, Nearest(e.Key, fieldNames(dst.Type())))
			continue
		}
		decodeField(e, f, dst.FieldByIndex(f.Index), c)
	}
}

// fieldNames lists the keys of a struct, those of embedded structs among them.
func fieldNames(t reflect.Type) []string {
	var names []string
	for _, f := range reflect.VisibleFields(t) {
		if name := f.Tag.Get("yaml"); name != "" {
			names = append(names, name)
		}
	}
	return names
}

func fieldNamed(t reflect.Type, name string) (f reflect.StructField, ok bool) {
	for _, f := range reflect.VisibleFields(t) {
		if name != "" && f.Tag.Get("yaml") == name {
			return f, true
		}
	}
	return f, false
}

func decodeField(e Entry, f reflect.StructField, dst reflect.Value, c *Collector) {
	before := len(c.problems)
	decodeValue(e.Key, e.Value, dst, c)
	if len(c.problems) == before && e.Value.Kind != Null {
		checkBounds(e, f, dst, c)
	}
}

func decodeValue(name string, v *Value, dst reflect.Value, c *Collector) {
	switch {
	case dst.Type() == rawType:
		dst.Set(reflect.ValueOf(v))
	case v.Kind == Null:
		if slices.Contains(nullable, dst.Kind()) {
			dst.SetZero()
			return
		}
		c.Addf(v.Pos, "%q has no value; write one or remove the key", name)
	case dst.Type() == durationType:
		decodeDuration(name, v, dst, c)
	case dst.Kind() == reflect.Pointer:
		p := reflect.New(dst.Type().Elem())
		decodeValue(name, v, p.Elem(), c)
		dst.Set(p)
	case dst.Kind() == reflect.Struct:
		decodeStruct(v, dst, c)
	case dst.Kind() == reflect.Slice:
		decodeList(name, v, dst, c)
	case dst.Kind() == reflect.Map:
		decodeMap(name, v, dst, c)
	case dst.Kind() == reflect.Interface:
		decodeAny(name, v, dst, c)
	default:
		decodeScalar(name, v, dst, c)
	}
}

var nullable = []reflect.Kind{reflect.Pointer, reflect.Map, reflect.Slice, reflect.Interface}

// decodeAny takes whatever JSON can hold.
func decodeAny(name string, v *Value, dst reflect.Value, c *Collector) {
	plain := v.Plain()
	if _, err := json.Marshal(plain); err != nil {
		c.Addf(v.Pos, "%q has a number that is not finite", name)
		return
	}
	dst.Set(reflect.ValueOf(plain))
}

func decodeScalar(name string, v *Value, dst reflect.Value, c *Collector) {
	switch k := dst.Kind(); {
	case k == reflect.Bool && v.Kind == Bool:
		dst.SetBool(v.Bool)
	case k == reflect.String && v.Kind == String:
		dst.SetString(v.String)
		if dst.Addr().Type().Implements(placeType) {
			dst.Addr().Interface().(relocatable).Relocate(v.Dir)
		}
	case dst.CanInt() && v.Kind == Int && !dst.OverflowInt(v.Int):
		dst.SetInt(v.Int)
	case dst.CanFloat() && v.Kind == Float && !math.IsNaN(v.Float) && !math.IsInf(v.Float, 0):
		dst.SetFloat(v.Float)
	case dst.CanFloat() && v.Kind == Int:
		dst.SetFloat(float64(v.Int))
	default:
		c.Addf(v.Pos, "%q wants %s, got %s%s", name, TypeName(dst.Type()), v.Kind, shown(v))
	}
}

func shown(v *Value) string {
	if v.Kind == List || v.Kind == Map || v.Kind == Null {
		return ""
	}
	text := v.Text()
	if len(text) > 40 {
		text = text[:40] + "..."
	}
	return " (" + text + ")"
}

func decodeDuration(name string, v *Value, dst reflect.Value, c *Collector) {
	d, err := time.ParseDuration(v.String)
	if v.Kind != String || err != nil || d < 0 {
		c.Addf(v.Pos, "%q wants a duration such as 90s or 1h30m, got %s%s", name, v.Kind, shown(v))
		return
	}
	dst.SetInt(int64(d))
}

func decodeList(name string, v *Value, dst reflect.Value, c *Collector) {
	if v.Kind != List {
		c.Addf(v.Pos, "%q wants %s, got %s%s", name, TypeName(dst.Type()), v.Kind, shown(v))
		return
	}
	out := reflect.MakeSlice(dst.Type(), len(v.List), len(v.List))
	for i, item := range v.List {
		decodeValue(name, item, out.Index(i), c)
	}
	dst.Set(out)
}

// decodeMap replaces single entries of a default map and keeps the others.
func decodeMap(name string, v *Value, dst reflect.Value, c *Collector) {
	if v.Kind != Map {
		c.Addf(v.Pos, "%q wants %s, got %s%s", name, TypeName(dst.Type()), v.Kind, shown(v))
		return
	}
	out := reflect.MakeMap(dst.Type())
	for it := dst.MapRange(); it.Next(); {
		out.SetMapIndex(it.Key(), it.Value())
	}
	for _, e := range v.Map {
		item := reflect.New(dst.Type().Elem()).Elem()
		decodeValue(e.Key, e.Value, item, c)
		out.SetMapIndex(reflect.ValueOf(e.Key), item)
	}
	dst.Set(out)
}

func checkBounds(e Entry, f reflect.StructField, dst reflect.Value, c *Collector) {
	if enum := f.Tag.Get("enum"); enum != "" {
		allowed := strings.Split(enum, "|")
		if got := dst.String(); !slices.Contains(allowed, got) {
			c.Addf(e.Value.Pos, "%q can't be %q; it is one of: %s", e.Key, got, strings.Join(allowed, ", "))
		}
	}
	x, ok := number(dst)
	if !ok {
		return
	}
	if low := f.Tag.Get("min"); low != "" && x < mustFloat(low) {
		c.Addf(e.Value.Pos, "%q is %s, but must be at least %s", e.Key, e.Value.Text(), low)
	}
	if high := f.Tag.Get("max"); high != "" && x > mustFloat(high) {
		c.Addf(e.Value.Pos, "%q is %s, but must be at most %s", e.Key, e.Value.Text(), high)
	}
}

func number(v reflect.Value) (float64, bool) {
	if (v.Kind() == reflect.Pointer || v.Kind() == reflect.Interface) && !v.IsNil() {
		v = v.Elem()
	}
	switch {
	case v.CanInt():
		return float64(v.Int()), true
	case v.CanFloat():
		return v.Float(), true
	default:
		return 0, false
	}
}

func mustFloat(tag string) float64 {
	x, err := strconv.ParseFloat(tag, 64)
	if err != nil {
		panic("spec: bound " + tag + " is no number")
	}
	return x
}

// TypeName names a parameter type as people write it: int, list of string.
func TypeName(t reflect.Type) string {
	switch {
	case t == durationType:
		return "duration"
	case t.Implements(placeType) || reflect.PointerTo(t).Implements(placeType):
		return "path"
	}
	switch t.Kind() {
	case reflect.Pointer:
		return TypeName(t.Elem())
	case reflect.Slice:
		return "list of " + TypeName(t.Elem())
	case reflect.Map:
		return "map of " + TypeName(t.Elem())
	case reflect.Int, reflect.Int64:
		return "int"
	case reflect.Float64:
		return "float"
	case reflect.Struct:
		return "map"
	case reflect.Interface:
		return "any value"
	default:
		return t.Kind().String()
	}
}
