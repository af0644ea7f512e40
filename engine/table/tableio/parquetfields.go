package tableio

import (
	"errors"
	"fmt"

	"github.com/apache/arrow/go/v17/parquet"
	"github.com/apache/arrow/go/v17/parquet/schema"
)

// field is a node of the schema as values are seen: a leaf, an object, a list or a map.
// Its levels are those of Parquet's nested encoding: a value is there from the
// definition level def on, and elements but the first begin at the repetition level rep.
type field struct {
	name     string
	shape    shape
	optional bool
	def, rep int16
	below    []*field // of an object its fields, of a list its element, of a map key and value
	leaves   []*leaf  // under it
}

type shape int

const (
	aLeaf shape = iota
	anObject
	aList
	aMap
)

// maxNesting bounds the depth of a schema.
const maxNesting = 64

// fieldsOf returns the columns of a schema, and all of their leaves in file order.
func fieldsOf(s *schema.Schema) ([]*field, []*leaf, error) {
	b := &fieldBuilder{schema: s}
	root := s.Root()
	var fields []*field
	for i := range root.NumFields() {
		f, err := b.build(root.Field(i), 0, 0, 0)
		if err != nil {
			return nil, nil, fmt.Errorf("column %q: %w", root.Field(i).Name(), err)
		}
		fields = append(fields, f)
	}
	if len(b.leaves) == 0 || len(b.leaves) != s.NumColumns() {
		return nil, nil, errors.New("it has no columns")
	}
	return fields, b.leaves, nil
}

type fieldBuilder struct {
	schema *schema.Schema
	leaves []*leaf
}

// build makes the field of a node that lies at these levels.
func (b *fieldBuilder) build(n schema.Node, def, rep int16, depth int) (*field, error) {
	switch {
	case depth > maxNesting:
		return nil, fmt.Errorf("it is nested deeper than %d", maxNesting)
	case n.RepetitionType() == parquet.Repetitions.Repeated: // a list without an annotation
		element, err := b.element(n, def+1, rep+1, depth)
		if err != nil {
			return nil, err
		}
		return &field{name: n.Name(), shape: aList, def: def + 1, rep: rep + 1, below: []*field{element}, leaves: element.leaves}, nil
	default:
		return b.single(n, def, rep, depth)
	}
}

// single makes the field of a node that isn't repeated.
func (b *fieldBuilder) single(n schema.Node, def, rep int16, depth int) (*field, error) {
	optional := n.RepetitionType() == parquet.Repetitions.Optional
	if optional {
		def++
	}
	f, err := b.element(n, def, rep, depth)
	if err == nil {
		f.optional = optional
	}
	return f, err
}

// element makes the field of what a node holds, its own repetition aside.
func (b *fieldBuilder) element(n schema.Node, def, rep int16, depth int) (*field, error) {
	g, ok := n.(*schema.GroupNode)
	if !ok {
		return b.leaf(n, def, rep)
	}
	if repeated := onlyRepeated(g); repeated != nil {
		switch {
		case isList(g):
			return b.list(n.Name(), repeated, def, rep, depth)
		case isMap(g) && numFields(repeated) == 2:
			return b.mapping(n.Name(), repeated.(*schema.GroupNode), def, rep, depth)
		}
	}
	return b.object(g, def, rep, depth)
}

func (b *fieldBuilder) leaf(n schema.Node, def, rep int16) (*field, error) {
	i := len(b.leaves)
	if i >= b.schema.NumColumns() {
		return nil, errors.New("the schema contradicts itself")
	}
	l, err := newLeaf(b.schema.Column(i))
	if err != nil {
		return nil, err
	}
	if l.column.MaxDefinitionLevel() != def || l.column.MaxRepetitionLevel() != rep || l.column.Name() != n.Name() {
		return nil, errors.New("the schema contradicts itself")
	}
	b.leaves = append(b.leaves, l)
	return &field{name: n.Name(), shape: aLeaf, def: def, rep: rep, leaves: []*leaf{l}}, nil
}

func (b *fieldBuilder) object(g *schema.GroupNode, def, rep int16, depth int) (*field, error) {
	f := &field{name: g.Name(), shape: anObject, def: def, rep: rep}
	return f, b.add(f, g, def, rep, depth)
}

// add builds the fields of a group below f.
func (b *fieldBuilder) add(f *field, g *schema.GroupNode, def, rep int16, depth int) error {
	from := len(b.leaves)
	for i := range g.NumFields() {
		below, err := b.build(g.Field(i), def, rep, depth+1)
		if err != nil {
			return err
		}
		f.below = append(f.below, below)
	}
	if f.leaves = b.leaves[from:len(b.leaves):len(b.leaves)]; len(f.leaves) == 0 {
		return errors.New("it has no fields")
	}
	return nil
}

