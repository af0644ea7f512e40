package tableio

import (
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/parquet/compress"
)

// Levels that end before there are as many as a page promises would have the library
// read for ever.
func TestCheckRuns(t *testing.T) {
	for name, test := range map[string]struct {
		data string
		most int16
		n    int64
		ok   bool
	}{
		"none wanted":   {"", 0, 100, true},
		"a run":         {"\x14\x01", 1, 10, true},
		"short run":     {"\x14\x01", 1, 11, false},
		"two runs":      {"\x14\x01\x14\x00", 1, 20, true},
		"packed":        {"\x05\xff\xff", 1, 16, true},
		"packed, cut":   {"\x05\xff", 1, 16, false},
		"wider":         {"\x03\xff\xff", 3, 8, true},
		"wider, cut":    {"\x03\xff", 3, 8, false},
		"empty run":     {"\x00\x01\x14\x01", 1, 10, false},
		"no value":      {"\x14", 1, 10, false},
		"endless":       {"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x7f", 1, 10, false},
		"nothing there": {"", 1, 1, false},
	} {
		if err := checkRuns([]byte(test.data), test.most, test.n); (err == nil) != test.ok {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestSkipDeltas(t *testing.T) {
	block := "\x80\x01\x04" // blocks of 128 values in 4 parts
	for name, test := range map[string]struct {
		data string
		rest string
		ok   bool
	}{
		"one value":        {block + "\x01\x08rest", "rest", true},
		"constant":         {block + "\x05\x08\x02\x00\x00\x00\x00rest", "rest", true},
		"packed":           {block + "\x05\x08\x02\x01\x00\x00\x00abcdrest", "rest", true},
		"packed, cut":      {block + "\x05\x08\x02\x02\x00\x00\x00abcd", "", false},
		"none":             {block + "\x00\x08", "", false},
		"more than levels": {block + "\x63\x08", "", false},
		"huge block":       {"\x80\x80\x80\x80\x08\x01\x05\x08\x02\x00", "", false},
		"no parts":         {"\x80\x01\x00\x05\x08\x02\x00", "", false},
		"cut":              {block, "", false},
	} {
		rest, err := skipDeltas([]byte(test.data), 1, 10)
		if (err == nil) != test.ok || string(rest) != test.rest {
			t.Errorf("%s: %q, %v", name, rest, err)
		}
	}
}

// Headers of pages that promise what isn't there.
func TestPageHeaders(t *testing.T) {
	plain, err := compress.GetCodec(compress.Codecs.Uncompressed)
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct{ data, want string }{
		"cut":           {"\x15\x00\x15", "header of a page is damaged"},
		"no such kind":  {"\x15\x10\x15\x02\x15\x02\x00x", "header of a page is damaged"},
		"too long":      {"\x15\x00\x15\x02\x15\x08\x00x", "longer than its column"},
		"other size":    {"\x15\x00\x15\x04\x15\x02\x2c\x15\x02\x15\x00\x15\x06\x15\x06\x00\x00x", "promises 2 bytes and has 1"},
		"wrong sum":     {"\x15\x00\x15\x02\x15\x02\x15\x02\x00x", "checksum"},
		"nested deeper": {strings.Repeat("\x1c", 50), "header of a page is damaged"},
	} {
		p := &pageReader{data: []byte(test.data), codec: plain, stored: true, mem: newFrugal(100), most: 5}
		func() {
			defer func() {
				if v := recover(); v != nil {
					t.Errorf("%s: panic: %v", name, v)
				}
			}()
			if p.Next() || p.Err() == nil || !strings.Contains(p.Err().Error(), test.want) {
				t.Errorf("%s: err = %v, want %q", name, p.Err(), test.want)
			}
		}()
	}
}
