package dataset

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"

	"github.com/ouroflow/ouroflow/engine/table/tableio"
	"github.com/ouroflow/ouroflow/nodes/internal/pyliteral"
)

// APPS (Hendrycks et al. 2021): inputs and outputs as JSON in a text, of a program or,
// with fn_name, of a function. Some problems have none.
var apps = published{
	format: "apps", untested: true,
	fields: []string{"question", "solutions", "input_output", "starter_code"},
	columns: map[string]string{
		"problem_id": "problem_id", "prompt": "question", "tests": "input_output", "reference": "solutions",
	},
	meanings: map[string]meaning{
		"problem_id:problem_id": appsID,
		"prompt:question":       withStarter,
		"tests:input_output":    appsField,
		"reference:solutions":   firstSolution,
	},
}

// appsID is problem_id, or id as the files on the hub call it.
func appsID(o tableio.Object, field string, q *problem) error {
	if _, ok := o[field]; !ok {
		field = "id"
	}
	return general["problem_id"](o, field, q)
}

// firstSolution is the first of a list of solutions.
func firstSolution(o tableio.Object, field string, q *problem) error {
	v, err := listed(o[field])
	if err != nil {
		return err
	}
	list, ok := v.([]any)
	if !ok && tableio.Text(v) != "" {
		return fmt.Errorf("it is %s, want a list of solutions", tableio.KindOf(v))
	}
	if len(list) > 0 {
		q.Reference, err = textOf(list[0])
	}
	return err
}

func appsField(o tableio.Object, field string, q *problem) error {
	v, err := listed(o[field])
	if err != nil {
		return err
	}
	starter, err := textOf(o["starter_code"])
	if err != nil {
		return fmt.Errorf("starter_code: %w", err)
	}
	switch v := v.(type) {
	case tableio.Struct:
		return appsTests(v, starter, q)
	case nil:
		return nil
	case string:
		if v == "" {
			return nil
		}
	}
	return fmt.Errorf("it is %s, want an object of inputs and outputs", tableio.KindOf(v))
}

// appsTests are pairs of inputs and outputs, of a program or of a function.
func appsTests(s tableio.Struct, starter string, q *problem) error {
	inputs, okIn := s.Get("inputs").([]any)
	outputs, okOut := s.Get("outputs").([]any)
	if !okIn || !okOut {
		return errors.New("inputs and outputs aren't lists")
	}
	if len(inputs) != len(outputs) {
		return errUneven
	}
	name, err := textOf(s.Get("fn_name"))
	if err != nil {
		return fmt.Errorf("fn_name: %w", err)
	}
	if name == "" {
		return appsProgram(inputs, outputs, q)
	}
	return appsFunction(callee{name, starter}, inputs, outputs, q)
}

func appsProgram(inputs, outputs []any, q *problem) error {
	for i := range inputs {
		input, errIn := lines(inputs[i])
		output, errOut := lines(outputs[i])
		if err := errors.Join(errIn, errOut); err != nil {
			return fmt.Errorf("test %d: %w", i, err)
		}
		test, err := ioTest(input, output)
		if err != nil {
			return err
		}
		q.Tests = append(q.Tests, test)
	}
	q.Form = formProgram
	return nil
}

// appsSame compares as APPS does: a tuple is a list, and what is expected may stand in a
// list of its own.
const appsSame = `

def _same(got, want):
    rows = None
    if isinstance(got, (list, tuple)) and got and isinstance(got[0], tuple):
        rows = [list(row) for row in got]
    if isinstance(got, tuple):
        got = list(got)
    if got == want:
        return True
    return isinstance(want, list) and want != [] and (got == want[0] or (rows is not None and rows == want[0]))
`

func appsFunction(c callee, inputs, outputs []any, q *problem) error {
	for i := range inputs {
		test, err := appsCall(c, inputs[i], outputs[i])
		if err != nil {
			return fmt.Errorf("test %d: %w", i, err)
		}
		q.Tests = append(q.Tests, test)
	}
	q.Form = formAsserts
	q.callsWith(c, appsSame)
	return nil
}

func appsCall(c callee, input, output any) (string, error) {
	args, err := appsArguments(input)
	if err != nil {
		return "", err
	}
	call, err := c.call(args)
	if err != nil {
		return "", err
	}
	want, err := pyliteral.Format(appsOutput(output))
	return fmt.Sprintf("assert _same(%s, %s)", call, want), err
}

// appsArguments are the arguments of a call. JSON has made texts of the numbers that
// were keys; APPS makes numbers of them where the only argument is a dict.
func appsArguments(v any) ([]any, error) {
	switch v := v.(type) {
	case []any:
		if len(v) > 0 {
			if d, ok := numberKeys(v[0]); ok {
				return []any{d}, nil
			}
		}
		return v, nil
	case string: // each of its characters is an argument
		var args []any
		for _, r := range v {
			args = append(args, string(r))
		}
		return args, nil
	default:
		return nil, fmt.Errorf("its input is %s, want a list of arguments", tableio.KindOf(v))
	}
}

// appsOutput is what is expected, with the keys of dicts as APPS has them.
func appsOutput(v any) any {
	first := v
	if list, ok := v.([]any); ok && len(list) > 0 {
		first = list[0]
	}
	if d, ok := numberKeys(first); ok {
		return []any{d}
	}
	return v
}

var wholeNumber = regexp.MustCompile(`^[+-]?\d{1,18}$`)

// numberKeys makes numbers of the keys of a dict, if all are.
func numberKeys(v any) (pyliteral.Dict, bool) {
	s, ok := v.(tableio.Struct)
	if !ok {
		return nil, false
	}
	d := pyliteral.Dict{}
	for _, m := range s {
		if !wholeNumber.MatchString(m.Name) {
			return nil, false
		}
		n, err := strconv.ParseInt(m.Name, 10, 64)
		if err != nil {
			return nil, false
		}
		d = append(d, pyliteral.Item{Key: n, Value: m.Value})
	}
	return d, true
}
