package passatk

import (
	"github.com/ouroflow/ouroflow/nodes/internal/rank"
	"math"
	"os"
	"testing"

	"github.com/ouroflow/ouroflow/engine/table/tableio"
)

// The estimator, fed with published verdicts, gives the pass@k that were
// published with them.
func TestPublishedFigures(t *testing.T) {
	content, err := os.ReadFile("../../../shared/data/samples/mbpp_test_oci_ds_1.3b.jsonl.gz")
	if err != nil {
		t.Skip("the published samples are not here: ", err)
	}
	rows, err := tableio.ReadObjects("jsonl", content)
	if err != nil {
		t.Fatal(err)
	}
	type cell struct{ config, problem string }
	count := map[cell][2]int{}
	for _, o := range rows {
		c := cell{o.Text("config"), o.Text("task_id")}
		n := count[c]
		n[0]++
		if o["passed"] == true {
			n[1]++
		}
		count[c] = n
	}
	for config, want := range map[string][4]float64{
		"temp_bigcode_t0.7":      {.4306, .5398, .5798, .624},
		"top_p0.9_bigcode_t1.0":  {.4278, .5455, .5876, .640},
		"top_p0.95_bigcode_t0.2": {.4452, .4875, .5014, .518},
		"pless_bigcode_t1.0":     {.4412, .4821, .4973, .512},
	} {
		for i, k := range []int{1, 3, 5, 10} {
			sum, problems := 0.0, 0
			for c, n := range count {
				if c.config == config {
					sum, problems = sum+rank.PassAtK(n[0], n[1], k), problems+1
				}
			}
			got := sum / float64(problems)
			t.Logf("%s pass@%d = %.6f, published %.4f", config, k, got, want[i])
			if math.Abs(got-want[i]) > 0.0001 {
				t.Errorf("%s pass@%d = %.5f, published %.4f", config, k, got, want[i])
			}
		}
	}
}
