// Package codefacts is what the node type code_features finds in a candidate and
// others read: lexer tokens, static facts, and keys of what makes two programs alike.
package codefacts

import (
	"encoding/json"
	"fmt"
	"slices"
)

// Features are the columns that code_features adds. The keys of a program that
// Python can't parse are null.
type Features struct {
	Facts      string   `arrow:"facts"`          // JSON object of the Names that aren't 0
	Tokens     []string `arrow:"tokens"`         // Python's own, at most 600, without layout and comments
	Shapes     []string `arrow:"token_shapes"`   // the tokens without the names and literals that a program is free to choose
	Edges      []string `arrow:"ast_edges"`      // distinct Parent>Child pairs of node types, sorted
	AST        *string  `arrow:"ast_key"`        // digest of the tree with variables renamed, without annotations and docstring
	Operations *string  `arrow:"operations_key"` // digest of the operators, called names and short constants, with their counts
	Skeleton   *string  `arrow:"skeleton_key"`   // digest of the edges with their counts
	Constants  *string  `arrow:"constants_key"`  // digest of the short constants
	Control    *string  `arrow:"control_key"`    // digest of what branches, loops and returns, in order
	Results    *string  `arrow:"results_key"`    // digest of the expressions that are returned, with variables renamed
	Calls      *string  `arrow:"calls_key"`      // digest of the builtins and methods called
	Kinds      *string  `arrow:"return_kinds"`   // kinds of values that the function may return, such as "None list"
	Value      *string  `arrow:"value_key"`      // digest of what the function computes, as a term over its parameters; null where it has none
	Terms      []string `arrow:"value_terms"`    // digests of the parts of that term, sorted, at most 600
	Outcomes   []string `arrow:"outcomes"`       // what that term comes to at made-up arguments: a digest for each, Nothing, or "" where it fails or takes too long; empty where it isn't known
	Shown      []string `arrow:"shown_tests"`    // tests that the facts were compared with and that a verifier may see
}

// Nothing is an outcome: None.
const Nothing = "None"

// Names are the static facts, in the order in which models see them. They stand for
// truth (0 or 1) or small counts unless docs/VERIFIER.md says otherwise.
var Names = []string{
	"log_tokens", "log_chars", "log_lines", "longest_line", "comments", "non_ascii", "prompt_words",
	"parses", "functions", "depth", "loops", "ifs", "returns", "calls", "comprehensions", "imports", "tries", "class",
	"assert", "trailing", "print", "input", "shadows_builtin", "undefined", "undefined_common", "constants",
	"constant_compares", "while_true", "chained_compare",
	"unused_arguments", "recursive", "docstring", "empty", "no_return", "returns_sometimes", "ends_without_return",
	"unreachable", "returns_mutation", "equal_branches",
	"has_name", "arity", "arity_wrong", "argument_words", "test_numbers", "test_strings", "any_test_string",
	"kind_match", "kind_wrong", "kind_unknown", "element_match",
}

// Index is the place of a fact among Names. It panics if there is no such fact.
func Index(name string) int {
	i := slices.Index(Names, name)
	if i < 0 {
		panic("codefacts: no fact is named " + name)
	}
	return i
}

// Vector returns the facts in the order of Names.
func Vector(facts string) ([]float64, error) {
	var byName map[string]float64
	if err := json.Unmarshal([]byte(facts), &byName); err != nil {
		return nil, fmt.Errorf("column facts: %w", err)
	}
	v := make([]float64, len(Names))
	for i, name := range Names {
		v[i] = byName[name]
	}
	return v, nil
}
