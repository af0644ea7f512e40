package engine_test

import (
	"go/build"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/ouroflow/ouroflow/nodes"
)

const module = "github.com/ouroflow/ouroflow/"

// allowed says which packages of ours each package may import: the direction of
// all dependencies. Node types may import engine/node, engine/table, the sandbox and
// what is internal to nodes.
var allowed = map[string][]string{
	"engine/digest":              {},
	"engine/event":               {"engine/digest"},
	"engine/spec":                {},
	"engine/health":              {},
	"engine/durable":             {},
	"engine/durable/durabletest": {"engine/durable"},
	"engine/cas":                 {"engine/digest", "engine/durable"},
	"engine/cas/castest":         {"engine/cas", "engine/digest"},
	"engine/table":               {"engine/cas", "engine/digest"},
	"engine/table/tableio":       {"engine/table"},
	"engine/node":                {"engine/table"},
	"engine/node/nodetest":       {"engine/cas", "engine/digest", "engine/event", "engine/exec", "engine/node", "engine/table"},
	"engine/plan":                {"engine/node", "engine/spec", "engine/table"},
	"engine/exec":                {"engine/cas", "engine/digest", "engine/durable", "engine/event", "engine/node", "engine/recall", "engine/table"},
	"engine/sched":               {"engine/event", "engine/exec", "engine/node", "engine/plan", "engine/table"},
	"engine/run":                 {"engine/digest", "engine/durable", "engine/event"},
	"engine/report":              {"engine/event", "engine/run"},
	"engine/explain":             {"engine/cas", "engine/digest", "engine/event", "engine/exec", "engine/run", "engine/table"},
	"engine/remote":              {"engine/cas", "engine/durable"},
	"engine/recall":              {"engine/digest", "engine/durable", "engine/run", "engine/spec"},
	"engine/upkeep":              {"engine/cas", "engine/digest", "engine/event", "engine/exec", "engine/run", "engine/table"},
	"cmd/ouroflow":               {"engine", "engine/cas", "engine/digest", "engine/event", "engine/explain", "engine/health", "engine/node", "engine/plan", "engine/report", "engine/run", "engine/spec", "engine/table", "engine/table/tableio", "engine/upkeep", "nodes", "nodes/inference", "nodes/sandbox", "nodes/sandbox/containers", "nodes/vllmsample"},
}

// confined says which packages may import a library.
var confined = map[string][]string{
	"github.com/goccy/go-yaml":      {"engine/spec"},
	"github.com/dominikbraun/graph": {"engine/plan"},
	"github.com/minio/":             {"engine/remote"},
	"github.com/gomlx/":             {"nodes/gomlx", "nodes/internal/gomlx"},
	"github.com/containerd/":        {"nodes/sandbox/containers"},
	"github.com/apache/arrow/":      {"engine/table", "engine/node", "engine/plan", "engine/exec", "engine/explain", "nodes/", "cmd/ouroflow"},
}

func TestImportDirection(t *testing.T) {
	root, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	for _, dir := range packages(t, root) {
		p, err := build.ImportDir(filepath.Join(root, dir), 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, imported := range p.Imports {
			if ours, ok := strings.CutPrefix(imported, module); ok && !mayImport(dir, ours) {
				t.Errorf("%s must not import %s", dir, ours)
			}
			for library, where := range confined {
				if strings.HasPrefix(imported, library) && !slices.ContainsFunc(where, func(w string) bool { return strings.HasPrefix(dir, w) }) {
					t.Errorf("%s must not import %s, which is confined to %v", dir, imported, where)
				}
			}
		}
	}
}

func mayImport(dir, imported string) bool {
	switch {
	case dir == "engine":
		return strings.HasPrefix(imported, "engine/")
	case dir == "nodes" || dir == "nodes/inference":
		return imported == "engine/node" || imported == "engine/health" || strings.HasPrefix(imported, "nodes/")
	case strings.HasPrefix(dir, "nodes/"):
		return slices.Contains([]string{"engine/node", "engine/digest", "engine/durable", "engine/health"}, imported) || strings.HasPrefix(imported, "engine/table") ||
			strings.HasPrefix(imported, "nodes/internal/") || strings.HasPrefix(imported, "nodes/sandbox")
	default:
		return slices.Contains(allowed[dir], imported)
	}
}

// packages lists the folders under root that hold Go code other than tests.
func packages(t *testing.T, root string) []string {
	seen := map[string]bool{}
	for _, top := range []string{"engine", "nodes", "cmd"} {
		err := filepath.WalkDir(filepath.Join(root, top), func(path string, _ os.DirEntry, err error) error {
			if err == nil && strings.HasSuffix(path, ".go") && !strings.HasSuffix(path, "_test.go") {
				rel, _ := filepath.Rel(root, filepath.Dir(path))
				seen[filepath.ToSlash(rel)] = true
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	var dirs []string
	for d := range seen {
		dirs = append(dirs, d)
	}
	slices.Sort(dirs)
	return dirs
}

// Every folder of nodes is in the one list, nodes.Standard, but for what node types
// share.
func TestEveryNodeTypeIsListed(t *testing.T) {
	entries, err := os.ReadDir("../nodes")
	if err != nil {
		t.Fatal(err)
	}
	listed := []string{"inference", "internal", "sandbox"}
	for name := range nodes.Standard() {
		listed = append(listed, strings.ReplaceAll(name, "_", ""))
	}
	for _, e := range entries {
		if e.IsDir() && !slices.Contains(listed, e.Name()) {
			t.Errorf("nodes/%s is not in nodes.Standard", e.Name())
		}
	}
}
