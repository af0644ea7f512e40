package digest

import (
	"reflect"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestParseInvertsString(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := Of(rapid.SliceOf(rapid.Byte()).Draw(t, "content"))
		got, err := Parse(d.String())
		if err != nil || got != d {
			t.Fatalf("Parse(%s) = %s, %v", d, got, err)
		}
	})
}

func TestParseRejects(t *testing.T) {
	for _, s := range []string{"", "ab", strings.Repeat("g", 64), strings.Repeat("a", 65)} {
		if _, err := Parse(s); err == nil {
			t.Errorf("Parse(%q) succeeded", s)
		}
	}
}

func field() *rapid.Generator[Field] {
	return rapid.Custom(func(t *rapid.T) Field {
		return Field{rapid.StringN(0, 3, -1).Draw(t, "label"), rapid.StringN(0, 3, -1).Draw(t, "value")}
	})
}

// Transcripts that differ must have different keys, wherever the boundaries
// between their fields lie.
func TestTranscriptIsInjective(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a := Transcript(rapid.SliceOfN(field(), 0, 4).Draw(t, "a"))
		b := Transcript(rapid.SliceOfN(field(), 0, 4).Draw(t, "b"))
		same := len(a) == len(b) && (len(a) == 0 || reflect.DeepEqual(a, b))
		if (a.Sum() == b.Sum()) != same {
			t.Fatalf("equal sums: %v, equal transcripts: %v", a.Sum() == b.Sum(), same)
		}
	})
}

func TestDiff(t *testing.T) {
	old := Transcript{{"type", "label"}, {"param.n", "50"}, {"param.gone", "1"}}
	now := Transcript{{"type", "label"}, {"param.n", "100"}, {"pin.python", "3.11"}}
	want := []Change{{"param.n", "50", "100"}, {"pin.python", "", "3.11"}, {"param.gone", "1", ""}}
	if got := now.Diff(old); !reflect.DeepEqual(got, want) {
		t.Errorf("Diff = %v, want %v", got, want)
	}
	if got := now.Diff(now); got != nil {
		t.Errorf("Diff with itself = %v", got)
	}
}
