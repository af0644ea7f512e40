package digest

import "testing"

func FuzzParse(f *testing.F) {
	f.Add(Of(nil).String())
	f.Add("not a digest")
	f.Fuzz(func(t *testing.T, s string) {
		d, err := Parse(s)
		if err != nil {
			return
		}
		if again, err := Parse(d.String()); err != nil || again != d {
			t.Fatalf("Parse(%q) does not round-trip", s)
		}
	})
}
