package vllmsample

import (
	"regexp"
	"strings"
)

var fence = regexp.MustCompile("(?m)^[ \t]*```([A-Za-z0-9_+-]*)[ \t]*\r?\n")

// ExtractCode makes a program of a completion:
//
//  1. If the completion opens a fenced block (a line of three backticks and maybe
//     a language), the program is the content of the first one, up to its closing
//     line or the end.
//  2. Otherwise it is prefix followed by the completion, cut before a closing
//     fence, which a chat model writes when the prompt has opened the block.
//
// Nothing else is repaired: a candidate that doesn't compile should be seen as
// one. Raising the version of the node type goes with every change here.
func ExtractCode(prefix, completion string) string {
	if open := fence.FindStringIndex(completion); open != nil && opensBlock(prefix, completion, open[0]) {
		body := completion[open[1]:]
		if end := closing(body); end >= 0 {
			body = body[:end]
		}
		return body
	}
	if end := closing(completion); end >= 0 {
		completion = completion[:end]
	}
	return prefix + completion
}

// opensBlock tells an opening fence from the closing one of a block that the
// prompt began: an opening one names a language, or there is no prefix to close.
func opensBlock(prefix, completion string, at int) bool {
	line, _, _ := strings.Cut(completion[at:], "\n")
	return prefix == "" || strings.TrimSpace(line) != "```"
}

var closer = regexp.MustCompile("(?m)^[ \t]*```[ \t]*\r?$")

// closing returns where a closing fence begins, or -1.
func closing(text string) int {
	if at := closer.FindStringIndex(text); at != nil {
		return at[0]
	}
	return -1
}
