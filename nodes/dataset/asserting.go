package dataset

import (
	"fmt"
	"regexp"
	"strings"
)

var (
	strings3    = regexp.MustCompile(`(?s)""".*?"""|'''.*?'''`)
	strings1    = regexp.MustCompile(`"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'`)
	comments    = regexp.MustCompile(`(?m)#.*$`)
	canFail     = regexp.MustCompile(`(?i)assert|raise|check|expect|verify|fail|should|must|exit|require|ensure`)
	compares    = regexp.MustCompile(`[=!]=|[<>]|\b(?:is|in|not)\b`)
	onlyPrinted = regexp.MustCompile(`^print\s*\(`)
)

// checkAsserts finds tests of form asserts that every candidate passes: empty ones, and
// comparisons or prints without an assert. It goes by words, and lets pass what it isn't
// sure of.
func checkAsserts(q problem) error {
	setup := codeOf(q.Setup)
	for i, test := range q.Tests {
		code := strings.TrimSpace(codeOf(test))
		switch {
		case code == "":
			return fmt.Errorf("test %d, %.60q, has no code: every candidate would pass it", i, test)
		case canFail.MatchString(code) || canFail.MatchString(setup):
		case compares.MatchString(code) || onlyPrinted.MatchString(code):
			return fmt.Errorf("test %d, %.60q, asserts nothing: every candidate that doesn't crash would pass it; write assert before what has to be true", i, test)
		}
	}
	return nil
}

// codeOf is a program without its texts and comments.
func codeOf(program string) string {
	for _, r := range []*regexp.Regexp{strings3, strings1} {
		program = r.ReplaceAllString(program, "''")
	}
	return comments.ReplaceAllString(program, "")
}
