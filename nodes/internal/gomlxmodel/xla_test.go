package gomlxmodel

import (
	"math"
	"testing"
)

// Equal weights give equal energies on both backends, but for rounding.
func TestBackendsAgree(t *testing.T) {
	on, err := ChooseBackend(BackendXLA)
	if err != nil {
		t.Skip(err)
	}
	o := smallOuroboros()
	c := Config{Encoder: "ouroboros", Ouroboros: &o, Members: []Member{{Fold: NoFold}}}
	var energies [2][]Judgement
	for i, backend := range []Backend{Go, on} {
		e, err := Equip(c, Assets{}, backend)
		if err != nil {
			t.Fatal(err)
		}
		v, err := NewVerifier(&Model{Config: c, Weights: []Weights{Initial(e, 1)}}, backend)
		if err != nil {
			t.Fatal(err)
		}
		energies[i] = judge(t, v, tokenised(3, 100, 140, 0))
	}
	for i, want := range energies[0] {
		if got := energies[1][i]; math.Abs(got.Energy-want.Energy) > 1e-5 {
			t.Errorf("program %d: %v on XLA, %v in pure Go", i, got.Energy, want.Energy)
		}
	}
}
