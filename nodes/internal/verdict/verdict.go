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

// All lists the verdicts, best first.
func All() []string {
	return []string{Passed, Failed, Error, SyntaxError, Timeout, MemoryLimit, OutputLimit, Killed}
}
