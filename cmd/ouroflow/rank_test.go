package main

import (
	"math"
	"strings"
	"testing"
)

// Rows of a table of samples are candidates with the log-probability that their
// generator gave them.
func TestReadLines(t *testing.T) {
	got, err := readLines("f.jsonl", []byte(`{"code": "a", "logprob_sum": -6, "logprob_tokens": 3.0}

{"completion": "b", "logprob_sum": null}
{"code": "c", "completion": "d", "logprob_sum": -1, "logprob_tokens": 0}`))
	if err != nil || len(got) != 3 {
		t.Fatalf("%v, %v", got, err)
	}
	for i, want := range []candidate{{"a", "f.jsonl:1", -2}, {"b", "f.jsonl:3", math.NaN()}, {"c", "f.jsonl:4", math.NaN()}} {
		if c := got[i]; c.Code != want.Code || c.From != want.From || c.Logprob != want.Logprob && !math.IsNaN(c.Logprob+want.Logprob) {
			t.Errorf("candidate %d is %v, want %v", i, c, want)
		}
	}
	for text, want := range map[string]string{`{"text": "a"}`: "f.jsonl:1: there is no field", "{": "f.jsonl:1: "} {
		if _, err := readLines("f.jsonl", []byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
}
