package spec

import (
	"bytes"
	"regexp"
	"slices"
)

// Lines are a part of a file: from the line First on, the first of the file being 1, up
// to but without the line After.
type Lines struct{ First, After int }

// keepsBreaks finds block scalars that the empty lines after them belong to.
var keepsBreaks = regexp.MustCompile(`[|>][0-9]?\+`)

// nodeLines returns the lines of each node of a file that has them for itself: no other
// key is on them, nothing comes from elsewhere by an alias or can go elsewhere by an
// anchor, no comma or bracket around them belongs to it, and it doesn't change with what
// follows. root is the document as it was read, nothing applied to it.
func nodeLines(root *Value, content []byte) map[string]Lines {
	nodes := root.Get("nodes")
	if nodes == nil || nodes.Kind != Map || nodes.flow || nodes.anchor || root.flow {
		return nil
	}
	lines := splitLines(content)
	starts := []int{len(lines) + 1}
	for _, e := range slices.Concat(root.Map, nodes.Map) {
		starts = append(starts, e.Pos.Line)
	}
	slices.Sort(starts)
	found := map[string]Lines{}
	for _, e := range nodes.Map {
		i, _ := slices.BinarySearch(starts, e.Pos.Line)
		if i+1 == len(starts) || starts[i+1] == e.Pos.Line {
			continue
		}
		own := Lines{e.Pos.Line, starts[i+1]}
		if own.hold(e.Value) && !slices.ContainsFunc(own.of(lines), keepsBreaks.Match) {
			found[e.Key] = own
		}
	}
	return found
}

// hold reports whether a value and all in it is on these lines, and only there.
func (l Lines) hold(v *Value) bool {
	if v.anchor || v.Pos.Line < l.First || v.Pos.Line >= l.After {
		return false
	}
	return !slices.ContainsFunc(v.List, func(item *Value) bool { return !l.hold(item) }) &&
		!slices.ContainsFunc(v.Map, func(e Entry) bool { return !l.hold(e.Value) })
}

// of returns those of the lines of a file that l is about, as far as there are.
func (l Lines) of(file [][]byte) [][]byte {
	return file[min(max(l.First-1, 0), len(file)):min(max(l.After-1, 0), len(file))]
}

func splitLines(content []byte) [][]byte { return bytes.SplitAfter(content, []byte("\n")) }

// Cut returns parts of the content of a file.
func Cut(content []byte, parts []Lines) [][]byte {
	lines := splitLines(content)
	out := make([][]byte, len(parts))
	for i, part := range parts {
		out[i] = bytes.Join(part.of(lines), nil)
	}
	return out
}

// Blank returns the content of a file with some of its lines empty, so that the others
// keep their places.
func Blank(content []byte, parts []Lines) []byte {
	lines := splitLines(content)
	for _, part := range parts {
		own := part.of(lines)
		for i, line := range own {
			own[i] = line[len(bytes.TrimRight(line, "\r\n")):]
		}
	}
	return bytes.Join(lines, nil)
}
