package report

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"unicode"
)

// Visible returns a text with its control characters written out, but for the ends of lines
// and tabs: what a program or a server wrote isn't to steer the terminal that shows it.
func Visible(text string) string {
	if strings.IndexFunc(text, steers) < 0 {
		return text
	}
	var b strings.Builder
	for _, r := range text {
		if steers(r) {
			fmt.Fprintf(&b, `\x%02x`, r)
			continue
		}
		b.WriteRune(r)
	}
	return b.String()
}

// steers reports whether a terminal may act on a character instead of showing it.
func steers(r rune) bool { return unicode.IsControl(r) && r != '\n' && r != '\t' }

// VisibleWriter passes on what it is given with control characters written out.
type VisibleWriter struct{ W io.Writer }

// Write implements io.Writer.
func (v VisibleWriter) Write(p []byte) (int, error) {
	if bytes.IndexFunc(p, steers) < 0 {
		return v.W.Write(p)
	}
	if _, err := io.WriteString(v.W, Visible(string(p))); err != nil {
		return 0, err
	}
	return len(p), nil
}
