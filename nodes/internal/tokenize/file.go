package tokenize

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// wordPiece is what a tokenizer.json of BERT's kind describes (Devlin et al. 2019, appendix
// A; Wu et al. 2016, section 4.1): words and marks, each cut into the longest pieces that
// are in a vocabulary.
type wordPiece struct {
	ids              map[string]int32
	size             int
	cls, sep, unk    int32
	prefix           string // of pieces that continue a word
	longest          int    // runes of a word that is cut; longer ones are unknown
	lower, strip     bool   // letters are made small, accents are taken away
	clean, separates bool   // control characters are taken away, Chinese characters are words
}

// tokenizerJSON is what is read of a tokenizer.json.
type tokenizerJSON struct {
	Normalizer *struct {
		Type     string `json:"type"`
		Clean    bool   `json:"clean_text"`
		Chinese  bool   `json:"handle_chinese_chars"`
		Accents  *bool  `json:"strip_accents"` // null: as lowercase
		Lowering bool   `json:"lowercase"`
	} `json:"normalizer"`
	PreTokenizer *struct {
		Type string `json:"type"`
	} `json:"pre_tokenizer"`
	Model struct {
		Type       string           `json:"type"`
		Unknown    string           `json:"unk_token"`
		Prefix     string           `json:"continuing_subword_prefix"`
		Longest    int              `json:"max_input_chars_per_word"`
		Vocabulary map[string]int64 `json:"vocab"`
	} `json:"model"`
}

func newFile(content []byte) (*wordPiece, error) {
	if len(content) == 0 {
		return nil, fmt.Errorf("there is no tokenizer.json: put it beside the weights, or name it (tokenizer_file)")
	}
	var f tokenizerJSON
	if err := json.Unmarshal(content, &f); err != nil {
		return nil, fmt.Errorf("this tokenizer.json isn't understood: %w", err)
	}
	if f.Model.Type != "WordPiece" || f.Normalizer == nil || f.Normalizer.Type != "BertNormalizer" || f.PreTokenizer == nil || f.PreTokenizer.Type != "BertPreTokenizer" {
		return nil, fmt.Errorf("this tokenizer.json has the model %q; those of BERT are read: WordPiece with BertNormalizer and BertPreTokenizer", f.Model.Type)
	}
	w := &wordPiece{
		ids: map[string]int32{}, prefix: f.Model.Prefix, longest: f.Model.Longest,
		lower: f.Normalizer.Lowering, strip: f.Normalizer.Lowering, clean: f.Normalizer.Clean, separates: f.Normalizer.Chinese,
	}
	if f.Normalizer.Accents != nil {
		w.strip = *f.Normalizer.Accents
	}
	for piece, id := range f.Model.Vocabulary {
		if id < 0 || id >= math.MaxInt32 {
			return nil, fmt.Errorf("this tokenizer.json gives %q the id %d", piece, id)
		}
		w.ids[piece] = int32(id)
		w.size = max(w.size, int(id)+1)
	}
	return w, w.findMarks(f.Model.Unknown)
}

func (w *wordPiece) findMarks(unknown string) error {
	for name, id := range map[string]*int32{"[CLS]": &w.cls, "[SEP]": &w.sep, unknown: &w.unk} {
		found, ok := w.ids[name]
		if !ok {
			return fmt.Errorf("the vocabulary of this tokenizer.json lacks %q", name)
		}
		*id = found
	}
	return nil
}

// Size implements Tokenizer.
func (w *wordPiece) Size() int { return w.size }

// Marks implements Tokenizer.
func (w *wordPiece) Marks() (int32, int32) { return w.cls, w.sep }

// Code implements Tokenizer.
func (w *wordPiece) Code(text string, _ []string) []int32 { return w.Prompt(text) }

// Prompt implements Tokenizer.
func (w *wordPiece) Prompt(text string) []int32 {
	ids := []int32{}
	for _, word := range w.words(w.normal(text)) {
		ids = append(ids, w.pieces(word)...)
	}
	return ids
}

// normal is the text as the vocabulary spells it.
func (w *wordPiece) normal(text string) string {
	if w.clean {
		text = strings.Map(cleaned, text)
	}
	if w.strip {
		text = strings.Map(func(r rune) rune {
			if unicode.Is(unicode.Mn, r) {
				return -1
			}
			return r
		}, norm.NFD.String(text))
	}
	if w.lower {
		text = strings.ToLower(text)
	}
	return text
}

// cleaned is a blank for each kind of space, and nothing for control characters.
func cleaned(r rune) rune {
	switch {
	case unicode.IsSpace(r):
		return ' '
	case r == 0 || r == unicode.ReplacementChar || unicode.In(r, unicode.Cc, unicode.Cf, unicode.Co):
		return -1
	}
	return r
}

// words are what spaces divide, marks being words of their own.
func (w *wordPiece) words(text string) []string {
	var words []string
	start := -1
	end := func(at int) {
		if start >= 0 {
			words = append(words, text[start:at])
		}
		start = -1
	}
	for i, r := range text {
		switch {
		case unicode.IsSpace(r):
			end(i)
		case isMark(r) || w.separates && isChinese(r):
			end(i)
			words = append(words, string(r))
		case start < 0:
			start = i
		}
	}
	end(len(text))
	return words
}

// isMark is what BERT takes for punctuation: all of ASCII that is no letter, and Unicode's.
func isMark(r rune) bool {
	ascii := r >= '!' && r <= '/' || r >= ':' && r <= '@' || r >= '[' && r <= '`' || r >= '{' && r <= '~'
	return ascii || unicode.IsPunct(r)
}

// isChinese is BERT's choice of blocks.
func isChinese(r rune) bool {
	return r >= 0x4E00 && r <= 0x9FFF || r >= 0x3400 && r <= 0x4DBF || r >= 0x20000 && r <= 0x2A6DF || r >= 0x2A700 && r <= 0x2B73F ||
		r >= 0x2B740 && r <= 0x2B81F || r >= 0x2B920 && r <= 0x2CEAF || r >= 0xF900 && r <= 0xFAFF || r >= 0x2F800 && r <= 0x2FA1F
}

// pieces cuts a word, always as far to the right as a piece goes. A word of which some part
// is no piece is unknown.
func (w *wordPiece) pieces(word string) []int32 {
	runes := []rune(word)
	if len(runes) > w.longest {
		return []int32{w.unk}
	}
	var ids []int32
	for start := 0; start < len(runes); {
		end, id := w.longestPiece(runes, start)
		if end == start {
			return []int32{w.unk}
		}
		ids, start = append(ids, id), end
	}
	return slices.Clip(ids)
}

func (w *wordPiece) longestPiece(runes []rune, start int) (end int, id int32) {
	prefix := ""
	if start > 0 {
		prefix = w.prefix
	}
	for end := len(runes); end > start; end-- {
		if id, ok := w.ids[prefix+string(runes[start:end])]; ok {
			return end, id
		}
	}
	return start, 0
}
