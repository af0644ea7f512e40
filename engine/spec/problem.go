package spec

import (
	"fmt"
	"slices"
	"strings"
)

// Problem is one thing that is wrong with a pipeline, and where.
type Problem struct {
	Pos  Pos
	Text string // what is wrong, and what to do
	line string // the source line at Pos
}

// Problems are all the problems of a pipeline, in the order of their places.
type Problems []Problem

// Error lists the problems, each with the source line it is about.
func (ps Problems) Error() string {
	var b strings.Builder
	for i, p := range ps {
		if i > 0 {
			b.WriteString("\n")
		}
		fmt.Fprintf(&b, "%s: %s", p.Pos, p.Text)
		if p.line != "" {
			line, col := window(p.line, p.Pos.Col)
			fmt.Fprintf(&b, "\n  %5d | %s\n        | %s^", p.Pos.Line, line, blank(line, col-1))
		}
	}
	return b.String()
}

// widest is how much of a source line is shown.
const widest = 160

// window cuts a long line to the part around a column, and tells the column's
// place in it.
func window(line string, col int) (string, int) {
	r := []rune(line)
	if len(r) <= widest {
		return line, col
	}
	start := max(0, min(col-widest/2, len(r)-widest))
	return string(r[start : start+widest]), col - start
}

// blank returns the white space that puts a mark under column n+1 of line.
func blank(line string, n int) string {
	var b strings.Builder
	for i, r := range []rune(line) {
		if i >= n {
			break
		}
		if r == '\t' {
			b.WriteRune('\t')
		} else {
			b.WriteByte(' ')
		}
	}
	return b.String()
}

// Collector gathers problems and knows the source lines of the files read.
type Collector struct {
	problems Problems
	lines    map[string][]string
}

// NewCollector returns an empty Collector.
func NewCollector() *Collector { return &Collector{lines: map[string][]string{}} }

// AddSource remembers the lines of a file, to show them under its problems.
func (c *Collector) AddSource(file string, content []byte) {
	c.lines[file] = strings.Split(string(content), "\n")
}

// Addf records a problem at pos.
func (c *Collector) Addf(pos Pos, format string, args ...any) {
	p := Problem{Pos: pos, Text: fmt.Sprintf(format, args...)}
	if lines := c.lines[pos.File]; pos.Line >= 1 && pos.Line <= len(lines) {
		p.line = strings.TrimRight(lines[pos.Line-1], "\r")
	}
	c.problems = append(c.problems, p)
}

// Err returns the problems found so far as a Problems error, or nil.
func (c *Collector) Err() error {
	if len(c.problems) == 0 {
		return nil
	}
	sorted := slices.Clone(c.problems)
	slices.SortStableFunc(sorted, func(a, b Problem) int {
		return comparePos(a.Pos, b.Pos)
	})
	return slices.Compact(sorted)
}

func comparePos(a, b Pos) int {
	if n := strings.Compare(a.File, b.File); n != 0 {
		return n
	}
	if a.Line != b.Line {
		return a.Line - b.Line
	}
	return a.Col - b.Col
}

// Nearest returns the known name that a mistyped one most likely means, as
// `; did you mean "x"?`, or else the list of known names.
func Nearest(name string, known []string) string {
	best, distance := "", len(name)/3+2
	for _, k := range known {
		if d := editDistance(name, k); d < distance {
			best, distance = k, d
		}
	}
	if best != "" {
		return fmt.Sprintf("; did you mean %q?", best)
	}
	if len(known) == 0 {
		return ""
	}
	known = slices.Clone(known)
	slices.Sort(known)
	return "; known: " + strings.Join(known, ", ")
}

// editDistance is the Levenshtein distance.
func editDistance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}

// Sub returns an empty collector over the same sources, for a part whose
// problems decide what else is worth saying.
func (c *Collector) Sub() *Collector { return &Collector{lines: c.lines} }

// Join takes over the problems of a Sub collector and reports whether it had any.
func (c *Collector) Join(sub *Collector) bool {
	c.problems = append(c.problems, sub.problems...)
	return len(sub.problems) > 0
}
