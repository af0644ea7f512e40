package extractcode

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ouroflow/ouroflow/engine/table/tableio"
)

// Replies that people reported as misread, with what tests their programs have to pass.
func TestReportedReplies(t *testing.T) {
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("python3 is missing")
	}
	x := New(*Type().New().(*Params))
	for _, number := range []string{"01", "02", "04", "05", "06", "07", "09", "12"} {
		dir := filepath.Join("..", "..", "..", "shared", "cases", number)
		if _, err := os.Stat(dir); err != nil {
			t.Skip("the reported cases are not here: ", err)
		}
		problems := map[string]tableio.Object{}
		for _, o := range objects(t, filepath.Join(dir, "problems.jsonl")) {
			problems[o.Text("problem_id")] = o
		}
		for _, o := range objects(t, filepath.Join(dir, "samples.jsonl")) {
			id := o.Text("problem_id")
			p := x.Extract(Reply{Text: o.Text("completion"), EntryPoint: problems[id].Text("entry_point")})
			if id == "think_truncated" {
				if p != (Program{How: "reasoning_unfinished"}) {
					t.Errorf("%s: %+v", id, p)
				}
				continue
			}
			tested := p.Code + "\n" + strings.Join(problems[id].Texts("tests"), "\n")
			if said, err := exec.Command(python, "-I", "-c", tested).CombinedOutput(); err != nil {
				t.Errorf("%s, by %s: %v\n%s\n%s", id, p.How, err, p.Code, said)
			}
		}
	}
}

func objects(t *testing.T, path string) []tableio.Object {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	rows, err := tableio.ReadObjects("jsonl", content)
	if err != nil {
		t.Fatal(err)
	}
	return rows
}
