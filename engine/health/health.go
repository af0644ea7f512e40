// Package health is the form in which checks of a machine tell what they found.
package health

import (
	"fmt"
	"io"
)

// Finding is what one check found.
type Finding struct {
	Name   string
	OK     bool
	Text   string
	Advice string // what to do, if it isn't OK
}

// Print writes findings, one a line, with what to do about those that aren't OK.
func Print(w io.Writer, findings []Finding) {
	for _, f := range findings {
		mark := "ok  "
		if !f.OK {
			mark = "no  "
		}
		fmt.Fprintf(w, "%s%s: %s\n", mark, f.Name, f.Text)
		if !f.OK && f.Advice != "" {
			fmt.Fprintf(w, "      %s\n", f.Advice)
		}
	}
}
