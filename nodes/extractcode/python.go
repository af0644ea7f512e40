package extractcode

import (
	"regexp"
	"strings"
)

var begin = regexp.MustCompile(`^(?:(?:async[ \t]+)?def[ \t]+\w+[ \t]*[(\[]|class[ \t]+\w+[ \t]*[:(\[]|from[ \t]+[\w.]+[ \t]+import\b|import[ \t]+[\w.]+[ \t]*(?:,|;|#|as\b|$)|@\w)`)

// beginsAsProgram reports whether the first statement of a text is one that programs
// begin with, and prose doesn't.
func beginsAsProgram(text string) bool {
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if line != "" && !strings.HasPrefix(line, "#") {
			return begin.MatchString(line)
		}
	}
	return false
}

// looksLikePython reports whether a text may be a program. It is a rough look, at what
// Python's grammar never allows.
func looksLikePython(text string) bool { return beginsAsProgram(text) || plausible(text) }

// plausible reports whether a text has nothing that Python never has, such as two words
// beside each other. A text without words isn't.
func plausible(text string) bool {
	masked := quotedIn(text).masked(text)
	if strings.TrimSpace(text) == "" || strings.TrimSpace(masked) == "" && strings.HasPrefix(strings.TrimSpace(text), "#") {
		return false
	}
	depth := 0
	for line := range strings.Lines(masked) {
		line = strings.TrimSpace(line)
		if impossible(line) || depth <= 0 && isRemark(line) {
			return false
		}
		depth = max(0, depth+strings.Count(line, "(")+strings.Count(line, "[")+strings.Count(line, "{")-
			strings.Count(line, ")")-strings.Count(line, "]")-strings.Count(line, "}"))
	}
	return true
}

var (
	arrow    = regexp.MustCompile(`->`)
	returns  = regexp.MustCompile(`^(?:async\b|def\b|.*\)[ \t]*->[^:]*:)`)
	sentence = regexp.MustCompile(`[\pL_)]\.$`)
	remark   = regexp.MustCompile(`^[\pL_][\pL\pN_]*:?$`)
	token    = regexp.MustCompile(`[\pL_][\pL\pN_]*|[0-9][\w.]*|[^\s\w]`)
)

// impossible reports whether a line without its literals can't be of a program.
func impossible(line string) bool {
	if strings.HasPrefix(line, ">>>") || sentence.MatchString(line) || arrow.MatchString(line) && !returns.MatchString(line) {
		return true
	}
	before := ""
	for _, t := range token.FindAllString(line, -1) {
		if strings.ContainsAny(t, "$?`'\"") || t[0] >= 0x80 && !isWord(t) {
			return true
		}
		if isOperand(t) && isOperand(before) {
			return true
		}
		if before == "!" && t != "=" {
			return true
		}
		before = t
	}
	return before == "!"
}

// isRemark reports whether a line is a lone word, with a colon or without: no statement
// that does anything.
func isRemark(line string) bool {
	return remark.MatchString(line) && !keywords[strings.TrimSuffix(line, ":")]
}

// isOperand reports whether a token is a name or a number, two of which never stand
// beside each other.
func isOperand(t string) bool { return t != "" && isWord(t) && !keywords[t] }

func isWord(t string) bool {
	return isWordByte(t[0]) && (t[0] < 0x80 || word.MatchString(t))
}

var word = regexp.MustCompile(`^[\pL_][\pL\pN_]*$`)

// keywords are those of Python, the soft ones and the statements of Python 2 among them.
var keywords = func() map[string]bool {
	set := map[string]bool{}
	for _, k := range strings.Fields(`False None True and as assert async await break class continue def del elif else except finally for from
		global if import in is lambda nonlocal not or pass raise return try while with yield match case type print exec`) {
		set[k] = true
	}
	return set
}()
