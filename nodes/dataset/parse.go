package dataset

import (
	"errors"
	"fmt"
	"io"
	"iter"
	"regexp"
	"slices"
	"strings"

	"github.com/ouroflow/ouroflow/engine/table/tableio"
)

// parse yields the problems of a file in file order.
func parse(p Params, file io.Reader) iter.Seq2[problem, error] {
	return func(yield func(problem, error) bool) {
		container, kind, err := formats(p)
		if err != nil {
			yield(problem{}, err)
			return
		}
		c := &converter{p: p, kind: kind, seen: map[string]bool{}}
		for o, err := range tableio.Objects(container, file) {
			var q problem
			if err == nil {
				q, err = c.convert(o)
			}
			if !yield(q, err) || err != nil {
				return
			}
		}
		if c.rows == 0 {
			yield(problem{}, errors.New("the file has no problems"))
		}
	}
}

// formats tells the container format of the file from what its rows are.
func formats(p Params) (container, kind string, err error) {
	container = tableio.FormatOf(string(p.Path))
	switch p.Format {
	case "auto":
		if container == "" {
			return "", "", errors.New("the file name has no ending that tells its format; set format")
		}
		return container, "auto", nil
	case "mbpp", "humaneval":
		return orElse(container, "jsonl"), p.Format, nil
	case "mbpp_sanitized":
		return orElse(container, "json"), p.Format, nil
	default:
		return p.Format, "auto", nil
	}
}

func orElse(s, fallback string) string {
	if s == "" {
		return fallback
	}
	return s
}

// detect recognises a data set by the fields of its first row.
func detect(o tableio.Object) string {
	has := func(names ...string) bool {
		return !slices.ContainsFunc(names, func(n string) bool { _, ok := o[n]; return !ok })
	}
	switch {
	case has("task_id", "text", "code", "test_list"):
		return "mbpp"
	case has("task_id", "prompt", "code", "test_list"):
		return "mbpp_sanitized"
	case has("task_id", "prompt", "canonical_solution", "test", "entry_point"):
		return "humaneval"
	default:
		return "own"
	}
}

// converter makes problems of the rows of a file.
type converter struct {
	p    Params
	kind string // auto before the first row
	rows int
	seen map[string]bool // problem ids
}

func (c *converter) convert(o tableio.Object) (problem, error) {
	if c.kind == "auto" {
		c.kind = detect(o)
	}
	c.rows++
	q := c.read(o)
	if q.Split == "" {
		q.Split = o.Text("split")
	}
	if q.Split == "" && strings.HasPrefix(c.kind, "mbpp") {
		q.Split = splitOf(official, q.ID)
	}
	for _, name := range c.p.Extra {
		q.extra = append(q.extra, o.Text(name))
	}
	if err := complete(&q); err != nil {
		return q, fmt.Errorf("problem %d: %w", c.rows, err)
	}
	if c.seen[q.ID] && c.p.Rows == rowsProblems {
		return q, fmt.Errorf("problem %d: the problem_id %q is there twice; if the file holds samples of problems, set rows: samples", c.rows, q.ID)
	}
	c.seen[q.ID] = true
	return q, nil
}

func (c *converter) read(o tableio.Object) problem {
	switch c.kind {
	case "mbpp":
		return fromMBPP(o)
	case "mbpp_sanitized":
		return fromSanitized(o)
	case "humaneval":
		return fromHumanEval(o)
	default:
		return fromOwn(o, c.p.Column)
	}
}

func fromMBPP(o tableio.Object) problem {
	return problem{
		ID: o.Text("task_id"), Prompt: o.Text("text"), Reference: o.Text("code"),
		Tests: o.Texts("test_list"), Setup: o.Text("test_setup_code"),
	}
}

func fromSanitized(o tableio.Object) problem {
	return problem{
		ID: o.Text("task_id"), Prompt: o.Text("prompt"), Reference: o.Text("code"),
		Tests: o.Texts("test_list"), Setup: strings.Join(o.Texts("test_imports"), "\n"),
	}
}

// fromHumanEval makes the call of check the test: the function itself comes with it.
func fromHumanEval(o tableio.Object) problem {
	entry := o.Text("entry_point")
	return problem{
		ID: o.Text("task_id"), Prompt: o.Text("prompt"), EntryPoint: entry,
		Reference: o.Text("prompt") + o.Text("canonical_solution"),
		Tests:     []string{o.Text("test") + "\ncheck(" + entry + ")\n"},
	}
}

func fromOwn(o tableio.Object, columns map[string]string) problem {
	name := func(column string) string { return orElse(columns[column], column) }
	return problem{
		ID: o.Text(name("problem_id")), Split: o.Text(name("split")), Prompt: o.Text(name("prompt")),
		Tests: o.Texts(name("tests")), Setup: o.Text(name("setup")),
		Reference: o.Text(name("reference")), EntryPoint: o.Text(name("entry_point")),
	}
}

// complete checks a problem and fills in what follows from the rest.
func complete(q *problem) error {
	switch {
	case q.ID == "":
		return errors.New("it has no problem_id; `columns: {problem_id: FIELD}` names the field that holds it")
	case strings.TrimSpace(q.Prompt) == "":
		return fmt.Errorf("%s has no prompt; `columns: {prompt: FIELD}` names the field that holds it", q.ID)
	case len(q.Tests) == 0:
		return fmt.Errorf("%s has no tests; `columns: {tests: FIELD}` names the field that holds them", q.ID)
	}
	q.Reference = strings.ReplaceAll(q.Reference, "\r\n", "\n")
	q.Setup = strings.ReplaceAll(q.Setup, "\r\n", "\n")
	if q.EntryPoint == "" {
		q.EntryPoint = entryPoint(q.Reference, q.Tests[0])
	}
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
