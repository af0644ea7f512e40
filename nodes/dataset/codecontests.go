package dataset

import (
	"errors"
	"fmt"

	"github.com/ouroflow/ouroflow/engine/table/tableio"
)

// CodeContests (Li et al. 2022): inputs beside outputs of programs, solutions in several
// languages.
var codeContests = published{
	format: "codecontests", untested: true,
	fields: []string{"name", "description", "public_tests", "private_tests", "generated_tests", "solutions"},
	columns: map[string]string{
		"problem_id": "name", "prompt": "description", "tests": all, "reference": "solutions",
	},
	meanings: map[string]meaning{
		"tests:" + all:          contests("public_tests", "private_tests", "generated_tests"),
		"tests:public_tests":    contests("public_tests"),
		"tests:private_tests":   contests("private_tests"),
		"tests:generated_tests": contests("generated_tests"),
		"reference:solutions":   pythonSolution,
	},
}

func contests(fields ...string) meaning {
	return func(o tableio.Object, _ string, q *problem) error {
		for _, field := range fields {
			v, err := listed(o[field])
			if err != nil {
				return fmt.Errorf("%s: %w", field, err)
			}
			if v == nil || v == "" {
				continue
			}
			s, ok := v.(tableio.Struct)
			if !ok {
				return fmt.Errorf("%s is %s, want an object of input and output", field, tableio.KindOf(v))
			}
			if err := contestTests(s, q); err != nil {
				return fmt.Errorf("%s: %w", field, err)
			}
		}
		return nil
	}
}

// contestTests are a list of inputs beside one of outputs.
func contestTests(s tableio.Struct, q *problem) error {
	inputs, okIn := s.Get("input").([]any)
	outputs, okOut := s.Get("output").([]any)
	if !okIn || !okOut {
		return errors.New("input and output aren't lists")
	}
	if len(inputs) != len(outputs) {
		return errUneven
	}
	return appsProgram(inputs, outputs, q)
}

// python3 is the language's number in CodeContests.
const python3 = "3"

// pythonSolution is the first solution in Python 3, none if there is none.
func pythonSolution(o tableio.Object, field string, q *problem) error {
	v, err := listed(o[field])
	if err != nil {
		return err
	}
	s, ok := v.(tableio.Struct)
	if !ok {
		return nil
	}
	languages, _ := s.Get("language").([]any)
	solutions, _ := s.Get("solution").([]any)
	if len(languages) != len(solutions) {
		return errors.New("it doesn't have as many solutions as languages")
	}
	for i, language := range languages {
		if name := tableio.Text(language); name == python3 || name == "PYTHON3" {
			q.Reference, err = textOf(solutions[i])
			return err
		}
	}
	return nil
}
