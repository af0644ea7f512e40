package gomlxmodel

import (
	"hash/fnv"
	"math"
	"regexp"
	"strings"
)

// token is a lexical token of code or prose: a word, a number, a mark, or a line
// end with the indentation that follows it.
var token = regexp.MustCompile(`[A-Za-z_]\w*|\d+|\n[ \t]*|[^\w\s]`)

// tokens splits text. The indentation after a line end is kept as its depth in
// steps of four columns.
func tokens(text string) []string {
	found := token.FindAllString(text, -1)
	for i, t := range found {
		if t[0] == '\n' {
			depth := strings.Count(t, " ")/4 + strings.Count(t, "\t")
			found[i] = "\n" + strings.Repeat(">", min(depth, 8))
		}
	}
	return found
}

// Encode makes the input of a candidate: [CLS] prompt [SEP] code, each segment as the
// ids of its hashed 1- and 2-grams, padded with 0, and the surface of the code.
func (b Bag) Encode(prompt, code string) Input {
	words, lex := tokens(strings.ToLower(prompt)), tokens(code)
	in := Input{Prompt: make([]int32, b.PromptIDs), Code: make([]int32, b.CodeIDs)}
	b.grams(in.Prompt, "p", append([]string{"[CLS]"}, words...))
	in.Truncated = b.grams(in.Code, "c", append([]string{"[SEP]"}, lex...))
	in.Values = surface(words, code, lex)
	return in
}

// grams fills ids with the hashed 1- and 2-grams of a segment, in order, and
// reports whether some were left out.
func (b Bag) grams(ids []int32, segment string, toks []string) bool {
	n := 0
	add := func(gram string) {
		if n < len(ids) {
			ids[n] = b.bucket(segment + gram)
		}
		n++
	}
	for i, t := range toks {
		add(t)
		if i > 0 {
			add(toks[i-1] + "\x00" + t)
		}
	}
	return n > len(ids)
}

// bucket hashes a gram to an id from 1; 0 is padding.
func (b Bag) bucket(gram string) int32 {
	h := fnv.New32a()
	h.Write([]byte(gram))
	return int32(h.Sum32()%uint32(b.Vocabulary-1)) + 1
}

// surfaceSize is the number of values that surface returns.
const surfaceSize = 12

// surface measures what can be seen of code at a glance. Each value lies roughly
// between 0 and 2.
func surface(prompt []string, code string, toks []string) []float32 {
	count := map[string]int{}
	for _, t := range toks {
		count[t]++
	}
	lines := strings.Split(strings.TrimSpace(code), "\n")
	return []float32{
		logScale(len(toks), 5),
		logScale(len(lines), 3),
		logScale(longest(lines), 5),
		capped(count["return"], 3),
		capped(count["for"]+count["while"], 3),
		capped(count["if"], 4),
		capped(count["print"]+count["input"], 2),
		capped(count["import"], 2),
		capped(count["def"], 3),
		overlap(prompt, count),
		capped(abs(count["("]-count[")"])+abs(count["["]-count["]"]), 2),
		repetition(lines),
	}
}

func logScale(n int, scale float64) float32 { return float32(math.Log1p(float64(n)) / scale) }

func capped(n, limit int) float32 { return float32(min(n, limit)) / float32(limit) }

func abs(n int) int { return max(n, -n) }

func longest(lines []string) int {
	n := 0
	for _, l := range lines {
		n = max(n, len(l))
	}
	return n
}

// overlap is the share of the prompt's words that the code uses.
func overlap(prompt []string, count map[string]int) float32 {
	both := 0
	for _, w := range prompt {
		if count[w] > 0 {
			both++
		}
	}
	return float32(both) / float32(max(len(prompt), 1))
}

// repetition is the share of lines that stand more than once.
func repetition(lines []string) float32 {
	seen := map[string]bool{}
	again := 0
	for _, l := range lines {
		if seen[l] {
			again++
		}
		seen[l] = true
	}
	return float32(again) / float32(len(lines))
}
