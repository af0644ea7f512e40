package dataset

import (
	"bytes"
	"compress/zlib"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/ouroflow/ouroflow/engine/table/tableio"
	"github.com/ouroflow/ouroflow/nodes/internal/pyliteral"
	"github.com/ouroflow/ouroflow/nodes/internal/unpickle"
)

// LiveCodeBench (Jain et al. 2024): public tests as JSON in a text, private ones so or
// packed: base64 of zlib of a pickle of such a text.
var liveCodeBench = published{
	format: "livecodebench",
	fields: []string{"question_content", "question_id", "starter_code", "public_test_cases", "private_test_cases", "metadata"},
	columns: map[string]string{
		"problem_id": "question_id", "prompt": "question_content", "tests": all,
	},
	meanings: map[string]meaning{
		"prompt:question_content":  withStarter,
		"tests:" + all:             testCases("public_test_cases", "private_test_cases"),
		"tests:public_test_cases":  testCases("public_test_cases"),
		"tests:private_test_cases": testCases("private_test_cases"),
	},
}

func testCases(fields ...string) meaning {
	return func(o tableio.Object, _ string, q *problem) error {
		for _, field := range fields {
			cases, err := casesOf(o[field])
			if err == nil {
				err = eachCase(o, cases, q)
			}
			if err != nil {
				return fmt.Errorf("%s: %w", field, err)
			}
		}
		return nil
	}
}

// casesOf is a list of cases: as it is, as JSON, or packed.
func casesOf(v any) ([]any, error) {
	text, ok := v.(string)
	if ok && text != "" && !strings.HasPrefix(strings.TrimSpace(text), "[") {
		unpacked, err := unpack(text)
		if err != nil {
			return nil, fmt.Errorf("it is neither JSON nor what LiveCodeBench packs: %w", err)
		}
		v = unpacked
	}
	v, err := listed(v)
	if err != nil {
		return nil, err
	}
	switch v := v.(type) {
	case []any:
		return v, nil
	case nil:
		return nil, nil
	case string:
		if v == "" {
			return nil, nil
		}
	}
	return nil, fmt.Errorf("it is %s, want a list of test cases", tableio.KindOf(v))
}

// maxCases bounds what packed test cases may become.
const maxCases = 512 << 20

func unpack(text string) (string, error) {
	packed, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return "", err
	}
	z, err := zlib.NewReader(bytes.NewReader(packed))
	if err != nil {
		return "", err
	}
	pickle, err := io.ReadAll(io.LimitReader(z, maxCases+1))
	if err != nil {
		return "", err
	}
	if len(pickle) > maxCases {
		return "", fmt.Errorf("it becomes more than %d MiB", maxCases>>20)
	}
	return unpickle.Text(pickle)
}

func eachCase(o tableio.Object, cases []any, q *problem) error {
	for i, v := range cases {
		c, ok := v.(tableio.Struct)
		if !ok {
			return fmt.Errorf("test case %d is %s, want an object", i, tableio.KindOf(v))
		}
		if err := addCase(o, c, q); err != nil {
			return fmt.Errorf("test case %d: %w", i, err)
		}
	}
	return nil
}

func addCase(o tableio.Object, c tableio.Struct, q *problem) error {
	input, okIn := c.Get("input").(string)
	output, okOut := c.Get("output").(string)
	if !okIn || !okOut {
		return errors.New("its input and output aren't texts")
	}
	var test string
	var err error
	form := formProgram
	switch kind := tableio.Text(c.Get("testtype")); kind {
	case "stdin":
		test, err = ioTest(input, output)
	case "functional":
		form = formAsserts
		test, err = functionalTest(o, input, output, q)
	default:
		err = fmt.Errorf("its testtype is %q, want stdin or functional", kind)
	}
	if err == nil && q.Form != "" && q.Form != form {
		err = errors.New("the problem has tests of both types")
	}
	q.Tests, q.Form = append(q.Tests, test), form
	return err
}

// plain makes a list of a tuple, which LiveCodeBench takes for one.
const plain = `

def _plain(value):
    return list(value) if isinstance(value, tuple) else value
`

// functionalTest calls the function: each line of the input is an argument in JSON.
func functionalTest(o tableio.Object, input, output string, q *problem) (string, error) {
	c, err := calleeOf(o)
	if err != nil {
		return "", err
	}
	var args []any
	for line := range strings.SplitSeq(input, "\n") {
		arg, err := tableio.DecodeJSON([]byte(line))
		if err != nil {
			return "", fmt.Errorf("argument %d of its input isn't JSON: %w", len(args)+1, err)
		}
		args = append(args, arg)
	}
	want, err := tableio.DecodeJSON([]byte(output))
	if err != nil {
		return "", fmt.Errorf("its output isn't JSON: %w", err)
	}
	call, err := c.call(args)
	if err != nil {
		return "", err
	}
	literal, err := pyliteral.Format(want)
	q.callsWith(c, plain)
	return fmt.Sprintf("assert _plain(%s) == %s", call, literal), err
}

// calleeOf is the function that the metadata names.
func calleeOf(o tableio.Object) (callee, error) {
	v, err := listed(o["metadata"])
	if err != nil {
		return callee{}, fmt.Errorf("metadata: %w", err)
	}
	s, _ := v.(tableio.Struct)
	name, ok := s.Get("func_name").(string)
	if !ok {
		return callee{}, errors.New("metadata has no func_name, which a functional test calls")
	}
	starter, err := textOf(o["starter_code"])
	return callee{name, starter}, err
}
