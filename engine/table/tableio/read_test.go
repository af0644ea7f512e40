package tableio

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"
)

// columnarFiles are the files of testdata that Arrow's own library wrote.
func columnarFiles(t *testing.T) map[string][]byte {
	t.Helper()
	files := map[string][]byte{}
	for _, pattern := range []string{"*.parquet", "*.arrow", "*.feather"} {
		paths, _ := filepath.Glob("testdata/" + pattern)
		for _, path := range paths {
			content, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			files[filepath.Base(path)] = content
		}
	}
	if len(files) < 14 {
		t.Fatalf("only %d files are there", len(files))
	}
	return files
}

// The same table reads the same, whatever container, codec, encoding and layout it was
// written in.
func TestColumnarFiles(t *testing.T) {
	content, err := os.ReadFile("testdata/want.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	want, err := ReadObjects("jsonl", content)
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range columnarFiles(t) {
		t.Run(name, func(t *testing.T) {
			got, err := ReadObjects(FormatOf(name), content)
			if err != nil || len(got) != len(want) {
				t.Fatalf("%d rows, %v", len(got), err)
			}
			for i, o := range got {
				for column := range o {
					a, errA := JSON(o[column])
					b, errB := JSON(want[i][column])
					if a != b || errA != nil || errB != nil {
						t.Fatalf("row %d, %s: %s, want %s (%v, %v)", i, column, a, b, errA, errB)
					}
				}
			}
		})
	}
}

// mutate changes some bytes of a file, those at its end, where metadata is, more often.
func mutate(content []byte, seed uint64) []byte {
	r := rand.New(rand.NewPCG(seed, 1))
	m := bytes.Clone(content)
	for range 1 + r.IntN(6) {
		at := r.IntN(len(m))
		if r.IntN(2) == 0 {
			at = len(m) - 1 - r.IntN(min(len(m), 2500))
		}
		m[at] = byte(r.IntN(256))
	}
	if r.IntN(8) == 0 {
		m = m[:r.IntN(len(m))]
	}
	return m
}

// Damaged files are errors, or read as something; they never end the process, hang, or
// take long.
func TestDamagedFiles(t *testing.T) {
	for name, content := range columnarFiles(t) {
		t.Run(name, func(t *testing.T) {
			for seed := range uint64(300) {
				begun := time.Now()
				ReadObjects(FormatOf(name), mutate(content, seed))
				if took := time.Since(begun); took > 10*time.Second {
					t.Fatalf("mutant %d took %v", seed, took)
				}
			}
		})
	}
}

func FuzzColumnar(f *testing.F) {
	for _, name := range []string{"snappy.parquet", "delta.parquet", "zstd.arrow", "stream.arrow"} {
		content, err := os.ReadFile("testdata/" + name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(strings.HasSuffix(name, "parquet"), content)
	}
	f.Fuzz(func(_ *testing.T, parquet bool, content []byte) {
		ReadObjects(map[bool]string{true: "parquet", false: "arrow"}[parquet], content)
	})
}

func TestTextFiles(t *testing.T) {
	for name, test := range map[string]struct{ format, content, want string }{
		"blank lines, CRLF, mark":  {"jsonl", "\xef\xbb\xbf{\"a\": 1}\r\n\r\n  \n{\"a\": 2}", `[{"a":1},{"a":2}]`},
		"numbers keep their text":  {"jsonl", `{"a": [1.50, 1e3, 123456789012345678901234567890]}`, `[{"a":[1.50,1e3,123456789012345678901234567890]}]`},
		"objects keep their order": {"jsonl", `{"a": {"z": "<", "b": [{"y": null, "x": true}]}}`, `[{"a":{"z":"<","b":[{"y":null,"x":true}]}}]`},
		"surrogates":               {"jsonl", `{"a": "\ud83d\ude00 \\ud800"}`, `[{"a":"😀 \\ud800"}]`},
		"array":                    {"json", " [ {\"a\": 1},\n{\"a\": 2} ] \n", `[{"a":1},{"a":2}]`},
		"objects in a row":         {"json", "{\"a\": 1}\n{\"a\":\n2}", `[{"a":1},{"a":2}]`},
		"empty array":              {"json", "[]", `[]`},
		"csv":                      {"csv", "\xef\xbb\xbfa, b\r\n1,\"x\r\ny\"\r\n", `[{"a":"1","b":"x\ny"}]`},
	} {
		t.Run(name, func(t *testing.T) {
			rows, err := ReadObjects(test.format, []byte(test.content))
			if err != nil {
				t.Fatal(err)
			}
			got, err := JSON(append([]Object{}, rows...))
			if err != nil || got != test.want {
				t.Errorf("got %s, want %s (%v)", got, test.want, err)
			}
		})
	}
}

func TestRefused(t *testing.T) {
	deep := strings.Repeat("[", 501) + strings.Repeat("]", 501)
	for name, test := range map[string]struct{ format, content, want string }{
		"not JSON":         {"jsonl", "{\"a\": 1}\nnot json\n", "line 2: want a JSON object: invalid character"},
		"no object":        {"jsonl", "[1]\n", "line 1: want a JSON object: it is a list"},
		"key twice":        {"jsonl", `{"a": {"b": 1, "b": 2}}`, `line 1: want a JSON object: the key "b" is there twice`},
		"garbage":          {"jsonl", "\n{\"a\": 1} x", "line 2: want a JSON object: something follows"},
		"cut":              {"jsonl", `{"a": 1`, "line 1: want a JSON object: unexpected EOF"},
		"too deep":         {"jsonl", `{"a": ` + deep + "}", "nested deeper than 500"},
		"not UTF-8":        {"jsonl", "{\"a\": 1}\n{\"a\": \"\xff\"}", "line 2: want a JSON object: byte 7 is not valid UTF-8"},
		"half a character": {"jsonl", `{"a": "\ud83d x"}`, `\ud83d is half of a character`},
		"UTF-16":           {"jsonl", "\xff\xfe{\x00", "UTF-16"},
		"too long":         {"jsonl", `{"a": "` + strings.Repeat("x", 64<<20) + `"}`, "line 1: it is longer than 64 MiB"},
		"array too long":   {"json", `[{"a": 1}, {"a": "` + strings.Repeat("x", 65<<20) + `"}]`, "row is longer than 64 MiB"},
		"array cut":        {"json", `[{"a": 1}`, "the array doesn't end"},
		"array garbage":    {"json", `[{"a": 1}] x`, "something follows"},
		"array of numbers": {"json", `[1]`, "row 1: want a JSON object: it is a number"},
		"columns":          {"json", `"x"`, "row 1: want a JSON object: it is text"},
		"csv not UTF-8":    {"csv", "a\nx\n\xff\n", `line 3, column "a"`},
		"csv ragged":       {"csv", "a,b\n1\n", "line 2: wrong number of fields"},
		"csv name twice":   {"csv", "a,a\n1,2\n", `column "a" is there twice`},
		"parquet":          {"parquet", "PAR1 nonsense PAR1", "not valid parquet"},
		"arrow":            {"arrow", "ARROW1 nonsense ARROW1", "not valid arrow"},
		"feather 1":        {"arrow", "FEA1....", "Feather version 1"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := ReadObjects(test.format, []byte(test.content))
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("err = %v, want %q", err, test.want)
			}
		})
	}
}

