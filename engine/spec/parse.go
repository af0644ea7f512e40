package spec

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// maxValues bounds what aliases may expand to.
const maxValues = 1 << 20

// parser turns the YAML library's syntax tree into Values.
type yamlReader struct {
	file    string
	dir     string
	c       *Collector
	anchors map[string]*Value
	values  int
}

// parseYAML reads one YAML document. Problems go to c; the result is nil if the
// text isn't YAML at all.
func parseYAML(file, dir string, content []byte, c *Collector) (v *Value) {
	y := &yamlReader{file: file, dir: dir, c: c, anchors: map[string]*Value{}}
	defer func() {
		if p := recover(); p != nil {
			c.Addf(y.start(), "this is not YAML that can be read: %v", p)
			v = nil
		}
	}()
	content = bytes.TrimPrefix(content, []byte("\xef\xbb\xbf"))
	if !utf8.Valid(content) {
		c.Addf(y.start(), "the file is not valid UTF-8")
		return nil
	}
	doc, err := parser.ParseBytes(content, 0, parser.AllowDuplicateMapKey())
	if err != nil {
		y.syntaxError(err)
		return nil
	}
	switch len(doc.Docs) {
	case 0:
		return &Value{Kind: Null, Pos: y.start(), Dir: dir}
	case 1:
		return y.value(doc.Docs[0].Body)
	default:
		c.Addf(y.pos(doc.Docs[1].Start), "a file holds one YAML document; remove this and what follows")
		return nil
	}
}

func (y *yamlReader) start() Pos { return Pos{y.file, 1, 1} }

func (y *yamlReader) syntaxError(err error) {
	var e yaml.Error
	if errors.As(err, &e) && e.GetToken() != nil {
		y.c.Addf(y.pos(e.GetToken()), "%s", e.GetMessage())
		return
	}
	y.c.Addf(y.start(), "%v", err)
}

func (y *yamlReader) pos(t *token.Token) Pos {
	if t == nil || t.Position == nil {
		return y.start()
	}
	return Pos{y.file, t.Position.Line, t.Position.Column}
}

func (y *yamlReader) value(n ast.Node) *Value {
	if n == nil {
		return &Value{Kind: Null, Pos: y.start(), Dir: y.dir}
	}
	v := &Value{Pos: y.pos(n.GetToken()), Dir: y.dir}
	if y.values++; y.values > maxValues {
		panic("its aliases expand to too many values")
	}
	switch n := n.(type) {
	case *ast.NullNode:
	case *ast.BoolNode:
		v.Kind, v.Bool = Bool, n.Value
	case *ast.IntegerNode:
		y.integer(v, n.Token.Value)
	case *ast.FloatNode:
		v.Kind, v.Float = Float, n.Value
	case *ast.InfinityNode:
		v.Kind, v.Float = Float, n.Value
	case *ast.NanNode:
		v.Kind, v.Float = Float, math.NaN()
	case *ast.StringNode:
		y.text(v, n)
	case *ast.LiteralNode:
		v.Kind, v.String = String, n.Value.Value
	case *ast.SequenceNode:
		v.Kind = List
		for _, item := range n.Values {
			v.List = append(v.List, y.value(item))
		}
	case *ast.MappingNode:
		v.Kind, v.flow = Map, n.IsFlowStyle
		seen := map[string]bool{}
		for _, e := range n.Values {
			y.entry(v, e, seen)
		}
		y.firstKeyIsStart(v)
	case *ast.MappingValueNode:
		v.Kind = Map
		y.entry(v, n, map[string]bool{})
		y.firstKeyIsStart(v)
	case *ast.AnchorNode:
		v = y.value(n.Value)
		v.anchor = true
		y.anchors[n.Name.GetToken().Value] = v
	case *ast.AliasNode:
		return y.alias(v, n)
	default:
		y.c.Addf(v.Pos, "YAML's %s is not used in pipelines", strings.ToLower(n.Type().String()))
	}
	return v
}

// firstKeyIsStart moves the position of a block map from its first colon, where
// the library puts it, to its first key.
func (y *yamlReader) firstKeyIsStart(v *Value) {
	if len(v.Map) > 0 && v.Pos.Col > v.Map[0].Pos.Col {
		v.Pos = v.Map[0].Pos
	}
}

func (y *yamlReader) entry(v *Value, e *ast.MappingValueNode, seen map[string]bool) {
	key := e.Key.GetToken()
	pos := y.pos(key)
	if e.Key.IsMergeKey() {
		y.c.Addf(pos, "merge keys (<<) are not used in pipelines; use profiles or params")
		return
	}
	if _, ok := e.Key.(ast.ScalarNode); !ok {
		y.c.Addf(pos, "a key must be a plain word")
		return
	}
	if seen[key.Value] {
		y.c.Addf(pos, "key %q is there twice", key.Value)
		return
	}
	seen[key.Value] = true
	value := y.value(e.Value)
	if value.Kind == Null {
		value.Pos = pos
	}
	v.Map = append(v.Map, Entry{key.Value, pos, value})
}

func (y *yamlReader) alias(v *Value, n *ast.AliasNode) *Value {
	name := n.Value.GetToken().Value
	target, ok := y.anchors[name]
	if !ok {
		y.c.Addf(v.Pos, "no anchor is named %q before this", name)
		return v
	}
	y.values += countValues(target)
	if y.values > maxValues {
		panic("its aliases expand to too many values")
	}
	return target.clone()
}

func countValues(v *Value) int {
	n := 1
	for _, item := range v.List {
		n += countValues(item)
	}
	for _, e := range v.Map {
		n += countValues(e.Value)
	}
	return n
}

var (
	decimal  = regexp.MustCompile(`^[-+]?(0|[1-9][0-9]*)$`)
	exponent = regexp.MustCompile(`^[-+]?[0-9]+(\.[0-9]*)?[eE][-+]?[0-9]+$`)
)

// integer accepts plain decimal numbers only: YAML versions disagree on the
// others, so that 010 would be 8 to one reader and 10 to the next.
func (y *yamlReader) integer(v *Value, text string) {
	v.Kind = Int
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || !decimal.MatchString(text) {
		y.c.Addf(v.Pos, "%s is not a plain decimal number of at most 64 bits; for a string, quote it", text)
		return
	}
	v.Int = n
}

// text reads a string, or the number 1e3 that the library takes for one.
func (y *yamlReader) text(v *Value, n *ast.StringNode) {
	v.Kind, v.String = String, n.Value
	if n.Token.Type == token.StringType && exponent.MatchString(n.Value) {
		if f, err := strconv.ParseFloat(n.Value, 64); err == nil {
			*v = Value{Kind: Float, Float: f, Pos: v.Pos, Dir: v.Dir}
		}
	}
}

// parseFlag reads the value part of a --set flag.
func parseFlag(flag, dir, text string, c *Collector) *Value {
	inner := NewCollector()
	v := parseYAML(flag, dir, []byte(text), inner)
	if err := inner.Err(); err != nil || v == nil {
		c.Addf(Pos{File: flag}, "its value is not valid YAML: %v", firstProblem(err))
		return nil
	}
	v.relocate(Pos{File: flag})
	return v
}

func firstProblem(err error) string {
	var ps Problems
	if errors.As(err, &ps) && len(ps) > 0 {
		return ps[0].Text
	}
	return fmt.Sprint(err)
}

// relocate gives v and everything in it one position.
func (v *Value) relocate(pos Pos) {
	v.Pos = pos
	for _, item := range v.List {
		item.relocate(pos)
	}
	for i := range v.Map {
		v.Map[i].Pos = pos
		v.Map[i].Value.relocate(pos)
	}
}
