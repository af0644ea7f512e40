package label

import (
	"reflect"
	"strings"
	"testing"

	"github.com/ouroflow/ouroflow/engine/node/nodetest"
)

func TestLabels(t *testing.T) {
	b := nodetest.New(t)
	nodetest.Bind(t, b, "in", []in{{"passed"}, {"failed"}, {"unsupported"}, {"syntax_error"}, {"quarantined"}, {"timeout"}})
	res, err := b.Run(t, Type(), func(p any) { p.(*Params).Energies["syntax_error"] = 2 })
	if err != nil {
		t.Fatal(err)
	}
	if got, want := nodetest.Rows[out](t, b, res, "out"), []out{{0}, {1}, {2}, {1}}; !reflect.DeepEqual(got, want) {
		t.Errorf("energies = %v, want %v", got, want)
	}
}

func TestUnknownVerdict(t *testing.T) {
	if _, err := Type().Bind(&Params{Energies: map[string]float64{"win": 0}}); err == nil || !strings.Contains(err.Error(), "no verdict") {
		t.Errorf("err = %v", err)
	}
	b := nodetest.New(t)
	nodetest.Bind(t, b, "in", []in{{"sunk"}})
	if _, err := b.Run(t, Type(), nil); err == nil || !strings.Contains(err.Error(), `"sunk"`) {
		t.Errorf("err = %v", err)
	}
}
