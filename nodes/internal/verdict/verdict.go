// Package verdict names the ways in which running a candidate can end.
package verdict

// The verdicts. Faults of the machine are no verdicts: they are never recorded.
const (
	Passed      = "passed"       // every test was seen to finish without an exception
	Failed      = "failed"       // an assert of a test was false
	Error       = "error"        // another exception, or an early exit
	SyntaxError = "syntax_error" // the candidate doesn't compile
	Timeout     = "timeout"      // CPU or wall time used up
	MemoryLimit = "memory_limit" // memory used up
	OutputLimit = "output_limit" // it wrote more than it may
	Killed      = "killed"       // it died of a signal that no limit explains
)

// What stands in the place of a verdict where there is none. Such a candidate has no
// label, and counts in no pass@k.
const (
	Unsupported = "unsupported" // the sandbox can't establish what Python would say
	Quarantined = "quarantined" // it kept ending in faults on a machine that judges others
)

// All lists the verdicts, best first.
func All() []string {
	return []string{Passed, Failed, Error, SyntaxError, Timeout, MemoryLimit, OutputLimit, Killed}
}

// Known reports whether an outcome is a verdict, rather than the absence of one.
func Known(outcome string) bool { return outcome != Unsupported && outcome != Quarantined }
