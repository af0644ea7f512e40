package inference

import (
	"github.com/ouroflow/ouroflow/engine/health"
	"github.com/ouroflow/ouroflow/nodes/internal/gomlxmodel"
)

// Examine tells what computes models on this machine.
func Examine() []health.Finding {
	f := health.Finding{Name: "backend", OK: true, Text: "pure Go"}
	b, err := gomlxmodel.ChooseBackend(gomlxmodel.BackendXLA)
	if err == nil {
		_, err = b.Open()
	}
	if err != nil {
		return []health.Finding{f, {Name: "xla", Text: "transformers train about ten times faster with it; nothing else needs it", Advice: err.Error()}}
	}
	return []health.Finding{f, {Name: "xla", OK: true, Text: b.String()}}
}
