package dataset

import (
	"errors"
	"fmt"
	"strings"

	"github.com/ouroflow/ouroflow/engine/table/tableio"
	"github.com/ouroflow/ouroflow/nodes/internal/pyliteral"
)

// Forms of tests, as the column form has them.
const (
	formAsserts   = "asserts"
	formFunctions = "functions"
	formProgram   = "program"
)

// listed reads a text that is a list or an object written out, as CSV and data sets with
// JSON in JSON have it: JSON, a literal of Python (pandas), or what numpy prints. Any
// other value stays as it is. A text that begins like a list and isn't one is an error:
// as a single test it would likely be one that can't fail.
func listed(v any) (any, error) {
	text, ok := v.(string)
	if !ok {
		return v, nil
	}
	head := strings.TrimSpace(text)
	if !strings.HasPrefix(head, "[") && !strings.HasPrefix(head, "{") {
		return v, nil
	}
	parsed, errJSON := tableio.DecodeJSON([]byte(head))
	if errJSON == nil {
		return parsed, nil
	}
	parsed, errPython := pyliteral.Parse(head)
	if errPython == nil {
		return parsed, nil
	}
	return nil, fmt.Errorf("it begins like a list or an object, but is neither JSON (%w) nor a literal of Python (%w)", errJSON, errPython)
}

// ownTests are the tests of a file of one's own, by what they are: a list of texts or
// objects, one text, or inputs and outputs as APPS and CodeContests have them.
func ownTests(o tableio.Object, field string, q *problem) error {
	v, err := listed(o[field])
	if err != nil {
		return fmt.Errorf("%w; if it is one test, give it in a list", err)
	}
	switch v := v.(type) {
	case nil:
		return nil
	case string:
		if strings.TrimSpace(v) != "" {
			q.Tests = append(q.Tests, v)
		}
		return nil
	case []any:
		return eachTest(v, q)
	case tableio.Struct:
		return pairedTests(v, q)
	default:
		return fmt.Errorf("it is %s, want a list of tests", tableio.KindOf(v))
	}
}

// eachTest takes the elements of a list as tests.
func eachTest(list []any, q *problem) error {
	for i, v := range list {
		test, err := oneTest(v)
		if err != nil {
			return fmt.Errorf("test %d: %w", i, err)
		}
		q.Tests = append(q.Tests, test)
	}
	return nil
}

func oneTest(v any) (string, error) {
	switch v := v.(type) {
	case string:
		return v, nil
	case tableio.Struct:
		if !v.Has("input") || !v.Has("output") {
			return "", errors.New("an object as a test needs input and output")
		}
		return programTest(v)
	default:
		return "", fmt.Errorf("it is %s, want a text, or an object with input and output", tableio.KindOf(v))
	}
}

// programTest writes an object with input and output, and what else it has.
func programTest(s tableio.Struct) (string, error) {
	for _, name := range []string{"input", "output"} {
		if _, ok := s.Get(name).(string); !ok {
			return "", fmt.Errorf("its %s is %s, want a text", name, tableio.KindOf(s.Get(name)))
		}
	}
	return tableio.JSON(s)
}

// pairedTests are inputs beside outputs: those of APPS, or input and output, which
// may be lists, as in CodeContests.
func pairedTests(s tableio.Struct, q *problem) error {
	switch {
	case s.Has("inputs") && s.Has("outputs"):
		return appsTests(s, "", q)
	case s.Has("input") && s.Has("output"):
		if _, single := s.Get("input").(string); single {
			return eachTest([]any{s}, q)
		}
		return contestTests(s, q)
	default:
		return errors.New("an object of tests needs inputs and outputs, or input and output")
	}
}

// textTest is one test that is a program, whatever it looks like.
func textTest(form string) meaning {
	return func(o tableio.Object, field string, q *problem) error {
		test, err := textOf(o[field])
		if err == nil && strings.TrimSpace(test) != "" {
			q.Tests, q.Form = append(q.Tests, test), form
		}
		return err
	}
}

// ioTest writes a test of form program.
func ioTest(input, output string) (string, error) {
	return programTest(tableio.Struct{{Name: "input", Value: input}, {Name: "output", Value: output}})
}
