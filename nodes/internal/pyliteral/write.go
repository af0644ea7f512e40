package pyliteral

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"github.com/ouroflow/ouroflow/engine/table/tableio"
)

// Dict is a dict whose keys may be other than texts.
type Dict []Item

// Item is a key of a Dict and its value.
type Item struct{ Key, Value any }

// Format writes a value of JSON, or a Dict, as Python does.
func Format(v any) (string, error) {
	var b strings.Builder
	err := write(&b, v)
	return b.String(), err
}

// Quote writes a text as a literal.
func Quote(s string) string { return strconv.Quote(s) }

func write(b *strings.Builder, v any) error {
	switch v := v.(type) {
	case nil:
		b.WriteString("None")
	case bool:
		b.WriteString(map[bool]string{true: "True", false: "False"}[v])
	case string:
		b.WriteString(Quote(v))
	case json.Number:
		b.WriteString(v.String())
	case int64:
		b.WriteString(strconv.FormatInt(v, 10))
	case []any:
		return writeList(b, v)
	case tableio.Struct:
		return writeDict(b, ofStruct(v))
	case Dict:
		return writeDict(b, v)
	default:
		return fmt.Errorf("%s can't be written in Python", tableio.KindOf(v))
	}
	return nil
}

func writeList(b *strings.Builder, list []any) error {
	b.WriteByte('[')
	for i, v := range list {
		if i > 0 {
			b.WriteString(", ")
		}
		if err := write(b, v); err != nil {
			return err
		}
	}
	b.WriteByte(']')
	return nil
}

func ofStruct(s tableio.Struct) Dict {
	d := make(Dict, len(s))
	for i, m := range s {
		d[i] = Item{m.Name, m.Value}
	}
	return d
}

func writeDict(b *strings.Builder, d Dict) error {
	b.WriteByte('{')
	for i, item := range d {
		if i > 0 {
			b.WriteString(", ")
		}
		if err := write(b, item.Key); err != nil {
			return err
		}
		b.WriteString(": ")
		if err := write(b, item.Value); err != nil {
			return err
		}
	}
	b.WriteByte('}')
	return nil
}
