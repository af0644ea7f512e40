package prompt

import (
	"fmt"
	"regexp"
	"strings"
	"text/template"
)

// functions are what templates can call.
var functions = template.FuncMap{
	"first":     first,
	"join":      strings.Join,
	"signature": signature,
	"starter":   starter,
}

func first(list []string) string {
	if len(list) == 0 {
		return ""
	}
	return list[0]
}

// entry returns the reference of a problem and what it defines.
func entry(p any) (reference, name string, err error) {
	switch p := p.(type) {
	case problem:
		return p.Reference, p.EntryPoint, nil
	case subject:
		return p.Reference, p.EntryPoint, nil
	}
	return "", "", fmt.Errorf("it wants a problem, as in {{signature .}}, not a %T", p)
}

// signature returns the line of the reference that defines the entry point, and
// for a class also the line of the method that follows it: what a model has to
// go on from.
func signature(of any) (string, error) {
	reference, name, err := entry(of)
	if err != nil || name == "" {
		return "", err
	}
	start := regexp.MustCompile(`^(async +)?(def|class)[ \t]+` + regexp.QuoteMeta(name) + `\b`)
	lines := strings.Split(reference, "\n")
	for i, line := range lines {
		if !start.MatchString(line) {
			continue
		}
		if strings.HasPrefix(line, "class") && i+1 < len(lines) && strings.HasPrefix(strings.TrimSpace(lines[i+1]), "def ") {
			return line + "\n" + lines[i+1], nil
		}
		return line, nil
	}
	return "", fmt.Errorf("the reference doesn't define %q, so it has no signature", name)
}

// starter returns `def NAME(` or `class NAME` for the entry point.
func starter(of any) (string, error) {
	line, err := signature(of)
	if err != nil {
		return "", err
	}
	_, name, err := entry(of)
	if strings.HasPrefix(line, "class") {
		return "class " + name, err
	}
	return "def " + name + "(", err
}
