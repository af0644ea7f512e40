package dataset

import (
	_ "embed"
	"errors"
	"fmt"
	"strings"

	"github.com/ouroflow/ouroflow/engine/table/tableio"
	"github.com/ouroflow/ouroflow/nodes/internal/pyliteral"
)

// The files that evalplus releases have inputs without results: those are computed by
// the canonical solution. Each test here has that solution within, and compares.

var evalplusHumanEval = published{
	format: "humaneval_plus",
	fields: []string{"task_id", "prompt", "entry_point", "canonical_solution", "base_input", "plus_input", "atol"},
	columns: map[string]string{
		"problem_id": "task_id", "prompt": "prompt", "tests": all, "reference": "canonical_solution", "entry_point": "entry_point",
	},
	meanings: map[string]meaning{
		"tests:" + all:                 inputTests("base_input", "plus_input"),
		"tests:base_input":             inputTests("base_input"),
		"tests:plus_input":             inputTests("plus_input"),
		"tests:test":                   checkFunction,
		"reference:canonical_solution": completion("prompt", ""),
	},
}

// evalplusMBPP is refused: many of its inputs are tuples, sets or complex numbers, which
// the file writes as lists and texts. Which is which is only in evalplus's own code.
var evalplusMBPP = published{
	format: "mbpp_plus",
	fields: []string{"task_id", "prompt", "entry_point", "canonical_solution", "base_input", "plus_input", "atol", "assertion"},
	columns: map[string]string{
		"problem_id": "task_id", "prompt": "prompt", "tests": all, "reference": "canonical_solution", "entry_point": "entry_point",
	},
	meanings: map[string]meaning{
		"tests:" + all:                 refuseMbppPlus,
		"tests:base_input":             refuseMbppPlus,
		"tests:plus_input":             refuseMbppPlus,
		"tests:assertion":              textTest(formAsserts),
		"reference:canonical_solution": completion("prompt", ""),
	},
	mbpp: true,
}

func refuseMbppPlus(tableio.Object, string, *problem) error {
	return errors.New("MbppPlus.jsonl doesn't say which of its inputs are tuples or sets, so that its tests can't be made from it; " +
		"use the data set evalplus/mbppplus of the Hugging Face hub, whose field test has them, or columns: {tests: assertion} for MBPP's own tests")
}

//go:embed evalplus.py
var evalplusTest string

// inputTests makes a test of each list of inputs.
func inputTests(fields ...string) meaning {
	return func(o tableio.Object, _ string, q *problem) error {
		for _, field := range fields {
			inputs, ok := o[field].([]any)
			if !ok {
				return fmt.Errorf("%s is %s, want a list of arguments", field, tableio.KindOf(o[field]))
			}
			if len(inputs) == 0 {
				continue
			}
			test, err := inputTest(o, inputs)
			if err != nil {
				return fmt.Errorf("%s: %w", field, err)
			}
			q.Tests = append(q.Tests, test)
		}
		q.Form = formAsserts
		return nil
	}
}

func inputTest(o tableio.Object, inputs []any) (string, error) {
	entry, err := textOf(o["entry_point"])
	if err != nil || !identifier.MatchString(entry) {
		return "", fmt.Errorf("entry_point %q is no name of a function", entry)
	}
	literal, err := pyliteral.Format(inputs)
	if err != nil {
		return "", err
	}
	tolerance := o.Text("atol")
	if !numeral.MatchString(tolerance) {
		return "", fmt.Errorf("atol is %q, want a number", tolerance)
	}
	return strings.NewReplacer(
		"ENTRY_POINT", entry, "NAME", pyliteral.Quote(entry), "SOURCE", pyliteral.Quote(o.Text("prompt")+o.Text("canonical_solution")),
		"INPUTS", literal, "TOLERANCE", tolerance,
	).Replace(evalplusTest), nil
}
