package dataset

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/ouroflow/ouroflow/engine/table/tableio"
)

var (
	testUnit  = regexp.MustCompile(`(?m)^(?:(?:async[ \t]+)?def[ \t]+test_\w*|class[ \t]+(?:Test\w*|\w+[ \t]*\([^)]*TestCase[^)]*\)))`)
	topCall   = regexp.MustCompile(`(?m)^[\w.]+[ \t]*\(`)
	topAssert = regexp.MustCompile(`(?m)^assert\b`)
)

// formOf tells the form of tests by what they are.
func formOf(tests []string) (string, error) {
	forms := map[string]int{}
	for _, test := range tests {
		forms[formOfOne(test)]++
	}
	switch {
	case forms[formProgram] == len(tests):
		return formProgram, nil
	case forms[formProgram] > 0:
		return "", errors.New("some of its tests are inputs and outputs, others code; give them as two problems")
	case forms[formFunctions] == len(tests):
		return formFunctions, nil
	case forms[formFunctions] > 0:
		return "", errors.New("some of its tests are functions test_* or test cases, others statements; give them as two problems, or set form")
	default:
		return formAsserts, nil
	}
}

func formOfOne(test string) string {
	switch {
	case checkProgram(test) == nil:
		return formProgram
	case testUnit.MatchString(test) && !topCall.MatchString(test) && !topAssert.MatchString(test):
		return formFunctions
	default:
		return formAsserts
	}
}

// checkProgram checks that a test is JSON with input and output.
func checkProgram(test string) error {
	if !strings.HasPrefix(strings.TrimSpace(test), "{") {
		return errors.New("it is no JSON object with input and output")
	}
	v, err := tableio.DecodeJSON([]byte(test))
	if err != nil {
		return err
	}
	s, _ := v.(tableio.Struct)
	_, err = programTest(s)
	return err
}

// checkForm checks tests against the form that they are to have.
func checkForm(form string, tests []string) error {
	for i, test := range tests {
		err := checkProgram(test)
		if form == formProgram && err != nil {
			return fmt.Errorf("test %d, %.60q, isn't {\"input\": TEXT, \"output\": TEXT}, which form: program wants: %w", i, test, err)
		}
		if form != formProgram && err == nil {
			return fmt.Errorf("test %d, %.60q, is an input and an output, which form: %s doesn't run; set form: program", i, test, form)
		}
	}
	return nil
}
