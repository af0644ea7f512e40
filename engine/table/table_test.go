package table

import (
	"bytes"
	"reflect"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/ouroflow/ouroflow/engine/cas"
	"github.com/ouroflow/ouroflow/engine/digest"
	"pgregory.net/rapid"
)

type sample struct {
	ID    string   `arrow:"id"`
	N     int64    `arrow:"n"`
	X     *float64 `arrow:"x"`
	OK    bool     `arrow:"ok"`
	Tests []string `arrow:"tests"`
	Raw   []byte   `arrow:"raw"`
}

func sampleGen() *rapid.Generator[sample] {
	return rapid.Custom(func(t *rapid.T) sample {
		s := sample{
			ID:    rapid.String().Draw(t, "id"),
			N:     rapid.Int64().Draw(t, "n"),
			OK:    rapid.Bool().Draw(t, "ok"),
			Tests: rapid.SliceOfN(rapid.String(), 0, 3).Draw(t, "tests"),
			Raw:   rapid.SliceOfN(rapid.Byte(), 0, 4).Draw(t, "raw"),
		}
		if rapid.Bool().Draw(t, "has x") {
			x := rapid.Float64().Draw(t, "x")
			s.X = &x
		}
		return s
	})
}

func recordOf(rows []sample) arrow.Record {
	e := NewEncoder[sample]()
	for _, r := range rows {
		e.Append(r)
	}
	return e.Record()
}

func encode(t interface{ Fatal(...any) }, recs ...arrow.Record) []byte {
	var buf bytes.Buffer
	w, err := NewWriter(&buf, SchemaOf[sample]())
	if err != nil {
		t.Fatal(err)
	}
	for _, rec := range recs {
		if err := w.Append(rec); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

func TestRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rows := rapid.SliceOfN(sampleGen(), 0, 10).Draw(t, "rows")
		r, err := FromBytes(encode(t, recordOf(rows)))
		if err != nil {
			t.Fatal(err)
		}
		got, err := All[sample](r)
		if err != nil {
			t.Fatal(err)
		}
		if len(got) != len(rows) {
			t.Fatalf("got %d rows, want %d", len(got), len(rows))
		}
		for i := range rows {
			if !equalRows(got[i], rows[i]) {
				t.Fatalf("row %d: got %+v, want %+v", i, got[i], rows[i])
			}
		}
	})
}

func equalRows(a, b sample) bool {
	return bytes.Equal(encodeQuiet(a), encodeQuiet(b))
}

func encodeQuiet(r sample) []byte {
	var buf bytes.Buffer
	w, _ := NewWriter(&buf, SchemaOf[sample]())
	w.Append(recordOf([]sample{r}))
	w.Close()
	return buf.Bytes()
}

// The bytes of a table depend on its rows alone: not on how they were cut into
// records, nor on slices that share longer buffers.
func TestWriterIsCanonical(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rows := rapid.SliceOfN(sampleGen(), 1, 12).Draw(t, "rows")
		whole := recordOf(rows)
		cut := int64(rapid.IntRange(0, len(rows)).Draw(t, "cut"))
		n := int64(len(rows))
		sliced := encode(t, whole.NewSlice(0, cut), whole.NewSlice(cut, n))
		if !bytes.Equal(encode(t, whole), sliced) {
			t.Fatal("slices changed the bytes")
		}
		if !bytes.Equal(encode(t, whole), encode(t, recordOf(rows[:cut]), recordOf(rows[cut:]))) {
			t.Fatal("batches changed the bytes")
		}
	})
}

func TestHashCellTellsRowsApart(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rows := rapid.SliceOfN(sampleGen(), 2, 2).Draw(t, "rows")
		rec := recordOf(rows)
		if (hashRow(rec, 0) == hashRow(rec, 1)) != equalRows(rows[0], rows[1]) {
			t.Fatalf("hashes disagree with values: %+v", rows)
		}
	})
}

func hashRow(rec arrow.Record, i int) digest.Digest {
	f := digest.NewFramer()
	for _, a := range rec.Columns() {
		HashCell(f, a, i)
	}
	return f.Sum()
}

func TestMisfits(t *testing.T) {
	type want struct {
		N string   `arrow:"n"`
		X float64  `arrow:"x"`
		Q string   `arrow:"q"`
		T []string `arrow:"tests"`
	}
	got := strings.Join(Misfits(SchemaOf[sample](), SchemaOf[want]()), "\n")
	for _, part := range []string{`"n" is int64, want utf8`, `"x" may be null`, `"q" (utf8) is missing`} {
		if !strings.Contains(got, part) {
			t.Errorf("misfits lack %q:\n%s", part, got)
		}
	}
	if strings.Contains(got, `"tests"`) {
		t.Errorf("tests fit:\n%s", got)
	}
}

func TestConcatReplaces(t *testing.T) {
	type added struct {
		N string `arrow:"n"`
		E int64  `arrow:"energy"`
	}
	got := Names(Concat(SchemaOf[sample](), SchemaOf[added]()))
	if want := []string{"id", "x", "ok", "tests", "raw", "n", "energy"}; !reflect.DeepEqual(got, want) {
		t.Errorf("Concat = %v, want %v", got, want)
	}
}

func TestTreeRoundTrip(t *testing.T) {
	s := cas.NewMemory()
	dir := t.TempDir()
	writeFile(t, dir, "b/weights.bin", "123")
	writeFile(t, dir, "a.json", "{}")
	a, err := PutTree(s, dir)
	if err != nil {
		t.Fatal(err)
	}
	tree, err := OpenTree(s, a.Digest)
	if err != nil {
		t.Fatal(err)
	}
	if got := tree.Names(); !reflect.DeepEqual(got, []string{"a.json", "b/weights.bin"}) {
		t.Errorf("Names = %v", got)
	}
	if b, err := tree.ReadFile("b/weights.bin"); err != nil || string(b) != "123" {
		t.Errorf("ReadFile = %q, %v", b, err)
	}
	if err := tree.Extract(t.TempDir()); err != nil {
		t.Error(err)
	}
	if err := Verify(s, a); err != nil {
		t.Error(err)
	}
}

func FuzzReader(f *testing.F) {
	f.Add(encodeQuiet(sample{ID: "a", Tests: []string{"x"}}))
	f.Add([]byte("ARROW1\x00\x00"))
	f.Fuzz(func(_ *testing.T, b []byte) {
		r, err := FromBytes(b)
		if err != nil {
			return
		}
		for _, err := range r.Batches() {
			if err != nil {
				return
			}
		}
	})
}

type shared struct {
	B string   `arrow:"b"`
	C *float64 `arrow:"c"`
}

// An embedded struct has its columns in its place.
func TestEmbeddedColumns(t *testing.T) {
	type row struct {
		A int64 `arrow:"a"`
		shared
		D []string `arrow:"d"`
	}
	if got := Describe(SchemaOf[row]()); got != "a int64, b string, c float64?, d list<string>" {
		t.Fatal(got)
	}
	half := 0.5
	e := NewEncoder[row]()
	e.Append(row{1, shared{"x", &half}, []string{"y"}})
	d, err := NewDecoder[row](e.Record())
	if err != nil {
		t.Fatal(err)
	}
	if r := d.Row(0); r.A != 1 || r.B != "x" || *r.C != half || r.D[0] != "y" {
		t.Errorf("row %+v", r)
	}
}
