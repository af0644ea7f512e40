// Package sandbox runs candidates apart from the machine and from each other, and
// has a judge that they can't reach say how that ended.
//
// A worker is a Python process that became a judge, which holds the tests, a fork server,
// which forks a process for each candidate, and a warden, which ends what is left of it.
// A Runtime says where workers run.
// docs/SANDBOX.md describes what protects whom from what.
package sandbox

import (
	"encoding/json"
	"fmt"
	"slices"

	"github.com/ouroflow/ouroflow/nodes/internal/verdict"
)

// Limits bound what a candidate may use.
type Limits struct {
	CPU       int // seconds of CPU time of each of its processes
	Wall      int // seconds of wall time, not counting those in which it was kept from a processor
	Memory    int // MiB of address space of each of its processes
	Output    int // KiB written to standard output, or to any one file
	Processes int // processes and threads
}

// The forms of tests.
const (
	Asserts   = "asserts"   // each test is statements, asserts among them
	Functions = "functions" // each test is a module with functions test_*, or test cases of unittest
	Program   = "program"   // each test is {"input": ..., "output": ...}: what a program reads and prints
)

// formSuspect is that of a question: what a candidate's text says about it.
const formSuspect = "suspect"

// formAlike is that of a question: which programs are equal but for names of variables.
const formAlike = "alike"

// formExamine is that of a question: what can be seen of tests without a candidate.
const formExamine = "examine"

// formTool is that of a program of ouroflow's own, whose output is wanted.
const formTool = "tool"

// Job is a candidate to run.
type Job struct {
	Code      string   `json:"code"`
	Tests     []string `json:"tests"`
	Setup     string   `json:"setup"`
	Form      string   `json:"form"`
	InProcess bool     `json:"in_process"` // run the tests in the candidate's process
	// SeparateOnly leaves what can't be judged at a distance without a verdict.
	SeparateOnly bool    `json:"separate_only"`
	Compare      Compare `json:"compare"` // of the output of a program
	Checker      string  `json:"checker"` // program that says whether an output is right; empty: it is compared
	CPU          int     `json:"cpu_s"`   // seconds of CPU time; 0: what Limits say
	Wall         int     `json:"wall_s"`  // seconds of wall time; 0: what Limits say
	Apart        bool    `json:"apart"`   // a correct program is judged with its tests held apart
	Input        string  `json:"input"`   // standard input of a tool
	Clock        *int64  `json:"clock"`   // seconds since 1970 that all clocks show; nil: the time
}

// Compare says when the output of a program is what is wanted.
type Compare struct {
	Space    string  `json:"space"`    // lines, words or exact
	Absolute float64 `json:"absolute"` // how far a number may be from the wanted one
	Relative float64 `json:"relative"` // the same, as a share of the wanted one
}

// The rules for white space of a Compare.
const (
	Lines = "lines" // at the ends of lines, and empty lines at the end, don't count
	Words = "words" // none counts but as what is between words
	Exact = "exact" // all counts
)

// The ways in which tests are run.
const (
	Separate  = "separate"   // by the judge: the candidate sees no test
	InProcess = "in_process" // in the candidate's process, where it could forge a pass
)

// Verdict says how a candidate ended.
type Verdict struct {
	Verdict     string  `json:"verdict"`
	Exception   string  `json:"exception"` // type of the exception that ended it
	Message     string  `json:"message"`
	TestsPassed int64   `json:"tests_passed"`
	TestsTotal  int64   `json:"tests_total"`
	FailedTest  *int64  `json:"failed_test"` // counted from 0
	FailedLine  *int64  `json:"failed_line"` // in the test, counted from 1
	Judged      string  `json:"judged"`
	Reason      string  `json:"judged_reason"` // why it was judged in process
	Suspect     string  `json:"suspect"`       // sign that it games the tests, or is no attempt
	Stdout      string  `json:"output_sha256"`
	CPU         float64 `json:"cpu_ms"`
	Wall        float64 `json:"wall_ms"`
	MaxRSS      int64   `json:"max_rss_kb"`
	Starved     int64   `json:"starved_ms"` // ready to run, but without a processor
	Late        bool    `json:"late"`       // wall time ran out, not CPU time
	Output      string  `json:"output"`     // of a tool
	Placed      bool    `json:"placed"`     // what it says names places in the text of the candidate
	Attempts    int64   `json:"-"`
}

// starvedShare is from which part of its wall time on a candidate that had no
// processor ran on an overloaded machine. Workers as many as processors wait for one
// now and then, since judges need it, too.
const starvedShare = 0.5

// doubtful reports whether a timeout may be the machine's doing.
func (v *Verdict) doubtful() bool {
	return v.Verdict == verdict.Timeout && v.Late && float64(v.Starved) > starvedShare*v.Wall
}

// starvedOut is the part of its wall time without a processor from which on a candidate
// ran out of all the time that a worker adds for that.
const starvedOut = 0.85

// unknown reports whether a timeout says nothing of the candidate.
func (v *Verdict) unknown() bool {
	return v.Verdict == verdict.Timeout && v.Late && float64(v.Starved) > starvedOut*v.Wall
}

// message is what a worker writes: its greeting, a verdict, or a fault.
type message struct {
	Fault       string   `json:"fault"`
	Protections []string `json:"protections"`
	Verdict
}

// parse reads a line of a worker.
func parse(line []byte) (message, error) {
	var m message
	if err := json.Unmarshal(line, &m); err != nil {
		return m, fmt.Errorf("the sandbox worker said something that isn't JSON: %w", err)
	}
	if m.Fault != "" {
		return m, fmt.Errorf("the sandbox worker reports: %s", m.Fault)
	}
	return m, nil
}

func parseVerdict(line []byte) (Verdict, error) {
	m, err := parse(line)
	if err == nil && m.Verdict.Verdict != verdict.Unsupported && !slices.Contains(verdict.All(), m.Verdict.Verdict) {
		err = fmt.Errorf("the sandbox worker gave the unknown verdict %q", m.Verdict.Verdict)
	}
	return m.Verdict, err
}
