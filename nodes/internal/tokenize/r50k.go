package tokenize

import (
	"sync"

	"github.com/tiktoken-go/tokenizer/codec"
)

// r50kWords is the size of GPT-2's vocabulary, its end of text included. Marks come after it.
const r50kWords = 50257

// r50k makes the byte pairs of GPT-2 (Radford et al. 2019, section 2.2).
type r50k struct{ codec *codec.Codec }

// r50kCodec reads the vocabulary once, if somebody asks for it.
var r50kCodec = sync.OnceValue(codec.NewR50kBase)

func newR50k() r50k { return r50k{r50kCodec()} }

// Size implements Tokenizer.
func (r50k) Size() int { return r50kWords + 2 }

// Marks implements Tokenizer.
func (r50k) Marks() (int32, int32) { return r50kWords, r50kWords + 1 }

// Prompt implements Tokenizer.
func (r r50k) Prompt(text string) []int32 {
	pairs, _, err := r.codec.Encode(text)
	if err != nil {
		panic("tokenize: " + err.Error()) // of its regular expression, which has no limits
	}
	ids := make([]int32, len(pairs))
	for i, id := range pairs {
		ids[i] = int32(id)
	}
	return ids
}

// Code implements Tokenizer.
func (r r50k) Code(text string, _ []string) []int32 { return r.Prompt(text) }
