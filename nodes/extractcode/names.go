package extractcode

import (
	"regexp"
	"slices"
	"strings"
)

var (
	definition = regexp.MustCompile(`(?m)^(?:(?:async[ \t]+)?def|class)[ \t]+([\pL_][\pL\pN_]*)`)
	assignment = regexp.MustCompile(`(?m)^([\pL_][\pL\pN_]*)[ \t]*(?::[^=\n]*)?=[^=]`)
	imports    = regexp.MustCompile(`(?m)^(?:from[ \t]+[\w.]+[ \t]+)?import[ \t]+(?:\(([^)]*)\)|([^\n]*))`)
	inner      = regexp.MustCompile(`(?m)^[ \t]+(?:async[ \t]+)?def[ \t]+([\pL_][\pL\pN_]*)`)
)

// names are those of a piece of code, as far as they can be told without a parser.
type names struct {
	defined map[string]bool // at the top: functions, classes, imports, assignments
	own     map[string]bool // functions and classes among them
	inner   map[string]bool // functions within others, and methods
	free    map[string]bool // used, and bound nowhere in the code
}

func namesOf(code string) names {
	text := quotedIn(code).masked(code)
	n := names{defined: map[string]bool{}, own: map[string]bool{}, inner: map[string]bool{}}
	for _, m := range definition.FindAllStringSubmatch(text, -1) {
		n.own[m[1]], n.defined[m[1]] = true, true
	}
	for _, m := range assignment.FindAllStringSubmatch(text, -1) {
		n.defined[m[1]] = true
	}
	for _, m := range imports.FindAllStringSubmatch(text, -1) {
		for part := range strings.SplitSeq(m[1]+m[2], ",") {
			if words := strings.Fields(part); len(words) > 0 {
				name, _, _ := strings.Cut(words[len(words)-1], ".")
				n.defined[name] = true
			}
		}
	}
	for _, m := range inner.FindAllStringSubmatch(text, -1) {
		n.inner[m[1]] = true
	}
	n.free = freeNames(text)
	return n
}

// defines reports whether the code defines an entry point, which may be a function, a
// class, a method of one (Class.method), or a name that is assigned to.
func (n names) defines(entry string) bool {
	class, method, ok := strings.Cut(entry, ".")
	if ok {
		return n.own[class] && n.inner[method]
	}
	return entry != "" && (n.defined[entry] || n.inner[entry])
}

// usage finds the names that code uses without binding them anywhere.
type usage struct {
	tokens    []string
	used      map[string]bool
	bound     map[string]bool
	statement int    // token that the statement begins with
	depth     int    // of brackets
	signature int    // depth of the brackets of a function's parameters, or 0
	binding   string // word whose names are bound: for, lambda, import
}

func freeNames(masked string) map[string]bool {
	u := usage{used: map[string]bool{}, bound: map[string]bool{}}
	for line := range strings.Lines(masked) {
		u.tokens = append(append(u.tokens, token.FindAllString(line, -1)...), "\n")
	}
	for i, t := range u.tokens {
		u.token(i, t)
	}
	for name := range u.bound {
		delete(u.used, name)
	}
	return u.used
}

func (u *usage) at(i int) string {
	if i < 0 || i >= len(u.tokens) {
		return ""
	}
	return u.tokens[i]
}

func (u *usage) token(i int, t string) {
	switch {
	case t == "\n" || t == ";":
		if u.depth <= 0 {
			u.statement, u.binding = i+1, ""
		}
	case t == "(" || t == "[" || t == "{":
		u.depth++
		if t == "(" && slices.Contains([]string{"def"}, u.at(i-2)) {
			u.signature = u.depth
		}
	case t == ")" || t == "]" || t == "}":
		if u.depth == u.signature {
			u.signature = 0
		}
		u.depth--
	case t == ":" && u.binding == "lambda", t == "in" && u.binding == "for":
		u.binding = ""
	case t == "for" || t == "lambda" || (t == "import" || t == "from") && i == u.statement:
		u.binding = t
	case t == "=" && u.depth <= 0:
		u.assigned(i)
	case isWord(t) && !keywords[t] && u.at(i-1) != ".":
		u.name(i, t)
	}
}

// assigned binds the names before an equals sign, unless that is a comparison.
func (u *usage) assigned(i int) {
	if u.at(i+1) == "=" || slices.Contains([]string{"=", "<", ">", "!"}, u.at(i-1)) {
		return
	}
	for k := u.statement; k < i; k++ {
		if t := u.tokens[k]; isWord(t) && !keywords[t] && u.at(k-1) != "." && !slices.Contains([]string{".", "(", "["}, u.at(k+1)) {
			u.bound[t] = true
		}
	}
	u.statement = i + 1
}

func (u *usage) name(i int, t string) {
	before, after := u.at(i-1), u.at(i+1)
	parameter := u.signature > 0 && u.depth == u.signature && slices.Contains([]string{"(", ",", "*", "\n"}, before)
	switch {
	case parameter, u.binding != "", slices.Contains([]string{"def", "class", "as", "global", "nonlocal"}, before),
		after == ":" && u.at(i+2) == "=":
		u.bound[t] = true
	case u.depth > 0 && after == "=" && u.at(i+2) != "=": // the name of an argument
	default:
		u.used[t] = true
	}
}
