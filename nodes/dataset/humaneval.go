package dataset

import (
	"errors"
	"fmt"
	"regexp"

	"github.com/ouroflow/ouroflow/engine/table/tableio"
)

// HumanEval (Chen et al. 2021), and HumanEval+ as it is on the Hugging Face hub: the
// prompt is the beginning of a function, the test a function check.
var humanEval = published{
	format: "humaneval",
	fields: []string{"task_id", "prompt", "canonical_solution", "test", "entry_point"},
	columns: map[string]string{
		"problem_id": "task_id", "prompt": "prompt", "tests": "test", "reference": "canonical_solution", "entry_point": "entry_point",
	},
	meanings: map[string]meaning{
		"tests:test":                   checkFunction,
		"reference:canonical_solution": completion("prompt", ""),
	},
}

var (
	defineCheck = regexp.MustCompile(`(?m)^def[ \t]+check[ \t]*\(`)
	callCheck   = regexp.MustCompile(`(?m)^check[ \t]*\(`)
)

// checkFunction makes the call of check the test: the function itself comes with it.
func checkFunction(o tableio.Object, field string, q *problem) error {
	test, err := textOf(o[field])
	if err != nil {
		return err
	}
	entry, err := textOf(o["entry_point"])
	switch {
	case err != nil || entry == "":
		return errors.New("the row has no entry_point, which check is called with")
	case !defineCheck.MatchString(test):
		return errors.New("it defines no function check(candidate)")
	case !callCheck.MatchString(test):
		test = fmt.Sprintf("%s\ncheck(%s)\n", test, entry)
	}
	q.Tests, q.Form = []string{test}, formAsserts
	return nil
}

// completion is a solution that goes on where another field ends.
func completion(begin, between string) meaning {
	return func(o tableio.Object, field string, q *problem) error {
		first, err := textOf(o[begin])
		if err != nil {
			return err
		}
		rest, err := textOf(o[field])
		q.Reference = first + between + rest
		return err
	}
}

// BigCodeBench (Zhuo et al. 2024): tests are a test case of unittest, in which the
// candidate is task_func.
var bigCodeBench = published{
	format: "bigcodebench",
	fields: []string{"task_id", "complete_prompt", "canonical_solution", "test", "entry_point"},
	columns: map[string]string{
		"problem_id": "task_id", "prompt": "complete_prompt", "tests": "test", "reference": "canonical_solution", "entry_point": "entry_point",
	},
	meanings: map[string]meaning{
		"tests:test":                   textTest(formFunctions),
		"reference:canonical_solution": completion("complete_prompt", "\n"),
	},
}
