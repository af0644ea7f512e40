package engine_test

import (
	"strings"
	"testing"
	"time"
)

// BenchmarkOverlap runs a generator and a sandbox that take the same time, each alone
// in turn (the second waits for the first to end) and as neighbours that stream. The
// ratio of streamed to apart is near one half if they overlap.
func BenchmarkOverlap(b *testing.B) {
	text := strings.Replace(strings.Split(chain, "  labels:")[0], "to: 200", "to: 400", 1) + "pools: {default: 4}\n"
	for name, text := range map[string]string{
		"streamed": text,
		"apart":    strings.ReplaceAll(text, "{type: step", "{type: step, timeout: 1h"),
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				m := newMill()
				m.hook = func(string, int64) error {
					time.Sleep(10 * time.Millisecond) // a row of work
					return nil
				}
				if _, err := execute(b, m.engine(b.TempDir()), text); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
