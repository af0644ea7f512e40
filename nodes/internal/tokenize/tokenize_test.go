package tokenize

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// What every program shares has an id of its own; other tokens share those that are left.
func TestPython(t *testing.T) {
	p, err := New(Python, 300, nil)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[int32]string{}
	for _, token := range reserved {
		id := p.Code("", []string{token})[0]
		if seen[id] != "" || int(id) >= p.Size() {
			t.Errorf("%q has the id %d, as %q", token, id, seen[id])
		}
		seen[id] = token
	}
	for i := range 1000 {
		if id := p.Code("", []string{fmt.Sprint("name", i)})[0]; seen[id] != "" || int(id) >= p.Size() || id < firstWord {
			t.Errorf("a name has the id %d, as %q", id, seen[id])
		}
	}
	inTest, inCode := p.Prompt("assert f('a b') == x"), p.Code("", []string{"assert", "f", "(", "'a b'", ")", "==", "x"})
	if !slices.Equal(inTest, inCode) {
		t.Errorf("a test has the ids %v, as code %v", inTest, inCode)
	}
	if _, err := New(Python, 100, nil); err == nil {
		t.Error("a vocabulary without room for names was accepted")
	}
}

// The ids are those of OpenAI's tiktoken for r50k_base.
func TestR50k(t *testing.T) {
	r, err := New(R50k, 0, nil)
	if err != nil {
		t.Fatal(err)
	}
	want := []int32{4299, 318, 62, 482, 7, 87, 2599, 198, 220, 220, 220, 1441, 23243, 7, 87, 8}
	if got := r.Code("def is_ok(x):\n    return sorted(x)", nil); !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	if cls, sep := r.Marks(); cls == sep || int(max(cls, sep)) >= r.Size() || cls < r50kWords {
		t.Errorf("marks %d and %d of %d", cls, sep, r.Size())
	}
}

// wordPieceJSON is a tokenizer.json like BERT's.
const wordPieceJSON = `{
	"version": "1.0", "truncation": null,
	"padding": {"strategy": {"Fixed": 128}, "direction": "Right", "pad_to_multiple_of": null, "pad_id": 0, "pad_type_id": 0, "pad_token": "[PAD]"},
	"added_tokens": [{"id": 1, "content": "[CLS]", "single_word": false, "lstrip": false, "rstrip": false, "normalized": false, "special": true},
		{"id": 2, "content": "[SEP]", "single_word": false, "lstrip": false, "rstrip": false, "normalized": false, "special": true}],
	"normalizer": {"type": "BertNormalizer", "clean_text": true, "handle_chinese_chars": true, "strip_accents": null, "lowercase": true},
	"pre_tokenizer": {"type": "BertPreTokenizer"}, "post_processor": null, "decoder": {"type": "WordPiece", "prefix": "##", "cleanup": true},
	"model": {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##", "max_input_chars_per_word": 100,
		"vocab": {"[PAD]": 0, "[CLS]": 1, "[SEP]": 2, "[UNK]": 3, "return": 4, "x": 5, "##s": 6, "(": 7}}
}`

func TestFile(t *testing.T) {
	f, err := New(File, 0, []byte(wordPieceJSON))
	if err != nil {
		t.Fatal(err)
	}
	if got := f.Code("Return xs(", nil); !slices.Equal(got, []int32{4, 5, 6, 7}) {
		t.Errorf("%v: neither padded nor marked is what is wanted", got)
	}
	if got := f.Code("ÉX\u0301s\u200b y", nil); !slices.Equal(got, []int32{3, 3}) {
		t.Errorf("unknown words: %v", got)
	}
	if got := f.Code("X\u0301s\u200b x\x00s", nil); !slices.Equal(got, []int32{5, 6, 5, 6}) {
		t.Errorf("accents and what can't be seen: %v", got)
	}
	if cls, sep := f.Marks(); cls != 1 || sep != 2 {
		t.Errorf("marks %d and %d", cls, sep)
	}
	for _, bad := range []string{"", "x", "{}", "null", `{"model": {"type": "Odd"}}`,
		strings.Replace(wordPieceJSON, `"(": 7`, `"(": -7`, 1), strings.Replace(wordPieceJSON, `"[UNK]": 3,`, "", 1), strings.Replace(wordPieceJSON, "BertNorm", "Norm", 1)} {
		if _, err := New(File, 0, []byte(bad)); err == nil {
			t.Errorf("%q was accepted", bad)
		}
	}
}

func FuzzFile(f *testing.F) {
	f.Add([]byte(wordPieceJSON), "return x")
	f.Fuzz(func(t *testing.T, content []byte, text string) {
		tokenizer, err := New(File, 0, content)
		if err != nil {
			return
		}
		for _, id := range tokenizer.Prompt(text) {
			if id < 0 || int(id) >= tokenizer.Size() {
				t.Errorf("id %d", id)
			}
		}
	})
}
