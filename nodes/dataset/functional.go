package dataset

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/ouroflow/ouroflow/engine/table/tableio"
	"github.com/ouroflow/ouroflow/nodes/internal/pyliteral"
)

var (
	identifier    = regexp.MustCompile(`^[A-Za-z_]\w*$`)
	numeral       = regexp.MustCompile(`^\d+(\.\d+)?([eE][+-]?\d+)?$`)
	classSolution = regexp.MustCompile(`(?m)^class[ \t]+Solution\b`)
)

// callee is how tests call a function: by its name, or as a method of a new Solution
// where the starter code has that class.
type callee struct{ function, starter string }

// expression is what stands before the arguments.
func (c callee) expression() (string, error) {
	if !identifier.MatchString(c.function) {
		return "", fmt.Errorf("%q is no name of a function", c.function)
	}
	if classSolution.MatchString(c.starter) {
		return "Solution()." + c.function, nil
	}
	return c.function, nil
}

// entryPoint is what a candidate has to define.
func (c callee) entryPoint() string {
	if classSolution.MatchString(c.starter) {
		return "Solution"
	}
	return c.function
}

// call writes the call with these arguments.
func (c callee) call(args []any) (string, error) {
	expression, err := c.expression()
	if err != nil {
		return "", err
	}
	list, err := pyliteral.Format(args)
	if err != nil {
		return "", err
	}
	return expression + "(" + strings.TrimSuffix(strings.TrimPrefix(list, "["), "]") + ")", nil
}

// commonNames are imports that the harnesses of APPS and LiveCodeBench run before a
// candidate, whose starter code uses List without importing it. All are of modules that
// tests can use without the candidate in their process.
var commonNames = map[string]string{
	"typing":      "Any Dict List Optional Set Tuple Union",
	"collections": "Counter OrderedDict defaultdict deque",
	"functools":   "cache lru_cache reduce",
	"itertools":   "accumulate chain combinations permutations product",
	"heapq":       "heapify heappop heappush",
	"bisect":      "bisect_left bisect_right",
	"math":        "ceil floor gcd inf sqrt",
}

var commonModules = []string{"bisect", "collections", "functools", "heapq", "itertools", "math", "random", "re", "string"}

// preamble writes those imports, but for the name of the function that is tested.
func preamble(function string) string {
	var b strings.Builder
	for _, module := range commonModules {
		if module != function {
			fmt.Fprintf(&b, "import %s\n", module)
		}
	}
	for _, module := range []string{"typing", "collections", "functools", "itertools", "heapq", "bisect", "math"} {
		for name := range strings.FieldsSeq(commonNames[module]) {
			if name != function {
				fmt.Fprintf(&b, "from %s import %s\n", module, name)
			}
		}
	}
	return b.String()
}

// callsWith gives the problem what its calls need: a setup before its own, if it has one,
// and the entry point.
func (q *problem) callsWith(c callee, helper string) {
	if setup := preamble(c.function) + helper; !strings.HasPrefix(q.Setup, setup) {
		q.Setup = setup + q.Setup
	}
	q.EntryPoint = orElse(q.EntryPoint, c.entryPoint())
}

// withStarter is a question followed by the code to start from, if there is some: the
// names of what is asked for are in it.
func withStarter(o tableio.Object, field string, q *problem) error {
	question, err := textOf(o[field])
	if err != nil {
		return err
	}
	starter, err := textOf(o["starter_code"])
	if err != nil {
		return fmt.Errorf("starter_code: %w", err)
	}
	q.Prompt = question
	if strings.TrimSpace(starter) != "" {
		q.Prompt = strings.TrimRight(question, "\n") + "\n\n" + starter
	}
	return nil
}

var errUneven = errors.New("it doesn't have as many outputs as inputs")

// lines is a text, or a list of lines. Numbers are written out.
func lines(v any) (string, error) {
	switch v := v.(type) {
	case string:
		return v, nil
	case []any:
		parts := make([]string, len(v))
		for i, line := range v {
			var err error
			if parts[i], err = scalarText(line); err != nil {
				return "", err
			}
		}
		return strings.Join(parts, "\n"), nil
	default:
		return scalarText(v)
	}
}

func scalarText(v any) (string, error) {
	switch v.(type) {
	case nil, bool, []any, tableio.Struct, []byte:
		return "", fmt.Errorf("it is %s, want a text", tableio.KindOf(v))
	default:
		return tableio.Text(v), nil
	}
}
