// Package nodes lists the node types that ouroflow comes with.
package nodes

import (
	"github.com/ouroflow/ouroflow/engine/node"
	"github.com/ouroflow/ouroflow/nodes/auditexec"
	"github.com/ouroflow/ouroflow/nodes/checktests"
	"github.com/ouroflow/ouroflow/nodes/codefeatures"
	"github.com/ouroflow/ouroflow/nodes/containerdexec"
	"github.com/ouroflow/ouroflow/nodes/dataset"
	"github.com/ouroflow/ouroflow/nodes/degenerate"
	"github.com/ouroflow/ouroflow/nodes/export"
	"github.com/ouroflow/ouroflow/nodes/extractcode"
	"github.com/ouroflow/ouroflow/nodes/gomlxscore"
	"github.com/ouroflow/ouroflow/nodes/gomlxtrain"
	"github.com/ouroflow/ouroflow/nodes/label"
	"github.com/ouroflow/ouroflow/nodes/passatk"
	"github.com/ouroflow/ouroflow/nodes/prompt"
	"github.com/ouroflow/ouroflow/nodes/verifierreport"
	"github.com/ouroflow/ouroflow/nodes/vllmsample"
)

// Standard returns the registry of all node types.
func Standard() node.Registry {
	return node.NewRegistry(
		auditexec.Type(),
		checktests.Type(),
		codefeatures.Type(),
		containerdexec.Type(),
		dataset.Type(),
		degenerate.Type(),
		export.Type(),
		extractcode.Type(),
		gomlxscore.Type(),
		gomlxtrain.Type(),
		label.Type(),
		passatk.Type(),
		prompt.Type(),
		verifierreport.Type(),
		vllmsample.Type(),
	)
}
