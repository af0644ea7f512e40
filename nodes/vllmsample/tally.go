package vllmsample

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"
)

// tally adds up what the log says at the end, and knows when the last sample came.
type tally struct {
	start time.Time

	mu       sync.Mutex
	reasons  map[string]int
	tokens   int64
	latency  []time.Duration // of requests
	firsts   []time.Duration // times to the first token, of those that were streamed
	lastDone time.Time
}

func newTally() *tally { return &tally{start: time.Now(), reasons: map[string]int{}} }

func (t *tally) sample(c completion) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.reasons[c.reason]++
	if c.tokens != nil {
		t.tokens += *c.tokens
	}
	t.lastDone = time.Now()
}

// idle is how long there has been no sample, of any request, since a time.
func (t *tally) idle(since time.Time) time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.lastDone.After(since) {
		since = t.lastDone
	}
	return time.Since(since)
}

func (t *tally) request(latency, first time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.latency = append(t.latency, latency)
	if first > 0 {
		t.firsts = append(t.firsts, first)
	}
}

func (t *tally) report(logf func(string, ...any)) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.latency) == 0 {
		return
	}
	took := t.lastDone.Sub(t.start)
	logf("%d requests in %s, %d tokens, %.1f tokens/s; a request took %s", len(t.latency), took.Round(time.Millisecond), t.tokens, float64(t.tokens)/took.Seconds(), quantiles(t.latency))
	if len(t.firsts) > 0 {
		logf("time to the first token: %s", quantiles(t.firsts))
	}
	logf("samples by finish_reason: %s", t.reasonList())
	if cut := t.reasons["length"]; cut > 0 {
		logf("%d samples were cut off at max_tokens or at the end of the context", cut)
	}
}

func (t *tally) reasonList() string {
	var parts []string
	for _, reason := range slices.Sorted(maps.Keys(t.reasons)) {
		parts = append(parts, fmt.Sprintf("%s %d", reason, t.reasons[reason]))
	}
	return strings.Join(parts, ", ")
}

func quantiles(list []time.Duration) string {
	sorted := slices.Sorted(slices.Values(list))
	at := func(q float64) time.Duration {
		return sorted[int(q*float64(len(sorted)-1))].Round(time.Millisecond)
	}
	return fmt.Sprintf("%s at the median, %s at the 99th percentile", at(.5), at(.99))
}
