package report

import (
	"bytes"
	"testing"
)

func TestVisible(t *testing.T) {
	for text, want := range map[string]string{
		"plain\ttext\n": "plain\ttext\n", "\x1b[2J": `\x1b[2J`, "a\rb": `a\x0db`, "\x07": `\x07`, "\u009b31m": `\x9b31m`, "\x7f": `\x7f`, "é 漢": "é 漢",
	} {
		if got := Visible(text); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
		var b bytes.Buffer
		if n, err := (VisibleWriter{&b}).Write([]byte(text)); b.String() != want || n != len(text) || err != nil {
			t.Errorf("%q: %q, %d, %v", text, b.String(), n, err)
		}
	}
}

func FuzzVisible(f *testing.F) {
	f.Add("\x1b]0;title\x07")
	f.Fuzz(func(t *testing.T, text string) {
		for _, r := range Visible(text) {
			if steers(r) {
				t.Fatalf("%q has %q", Visible(text), r)
			}
		}
	})
}
