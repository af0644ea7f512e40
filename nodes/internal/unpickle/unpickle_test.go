package unpickle

import (
	"bytes"
	"encoding/json"
	"os/exec"
	"strings"
	"testing"
)

const sample = "[{\"input\": \"1 2\\n\\\\\", \"é\": \"😀\u2028\"}]\n\r\x00\x1aend"

// What Python pickles in any protocol is read.
func TestText(t *testing.T) {
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("there is no python3: ", err)
	}
	texts := []string{"", "a", sample, strings.Repeat(sample, 100)}
	given, err := json.Marshal(texts)
	if err != nil {
		t.Fatal(err)
	}
	c := exec.Command(python, "-c", `import base64, json, pickle, sys
pickles = [base64.b64encode(pickle.dumps(t, p)).decode() for t in json.load(sys.stdin) for p in range(6)]
json.dump(pickles, sys.stdout)`)
	c.Stdin = bytes.NewReader(given)
	out, err := c.Output()
	if err != nil {
		t.Fatal(err)
	}
	var pickles [][]byte
	if err := json.Unmarshal(out, &pickles); err != nil || len(pickles) < 24 {
		t.Fatal(len(pickles), err)
	}
	for i, pickle := range pickles {
		if got, err := Text(pickle); err != nil || got != texts[i/6] {
			t.Errorf("protocol %d: %.40q, %v, want %.40q", i%6, got, err, texts[i/6])
		}
	}
}

func TestRefused(t *testing.T) {
	for name, test := range map[string]struct{ pickle, want string }{
		"empty":       {"", "cut"},
		"nothing":     {"\x80\x04.", "not one text"},
		"two texts":   {"\x8c\x01a\x8c\x01b.", "more than one"},
		"after it":    {"\x8c\x01a.x", "not one text"},
		"cut":         {"\x80\x04\x8c\x09abc", "cut"},
		"long length": {"\x8d\xff\xff\xff\xff\xff\xff\xff\xffa.", "cut"},
		"bytes":       {"\x80\x03C\x01a.", "operation 0x43"},
		"list":        {"\x80\x04]\x94.", "operation 0x5d"},
		"call":        {"cos\nsystem\n(S'true'\ntR.", "operation 0x63"},
		"global":      {"\x80\x04\x8c\x02os\x8c\x06system\x93.", "more than one"},
		"not UTF-8":   {"\x8c\x01\xff.", "UTF-8"},
		"surrogate":   {"V\\ud800\np0\n.", "no character"},
	} {
		if got, err := Text([]byte(test.pickle)); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %q, %v, want %q", name, got, err, test.want)
		}
	}
}

func FuzzText(f *testing.F) {
	f.Add([]byte("\x80\x04\x95\x05\x00\x00\x00\x00\x00\x00\x00\x8c\x01a\x94."))
	f.Add([]byte("Va\\u00e9\np0\n."))
	f.Fuzz(func(_ *testing.T, pickle []byte) { Text(pickle) })
}
