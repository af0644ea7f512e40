package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/ouroflow/ouroflow/engine/plan"
)

const phase11 = "../../pipelines/phase11.yaml"

func TestEveryProfileIsValid(t *testing.T) {
	p, err := load(phase11)
	if err != nil {
		t.Fatal(err)
	}
	if len(p.Pipeline.Profiles) < 3 {
		t.Errorf("profiles = %v", p.Pipeline.Profiles)
	}
	for _, profile := range p.Pipeline.Profiles {
		if _, err := load(phase11, profile.Name); err != nil {
			t.Errorf("profile %s: %v", profile.Name, err)
		}
	}
}

// What is generated from the node types is up to date; `make docs` makes it so.
func TestGeneratedDocs(t *testing.T) {
	var nodesText, schema bytes.Buffer
	a := &app{stdout: &nodesText, stderr: os.Stderr}
	c := a.root()
	c.SetArgs([]string{"nodes", "--markdown"})
	if err := c.Execute(); err != nil {
		t.Fatal(err)
	}
	b := &app{stdout: &schema, stderr: os.Stderr}
	c = b.root()
	c.SetArgs([]string{"schema"})
	if err := c.Execute(); err != nil {
		t.Fatal(err)
	}
	for file, want := range map[string]string{"NODES.md": nodesText.String(), "ouroflow.schema.json": schema.String()} {
		got, err := os.ReadFile(filepath.Join("../../docs", file))
		if err != nil || !bytes.HasSuffix(got, []byte(want)) {
			t.Errorf("docs/%s is out of date (%v): run make docs", file, err)
		}
	}
}

// On problems and samples with published verdicts, ours agree on at least 99.5%
// of the samples. This takes a part of them; docs/REPLAY.md has all.
func TestReplayAgreesWithPublishedVerdicts(t *testing.T) {
	const data = "../../../shared/data"
	if _, err := os.Stat(data); err != nil {
		t.Skip("the published samples are not here: ", err)
	}
	if _, err := exec.LookPath("python3"); err != nil {
		t.Skip("python3 is needed to run candidates: ", err)
	}
	p := project{t, t.TempDir()}
	file, _ := filepath.Abs(phase11)
	problems, _ := filepath.Abs(data + "/mbpp/mbpp.jsonl")
	samples, _ := filepath.Abs(data + "/samples/mbpp_test_oci_ds_1.3b.jsonl.gz")
	out, err := p.command("run", file, "-p", "replay", "--set", "problems="+problems, "--set", "samples="+samples,
		"--set", "nodes.problems.with.limit=8", "--to", "verdicts").CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	out, err = p.command("cat", "last", "verdicts", "--format", "jsonl", "--columns", "problem_id,verdict,recorded_passed").Output()
	if err != nil {
		t.Fatal(err)
	}
	total, agree := 0, 0
	lines := bufio.NewScanner(bytes.NewReader(out))
	for lines.Scan() {
		var row struct {
			Verdict  string `json:"verdict"`
			Recorded *bool  `json:"recorded_passed"`
		}
		if err := json.Unmarshal(lines.Bytes(), &row); err != nil || row.Recorded == nil {
			t.Fatalf("%s: %v", lines.Text(), err)
		}
		total++
		if *row.Recorded == (row.Verdict == "passed") {
			agree++
		}
	}
	if total != 8*3*93 || float64(agree) < 0.995*float64(total) {
		t.Errorf("%d of %d verdicts agree", agree, total)
	}
}

func load(file string, profiles ...string) (*plan.Plan, error) {
	flags := pipelineFlags{profiles: profiles}
	return flags.load(file)
}