// A cut stream is refused: what is left of it would pass for the whole.
func TestCutStream(t *testing.T) {
	content := columnarFiles(t)["stream.arrow"]
	for _, left := range []int{8, 100, len(content) / 2, len(content) - 9} {
		if _, err := ReadObjects("arrow", content[:left]); err == nil {
			t.Errorf("%d of %d bytes were read", left, len(content))
		}
	}
}

func gzipped(t *testing.T, content []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write(content); err != nil || w.Close() != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func zstandard(t *testing.T, content []byte) []byte {
	t.Helper()
	w, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	return w.EncodeAll(content, nil)
}

func TestCompressed(t *testing.T) {
	line := []byte("{\"a\": 1}\n")
	bomb := bytes.Repeat(append(bytes.Repeat([]byte(" "), 1<<16), '\n'), 1200)
	for name, test := range map[string]struct {
		content []byte
		want    string
	}{
		"gzip":         {gzipped(t, line), ""},
		"zstd":         {zstandard(t, line), ""},
		"mark":         {gzipped(t, append([]byte("\xef\xbb\xbf"), line...)), ""},
		"cut gzip":     {gzipped(t, line)[:20], "not valid gzip"},
		"cut zstd":     {zstandard(t, line)[:15], "not valid zstd"},
		"gzip garbage": {append(gzipped(t, line), "garbage"...), "not valid gzip"},
		"gzip bomb":    {gzipped(t, bomb), "more than 200 times"},
		"zstd bomb":    {zstandard(t, bomb), "more than 200 times"},
	} {
		t.Run(name, func(t *testing.T) {
			rows, err := ReadObjects("jsonl", test.content)
			if test.want == "" && (err != nil || len(rows) != 1) {
				t.Errorf("%d rows, %v", len(rows), err)
			}
			if test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
				t.Errorf("err = %v, want %q", err, test.want)
			}
		})
	}
}

func TestText(t *testing.T) {
	for _, test := range []struct {
		value any
		want  string
	}{
		{nil, ""}, {true, "true"}, {int64(-3), "-3"}, {0.5, "0.5"}, {"a", "a"}, {[]byte("a"), "a"}, {[]byte{255}, "/w=="},
		{[]any{"<", nil}, `["<",null]`}, {Struct{{"b", []any{}}, {"a", Struct{}}}, `{"b":[],"a":{}}`},
	} {
		if got := Text(test.value); got != test.want {
			t.Errorf("Text(%#v) = %q, want %q", test.value, got, test.want)
		}
	}
}

func ExampleFormatOf() {
	fmt.Println(FormatOf("mbpp.JSONL.gz"), FormatOf("x.parquet"), FormatOf("data.arrow.zst"), FormatOf("x.txt"))
	// Output: jsonl parquet arrow
}
