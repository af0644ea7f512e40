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

// findDuplicates compares every pair of problems of different splits.
func findDuplicates(problems []problem) []duplicate {
	texts, words := make([]string, len(problems)), make([]map[string]bool, len(problems))
	for i, q := range problems {
		texts[i] = normalise(q.Prompt)
		words[i] = contentWords(texts[i])
	}
	var out []duplicate
	for i, a := range problems {
		for j := i + 1; j < len(problems); j++ {
			b := problems[j]
			if a.Split == b.Split || !alikeInSize(len(words[i]), len(words[j])) {
				continue
			}
			exact, similarity := texts[i] == texts[j], jaccard(words[i], words[j])
			if exact || similarity >= nearlySame {
				out = append(out, duplicate{a.ID, a.Split, b.ID, b.Split, similarity, exact})
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
