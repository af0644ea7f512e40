package extractcode

import (
	"slices"
	"strings"
)

// choice is the code that was taken from blocks.
type choice struct {
	code   string
	blocks []block // that it is of, in their order
}

// candidates are the blocks that may be a program: those marked as Python, and those
// without a mark that look like it.
func candidates(blocks []block) []block {
	var list []block
	for _, b := range blocks {
		if strings.TrimSpace(b.code) != "" && (b.language == python || b.language == unmarked && looksLikePython(b.code)) {
			list = append(list, b)
		}
	}
	return list
}

// choose takes the code of a reply from its blocks. Where none looks like Python, the
// first that isn't marked as something else is taken.
func (x *Extractor) choose(blocks []block, entry string) choice {
	list := candidates(blocks)
	if len(list) == 0 {
		for _, b := range blocks {
			if b.language != foreign {
				return choice{b.code, []block{b}}
			}
		}
		return choice{}
	}
	switch x.block {
	case "first":
		return choice{list[0].code, list[:1]}
	case "last":
		return choice{list[len(list)-1].code, list[len(list)-1:]}
	case "longest":
		b := slices.MaxFunc(list, func(a, b block) int { return len(a.code) - len(b.code) })
		return choice{b.code, []block{b}}
	case "joined":
		return joined(list)
	default:
		return pick(list, entry, x.block == "entry_point")
	}
}

// pick takes the last block that defines the entry point, else, unless that is a must, the
// last that defines something, else the first, one that is marked before others; and with
// it those that define what it uses.
func pick(list []block, entry string, must bool) choice {
	all := make([]names, len(list))
	solution, defining := -1, -1
	for i, b := range list {
		all[i] = namesOf(b.code)
		if all[i].defines(entry) {
			solution = i
		}
		if len(all[i].own) > 0 {
			defining = i
		}
	}
	if solution < 0 && must {
		return choice{}
	}
	if solution < 0 {
		solution = defining
	}
	if solution < 0 {
		solution = max(0, slices.IndexFunc(list, func(b block) bool { return b.language == python }))
	}
	var parts []block
	for _, i := range needed(all, solution) {
		parts = append(parts, list[i])
	}
	return joined(parts)
}

// needed lists a block and those that define what it uses, and what they use, in their
// order. Of several that define a name it is the last before the one that uses it.
func needed(all []names, solution int) []int {
	definers := map[string][]int{}
	for i, n := range all {
		for name := range n.defined {
			definers[name] = append(definers[name], i)
		}
	}
	in := map[int]bool{solution: true}
	for todo := []int{solution}; len(todo) > 0; todo = todo[1:] {
		for name := range all[todo[0]].free {
			if i := definer(definers[name], todo[0]); i >= 0 && !in[i] && !all[solution].defined[name] {
				in[i] = true
				todo = append(todo, i)
			}
		}
	}
	var list []int
	for i := range all {
		if in[i] {
			list = append(list, i)
		}
	}
	return list
}

// definer returns the last of the blocks before one, else the first after it, or -1.
func definer(blocks []int, of int) int {
	switch at, _ := slices.BinarySearch(blocks, of); {
	case at > 0:
		return blocks[at-1]
	case len(blocks) > 0 && blocks[0] != of:
		return blocks[0]
	}
	return -1
}

// joined puts blocks together, each of which ends its line.
func joined(blocks []block) choice {
	var b strings.Builder
	for i, part := range blocks {
		b.WriteString(part.code)
		if i < len(blocks)-1 && !strings.HasSuffix(part.code, "\n") {
			b.WriteByte('\n')
		}
	}
	return choice{b.String(), blocks}
}
