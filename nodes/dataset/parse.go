package dataset

import (
	"errors"
	"fmt"
	"io"
	"iter"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/ouroflow/ouroflow/engine/table/tableio"
)

// parse yields the problems of a file in file order.
func parse(p Params, file io.Reader, logf func(string, ...any)) iter.Seq2[problem, error] {
	return func(yield func(problem, error) bool) {
		container, err := containerOf(p)
		if err != nil {
			yield(problem{}, err)
			return
		}
		c := &converter{p: p, seen: map[string]bool{}, fields: map[string]bool{}}
		for o, err := range tableio.Objects(container, file) {
			var q problem
			keep := true
			if err == nil {
				q, keep, err = c.convert(o)
			}
			if keep && (!yield(q, err) || err != nil) {
				return
			}
		}
		if err := c.end(logf); err != nil {
			yield(problem{}, err)
		}
	}
}

// containerOf is the format of the file: what contains the rows.
func containerOf(p Params) (string, error) {
	container := tableio.FormatOf(string(p.Path))
	switch {
	case slices.Contains(containers, p.Format):
		return p.Format, nil
	case p.Format == "auto" && container == "":
		return "", errors.New("the file name has no ending that tells its format; set format")
	default:
		return orElse(container, "jsonl"), nil
	}
}

var containers = []string{"json", "jsonl", "csv", "parquet", "arrow"}

func orElse(s, fallback string) string {
	if s == "" {
		return fallback
	}
	return s
}

// converter makes problems of the rows of a file.
type converter struct {
	p        Params
	set      *published // nil before the first row
	rows     int
	untested int             // rows left out for want of tests
	seen     map[string]bool // problem ids
	fields   map[string]bool // of any row
}

// convert makes a problem of a row, or says that the row is none to keep.
func (c *converter) convert(o tableio.Object) (q problem, keep bool, err error) {
	c.rows++
	for name := range o {
		c.fields[name] = true
	}
	if err := c.read(o, &q); err != nil {
		return q, true, fmt.Errorf("row %d%s: %w", c.rows, nameOf(q), err)
	}
	if len(q.Tests) == 0 && c.set.untested {
		c.untested++
		return q, false, nil
	}
	if err := c.finish(o, &q); err != nil {
		return q, true, fmt.Errorf("row %d%s: %w", c.rows, nameOf(q), err)
	}
	c.seen[q.ID] = true
	return q, true, nil
}

func nameOf(q problem) string {
	if q.ID == "" {
		return ""
	}
	return fmt.Sprintf(" (%s)", q.ID)
}

// read sets what the fields of the row say.
func (c *converter) read(o tableio.Object, q *problem) (err error) {
	if c.set == nil {
		if c.set, err = c.recognise(o); err != nil {
			return err
		}
	}
	if err := c.set.fill(o, c.p.Column, q); err != nil {
		return err
	}
	if q.Split == "" && c.set.mbpp {
		q.Split = splitOf(official, q.ID)
	}
	for _, name := range c.p.Extra {
		text, err := extraText(o[name])
		if err != nil {
			return fmt.Errorf("field %q: %w", name, err)
		}
		q.extra = append(q.extra, text)
	}
	return nil
}

func (c *converter) recognise(o tableio.Object) (*published, error) {
	if slices.Contains(formatNames(), c.p.Format) {
		return named(c.p.Format, o)
	}
	return detect(o), nil
}

// extraText is a value as text: lists and objects are JSON.
func extraText(v any) (string, error) {
	switch v.(type) {
	case []any, tableio.Struct:
		return tableio.JSON(v)
	default:
		return tableio.Text(v), nil
	}
}

// finish checks the problem and fills in what follows from the rest.
func (c *converter) finish(o tableio.Object, q *problem) error {
	if err := complete(o, q); err != nil {
		return err
	}
	if c.seen[q.ID] && c.p.Rows == rowsProblems {
		return fmt.Errorf("the problem_id %q is there twice; if the file holds samples of problems, set rows: samples", q.ID)
	}
	return c.setForm(q)
}

// setForm sets the form that the params ask for, or that the data set or the tests have.
func (c *converter) setForm(q *problem) (err error) {
	if c.p.Form != "auto" {
		q.Form = c.p.Form
	}
	if q.Form == "" {
		if q.Form, err = formOf(q.Tests); err != nil {
			return err
		}
	}
	if err := checkForm(q.Form, q.Tests); err != nil {
		return err
	}
	if q.Form == formProgram {
		return nil
	}
	normaliseLines(q)
	if q.EntryPoint == "" {
		q.EntryPoint = entryPoint(q.Reference, q.Tests[0])
	}
	return checkAsserts(*q)
}

func normaliseLines(q *problem) {
	q.Setup = strings.ReplaceAll(q.Setup, "\r\n", "\n")
	for i, test := range q.Tests {
		q.Tests[i] = strings.ReplaceAll(test, "\r\n", "\n")
	}
}

// end checks the file as a whole.
func (c *converter) end(logf func(string, ...any)) error {
	if c.rows == 0 {
		return errors.New("the file has no problems")
	}
	if c.untested > 0 {
		logf("left out: %d of %d problems that have no tests", c.untested, c.rows)
	}
	for _, column := range columnNames {
		if field := c.p.Column[column]; field != "" && !c.fields[field] {
			return fmt.Errorf("columns.%s is %q, but no row has such a field; there are: %s", column, field, c.names())
		}
	}
	for _, name := range c.p.Extra {
		if !c.fields[name] {
			return fmt.Errorf("extra names %q, but no row has such a field; there are: %s", name, c.names())
		}
	}
	return nil
}

func (c *converter) names() string {
	return strings.Join(slices.Sorted(maps.Keys(c.fields)), ", ")
}

// complete checks that a problem has what it needs.
func complete(o tableio.Object, q *problem) error {
	for _, needed := range []struct {
		column string
		there  bool
	}{{"problem_id", q.ID != ""}, {"prompt", strings.TrimSpace(q.Prompt) != ""}, {"tests", len(q.Tests) > 0}} {
		if !needed.there {
			return fmt.Errorf("it has no %s; `columns: {%s: FIELD}` names the field that holds them; there are: %s", needed.column, needed.column, fieldNames(o))
		}
	}
	q.Reference = strings.ReplaceAll(q.Reference, "\r\n", "\n")
	return nil
}

var (
	definition = regexp.MustCompile(`(?m)^(?:async +)?(?:def|class)[ \t]+(\w+)`)
	call       = regexp.MustCompile(`(\w+)\s*\(`)
)

// entryPoint is the first name called in the test that the reference defines,
// or else the first that it defines.
func entryPoint(reference, test string) string {
	var defined []string
	for _, m := range definition.FindAllStringSubmatch(reference, -1) {
		defined = append(defined, m[1])
	}
	for _, m := range call.FindAllStringSubmatch(test, -1) {
		if slices.Contains(defined, m[1]) {
			return m[1]
		}
	}
	if len(defined) > 0 {
		return defined[0]
	}
	return ""
}
