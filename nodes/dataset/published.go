package dataset

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/ouroflow/ouroflow/engine/table/tableio"
)

// meaning sets a column of a problem to what a field of a row means.
type meaning func(o tableio.Object, field string, q *problem) error

// published is a data set as it is published: by which fields its rows are recognised,
// which field each column is read from, and what fields mean there that is more than
// what any text or list means.
type published struct {
	format   string
	fields   []string
	columns  map[string]string  // column to field
	meanings map[string]meaning // COLUMN:FIELD
	untested bool               // some of its problems have no tests
	mbpp     bool               // its ids are those of MBPP's official split
}

// all stands for several fields that are read together.
const all = "*"

// publishedSets are those that are recognised, the more particular first.
var publishedSets = []published{evalplusMBPP, evalplusHumanEval, mbppPlus, mbppSanitized, mbpp, bigCodeBench, humanEval, liveCodeBench, codeContests, apps}

// own is a file of one's own: fields are called as columns are.
var own = published{format: "auto", columns: map[string]string{}}

// detect recognises a data set by the fields of its first row.
func detect(o tableio.Object) *published {
	for i := range publishedSets {
		if len(publishedSets[i].lacks(o)) == 0 {
			return &publishedSets[i]
		}
	}
	return &own
}

// named finds the data set that a format names: of several layouts of it, the one that
// the row has.
func named(format string, o tableio.Object) (*published, error) {
	var missing []string
	for i := range publishedSets {
		s := &publishedSets[i]
		if s.format != format {
			continue
		}
		lacks := s.lacks(o)
		if len(lacks) == 0 {
			return s, nil
		}
		missing = append(missing, strings.Join(lacks, ", "))
	}
	return nil, fmt.Errorf("format: %s needs fields that the row lacks: %s; it has: %s", format, strings.Join(missing, "; or "), fieldNames(o))
}

func (s *published) lacks(o tableio.Object) []string {
	var lacks []string
	for _, name := range s.fields {
		if _, ok := o[name]; !ok {
			lacks = append(lacks, name)
		}
	}
	return lacks
}

// formatNames lists the published data sets that a format can name.
func formatNames() []string {
	names := map[string]bool{}
	for _, s := range publishedSets {
		names[s.format] = true
	}
	return slices.Sorted(maps.Keys(names))
}

func fieldNames(o tableio.Object) string {
	return strings.Join(slices.Sorted(maps.Keys(o)), ", ")
}

// fill sets the columns of a problem from a row. `columns` overrides single fields.
func (s *published) fill(o tableio.Object, columns map[string]string, q *problem) error {
	for _, column := range columnNames {
		field := orElse(columns[column], orElse(s.columns[column], column))
		if s != &own && columns[column] == "" && s.columns[column] == "" && column != "split" {
			continue // the data set has none
		}
		read, ok := s.meanings[column+":"+field]
		if !ok {
			read = general[column]
		}
		if err := read(o, field, q); err != nil {
			return fmt.Errorf("field %q: %w", field, err)
		}
	}
	return nil
}

// general is what fields mean in any file. The order of columnNames is that in which
// they are read: what tests mean may need what was read before them.
var general = map[string]meaning{
	"problem_id":  identity(func(q *problem) *string { return &q.ID }),
	"split":       identity(func(q *problem) *string { return &q.Split }),
	"prompt":      prose(func(q *problem) *string { return &q.Prompt }),
	"tests":       ownTests,
	"setup":       setupLines,
	"reference":   prose(func(q *problem) *string { return &q.Reference }),
	"entry_point": prose(func(q *problem) *string { return &q.EntryPoint }),
}

// identity is a text or a number.
func identity(to func(*problem) *string) meaning {
	return func(o tableio.Object, field string, q *problem) error {
		switch v := o[field].(type) {
		case bool, []any, tableio.Struct, []byte:
			return fmt.Errorf("it is %s, want a text or a number", tableio.KindOf(v))
		default:
			*to(q) = tableio.Text(v)
			return nil
		}
	}
}

// prose is a text; null is an empty one.
func prose(to func(*problem) *string) meaning {
	return func(o tableio.Object, field string, q *problem) (err error) {
		*to(q), err = textOf(o[field])
		return err
	}
}

func textOf(v any) (string, error) {
	switch v := v.(type) {
	case nil:
		return "", nil
	case string:
		return v, nil
	default:
		return "", fmt.Errorf("it is %s, want a text", tableio.KindOf(v))
	}
}

// setupLines is a text, or a list of lines such as imports.
func setupLines(o tableio.Object, field string, q *problem) error {
	v, err := listed(o[field])
	if err != nil {
		return err
	}
	list, ok := v.([]any)
	if !ok {
		q.Setup, err = textOf(v)
		return err
	}
	lines, err := textsOf(list)
	q.Setup = strings.Join(lines, "\n")
	return err
}

func textsOf(list []any) ([]string, error) {
	texts := make([]string, len(list))
	for i, v := range list {
		s, ok := v.(string)
		if !ok {
			return nil, fmt.Errorf("element %d is %s, want a text", i, tableio.KindOf(v))
		}
		texts[i] = s
	}
	return texts, nil
}
