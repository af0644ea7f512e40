package dataset

import (
	"regexp"
	"strings"
)

// nearlySame is the Jaccard similarity of content words from which two prompts
// count as near duplicates.
const nearlySame = 0.8

// duplicate is a pair of problems of different splits with like prompts.
type duplicate struct {
	A          string  `arrow:"problem_a"`
	SplitA     string  `arrow:"split_a"`
	B          string  `arrow:"problem_b"`
	SplitB     string  `arrow:"split_b"`
	Similarity float64 `arrow:"similarity"` // Jaccard of content words, 0 to 1
	Exact      bool    `arrow:"exact"`      // the same words in the same order
}

// comparison compares every pair of problems of different splits. Problems without
// a split are not held.
type comparison struct {
	seen     map[string]bool // problem ids
	problems []compared
	splits   map[string]bool
}

// compared is what is held of a problem.
type compared struct {
	id, split, text string
	words           map[string]bool
}

func newComparison() comparison {
	return comparison{seen: map[string]bool{}, splits: map[string]bool{}}
}

func (c *comparison) add(q problem) {
	if q.Split == "" || c.seen[q.ID] {
		return
	}
	c.seen[q.ID], c.splits[q.Split] = true, true
	text := normalise(q.Prompt)
	c.problems = append(c.problems, compared{q.ID, q.Split, text, contentWords(text)})
}

func (c *comparison) duplicates() []duplicate {
	if len(c.splits) < 2 {
		return nil
	}
	var out []duplicate
	for i, a := range c.problems {
		for _, b := range c.problems[i+1:] {
			if a.split == b.split || !alikeInSize(len(a.words), len(b.words)) {
				continue
			}
			exact, similarity := a.text == b.text, jaccard(a.words, b.words)
			if exact || similarity >= nearlySame {
				out = append(out, duplicate{a.id, a.split, b.id, b.split, similarity, exact})
			}
		}
	}
	return out
}

// alikeInSize reports whether sets of those sizes can be nearly the same.
func alikeInSize(a, b int) bool {
	return float64(min(a, b)) >= nearlySame*float64(max(a, b))
}

var word = regexp.MustCompile(`[a-z0-9_]+`)

// normalise reduces a prompt to its words.
func normalise(prompt string) string {
	return strings.Join(word.FindAllString(strings.ToLower(prompt), -1), " ")
}

// stopWords say nothing about what a problem asks for.
var stopWords = setOf("write a an the function python program to of in on for from with and or is are that which given using by find check whether it its")

func setOf(text string) map[string]bool {
	set := map[string]bool{}
	for _, w := range strings.Fields(text) {
		set[w] = true
	}
	return set
}

func contentWords(text string) map[string]bool {
	set := setOf(text)
	for w := range stopWords {
		delete(set, w)
	}
	return set
}

// jaccard is |a and b| / |a or b|, 1 for two empty sets.
func jaccard(a, b map[string]bool) float64 {
	both := 0
	for w := range a {
		if b[w] {
			both++
		}
	}
	either := len(a) + len(b) - both
	if either == 0 {
		return 1
	}
	return float64(both) / float64(either)
}
