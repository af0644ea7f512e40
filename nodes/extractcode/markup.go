package extractcode

import (
	"cmp"
	"regexp"
	"slices"
	"strings"
)

// reasoningTags are the pairs between which models reason. A model whose prompt opens
// its reasoning writes only the closing one.
var reasoningTags = [][]string{
	{"<think>", "</think>"}, {"<thinking>", "</thinking>"}, {"<thought>", "</thought>"}, {"<thoughts>", "</thoughts>"},
	{"<reasoning>", "</reasoning>"}, {"<reflection>", "</reflection>"}, {"<analysis>", "</analysis>"}, {"<scratchpad>", "</scratchpad>"},
	{"<seed:think>", "</seed:think>"}, {"[THINK]", "[/THINK]"}, {"◁think▷", "◁/think▷"},
	{"<|begin_of_thought|>", "<|end_of_thought|>"}, {"<|START_THINKING|>", "<|END_THINKING|>"}, {"<unused94>", "<unused95>"},
	{"<|channel|>analysis<|message|>", "<|channel|>final<|message|>"}, {"<|channel|>commentary<|message|>", "<|channel|>final<|message|>"},
	{"", "assistantfinal"}, // the same without its special tokens
}

// endTokens are those that end a reply, and those that begin the next turn.
var endTokens = []string{
	"<|endoftext|>", "<|end_of_text|>", "<|EOT|>", "<|eot_id|>", "<|eom_id|>", "<|im_end|>", "<|end|>", "<|return|>", "<|call|>",
	"</s>", "<eos>", "<end_of_turn>", "<｜end▁of▁sentence｜>", "<|end▁of▁sentence|>", "<|endofprompt|>", "<|endofturn|>", "<|END_OF_TURN_TOKEN|>",
	"<|file_sep|>", "<file_sep>", "<|file_separator|>", "<|fim_pad|>", "<fim_pad>", "<|fim_prefix|>", "<fim_prefix>", "<|repo_name|>", "<repo_name>", "<reponame>",
	"<|im_start|>", "<|start_header_id|>", "<start_of_turn>", "<|user|>", "<|system|>", "<|assistant|>", "<｜User｜>", "<｜Assistant｜>", "[INST]", "<|begin_of_text|>",
}

// delimiterTags are the pairs that enclose programs.
var delimiterTags = [][]string{
	{"[BEGIN]", "[DONE]"}, {"[PYTHON]", "[/PYTHON]"}, {"[ANSWER]", "[/ANSWER]"}, {"[CODE]", "[/CODE]"},
	{"<answer>", "</answer>"}, {"<code>", "</code>"}, {"<python>", "</python>"}, {"<solution>", "</solution>"},
	{"<|begin_of_solution|>", "<|end_of_solution|>"}, {"<|START_RESPONSE|>", "<|END_RESPONSE|>"},
}

// header is what a template puts before a reply.
var header = regexp.MustCompile(`^(?:\s*(?:<s>|<bos>|<\|begin_of_text\|>|<｜begin▁of▁sentence｜>|<｜Assistant｜>|<\|assistant\|>|<\|im_start\|>assistant|<\|start_header_id\|>assistant<\|end_header_id\|>|<start_of_turn>model|<\|start\|>assistant))+`)

// tags finds pairs of texts, whatever the case of their letters.
type tags struct {
	pairs   int
	pattern *regexp.Regexp
	opens   map[string][]int // in lower case, to the numbers of their pairs
	closes  map[string][]int
}

// tag is a place in a text where a tag is.
type tag struct {
	from, to      int
	opens, closes []int
}

func newTags(pairs [][]string) *tags {
	t := &tags{pairs: len(pairs), opens: map[string][]int{}, closes: map[string][]int{}}
	var all []string
	for i, pair := range pairs {
		for k, side := range []map[string][]int{t.opens, t.closes} {
			if k >= len(pair) || pair[k] == "" {
				continue
			}
			name := strings.ToLower(pair[k])
			side[name] = append(side[name], i)
			all = append(all, regexp.QuoteMeta(name))
		}
	}
	slices.SortFunc(all, func(a, b string) int { return cmp.Or(len(b)-len(a), strings.Compare(a, b)) })
	if len(all) > 0 {
		t.pattern = regexp.MustCompile("(?i)" + strings.Join(slices.Compact(all), "|"))
	}
	return t
}

// single makes pairs of which each has only its first text.
func single(texts []string) [][]string {
	if texts == nil {
		return nil
	}
	pairs := make([][]string, len(texts))
	for i, text := range texts {
		pairs[i] = []string{text}
	}
	return pairs
}

// in finds the tags of a text from a place on.
func (t *tags) in(text string, from int) []tag {
	if t.pattern == nil {
		return nil
	}
	var list []tag
	for _, at := range t.pattern.FindAllStringIndex(text[from:], -1) {
		name := strings.ToLower(text[from+at[0] : from+at[1]])
		list = append(list, tag{from + at[0], from + at[1], t.opens[name], t.closes[name]})
	}
	return list
}
