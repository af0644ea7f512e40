package degenerate

import (
	"math/rand/v2"
	"slices"
	"strings"
)

// forms break code, given its lines without the empty ones at the ends.
var forms = []struct {
	name string
	of   func(lines []string, rng *rand.Rand) []string
}{
	{"looped", looped},
	{"empty", func(lines []string, _ *rand.Rand) []string { return emptied(lines) }},
	{"truncated", truncated},
	{"shuffled", shuffled},
	{"repeated", func(lines []string, _ *rand.Rand) []string { return slices.Concat(lines, lines) }},
}

func names() []string {
	list := make([]string, len(forms))
	for i, f := range forms {
		list[i] = f.name
	}
	return list
}

// degrade makes a version of code.
func degrade(form, code string, rng *rand.Rand) string {
	lines := strings.Split(strings.Trim(code, "\n"), "\n")
	for _, f := range forms {
		if f.name == form {
			return strings.Join(f.of(lines, rng), "\n") + "\n"
		}
	}
	panic("degenerate: no form is named " + form)
}

// head is the code up to the end of the first function's signature, which may go over
// several lines; without a function it is the first line.
func head(lines []string) []string {
	at := slices.IndexFunc(lines, func(l string) bool { return strings.HasPrefix(strings.TrimSpace(l), "def ") })
	if at < 0 {
		return slices.Clone(lines[:1])
	}
	open := 0
	for i, line := range lines[at:] {
		for j, r := range line {
			switch {
			case strings.ContainsRune("([{", r):
				open++
			case strings.ContainsRune(")]}", r):
				open--
			case r == ':' && open == 0:
				return append(slices.Clone(lines[:at+i]), line[:j+1])
			}
		}
	}
	return slices.Clone(lines[:at+1])
}

// emptied has pass for the body of the first function, and nothing after it.
func emptied(lines []string) []string {
	kept := head(lines)
	def := slices.IndexFunc(kept, func(l string) bool { return strings.HasPrefix(strings.TrimSpace(l), "def ") })
	if def < 0 {
		return []string{"pass"}
	}
	indent := kept[def][:len(kept[def])-len(strings.TrimLeft(kept[def], " \t"))]
	return append(kept, indent+"    pass")
}

// looped repeats a line, as a language model does that is caught in a loop.
func looped(lines []string, rng *rand.Rand) []string {
	at := rng.IntN(len(lines))
	return slices.Concat(lines[:at], slices.Repeat(lines[at:at+1], 20))
}

// truncated cuts code after between a fifth and four fifths of it.
func truncated(lines []string, rng *rand.Rand) []string {
	runes := []rune(strings.Join(lines, "\n"))
	return []string{string(runes[:len(runes)/5+rng.IntN(max(1, 3*len(runes)/5))])}
}

// shuffled puts the lines after the signature in another order.
func shuffled(lines []string, rng *rand.Rand) []string {
	start := head(lines)
	body := slices.Clone(lines[len(start):])
	rng.Shuffle(len(body), func(i, j int) { body[i], body[j] = body[j], body[i] })
	return append(start, body...)
}