// list makes a list of its repeated node: of that node's only field, or in the layouts
// of old writers of the node itself.
func (b *fieldBuilder) list(name string, repeated schema.Node, def, rep int16, depth int) (*field, error) {
	f := &field{name: name, shape: aList, def: def + 1, rep: rep + 1}
	g, ok := repeated.(*schema.GroupNode)
	if ok && g.NumFields() == 1 && g.Name() != "array" && g.Name() != name+"_tuple" {
		return f, b.add(f, g, def+1, rep+1, depth)
	}
	element, err := b.element(repeated, def+1, rep+1, depth+1)
	if err != nil {
		return nil, err
	}
	f.below, f.leaves = []*field{element}, element.leaves
	return f, nil
}

func (b *fieldBuilder) mapping(name string, entries *schema.GroupNode, def, rep int16, depth int) (*field, error) {
	f := &field{name: name, shape: aMap, def: def + 1, rep: rep + 1}
	return f, b.add(f, entries, def+1, rep+1, depth)
}

// onlyRepeated is the one field of a group if it is repeated, else nil.
func onlyRepeated(g *schema.GroupNode) schema.Node {
	if g.NumFields() != 1 || g.Field(0).RepetitionType() != parquet.Repetitions.Repeated {
		return nil
	}
	return g.Field(0)
}

func numFields(n schema.Node) int {
	g, ok := n.(*schema.GroupNode)
	if !ok {
		return 0
	}
	return g.NumFields()
}

func isList(g *schema.GroupNode) bool {
	_, ok := g.LogicalType().(schema.ListLogicalType)
	return ok || g.ConvertedType() == schema.ConvertedTypes.List
}

func isMap(g *schema.GroupNode) bool {
	_, ok := g.LogicalType().(schema.MapLogicalType)
	return ok || g.ConvertedType() == schema.ConvertedTypes.Map || g.ConvertedType() == schema.ConvertedTypes.MapKeyValue
}

// read returns the next value. rep is the repetition level at which the value begins,
// which all of its leaves have to agree on.
func (f *field) read(rep int16) (any, error) {
	def, err := f.begin(rep)
	if err != nil {
		return nil, err
	}
	switch {
	case f.shape == aLeaf:
		return f.leaves[0].take()
	case f.optional && f.shape == anObject && def < f.def, f.optional && def < f.def-1:
		return nil, f.skip()
	case f.shape == anObject:
		return f.readObject(rep)
	case def < f.def:
		return f.empty()
	case f.shape == aMap:
		return f.readMap(rep)
	default:
		return f.readList(rep)
	}
}

// begin checks that the leaves stand at the beginning of a value, and returns the
// definition level of the first.
func (f *field) begin(rep int16) (int16, error) {
	for _, l := range f.leaves {
		e, ok, err := l.peek()
		if err != nil {
			return 0, err
		}
		if !ok || e.rep != rep {
			return 0, errors.New("its values end early, or don't belong together")
		}
	}
	e, _, _ := f.leaves[0].peek()
	return e.def, nil
}

// skip goes past what isn't there: an entry of each leaf.
func (f *field) skip() error {
	for _, l := range f.leaves {
		if v, err := l.take(); err != nil || v != nil {
			return errors.Join(errors.New("it has a value within null"), err)
		}
	}
	return nil
}

func (f *field) empty() (any, error) {
	if f.shape == aMap {
		return Struct{}, f.skip()
	}
	return []any{}, f.skip()
}

func (f *field) readObject(rep int16) (any, error) {
	s := make(Struct, 0, len(f.below))
	for _, below := range f.below {
		v, err := below.read(rep)
		if err != nil {
			return nil, err
		}
		s = append(s, Member{below.name, v})
	}
	return s, nil
}

func (f *field) readList(rep int16) (any, error) {
	list := []any{}
	for {
		v, err := f.below[0].read(rep)
		if err != nil {
			return nil, err
		}
		list = append(list, v)
		if more, err := f.more(); err != nil || !more {
			return list, err
		}
		rep = f.rep
	}
}

func (f *field) readMap(rep int16) (any, error) {
	var keys, values []any
	for {
		k, err := f.below[0].read(rep)
		if err != nil {
			return nil, err
		}
		v, err := f.below[1].read(rep)
		if err != nil {
			return nil, err
		}
		keys, values = append(keys, k), append(values, v)
		if more, err := f.more(); err != nil || !more {
			return pairs(keys, values), err
		}
		rep = f.rep
	}
}

// more reports whether a further element of this list follows.
func (f *field) more() (bool, error) {
	e, ok, err := f.leaves[0].peek()
	return ok && e.rep == f.rep, err
}
