package tableio

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"strconv"
	"unicode/utf8"
)

// Object is a row of foreign data. Its values are nil, bool, string, json.Number,
// int64, float64, []byte, []any, and Struct for what has fields of its own.
type Object map[string]any

// Struct is a JSON object within a row, or its like: its members in their order.
type Struct []Member

// Member is a field of a Struct.
type Member struct {
	Name  string
	Value any
}

// Get returns the value of a member, nil if there is none.
func (s Struct) Get(name string) any {
	for _, m := range s {
		if m.Name == name {
			return m.Value
		}
	}
	return nil
}

// Has reports whether there is such a member.
func (s Struct) Has(name string) bool {
	for _, m := range s {
		if m.Name == name {
			return true
		}
	}
	return false
}

// MarshalJSON writes the object with its members in their order.
func (s Struct) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	b.WriteByte('{')
	for i, m := range s {
		if i > 0 {
			b.WriteByte(',')
		}
		for j, part := range []any{m.Name, m.Value} {
			if j > 0 {
				b.WriteByte(':')
			}
			if err := appendJSON(&b, part); err != nil {
				return nil, err
			}
		}
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

// JSON writes a value as JSON, characters such as < as they are.
func JSON(v any) (string, error) {
	var b bytes.Buffer
	err := appendJSON(&b, v)
	return b.String(), err
}

func appendJSON(b *bytes.Buffer, v any) error {
	e := json.NewEncoder(b)
	e.SetEscapeHTML(false)
	err := e.Encode(v)
	b.Truncate(len(bytes.TrimSuffix(b.Bytes(), []byte("\n"))))
	return err
}

// Text returns a field as text: see the function Text.
func (o Object) Text(name string) string { return Text(o[name]) }

// Text writes a value for people: null is empty, numbers keep their text, lists
// and objects are JSON. Bytes that aren't UTF-8 are written in base64, as within JSON.
func Text(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case string:
		return v
	case json.Number:
		return v.String()
	case bool:
		return strconv.FormatBool(v)
	case int64:
		return strconv.FormatInt(v, 10)
	case float64:
		return strconv.FormatFloat(v, 'g', -1, 64)
	case []byte:
		return bytesText(v)
	default:
		text, err := JSON(v)
		if err != nil {
			return err.Error()
		}
		return text
	}
}

func bytesText(b []byte) string {
	if utf8.Valid(b) {
		return string(b)
	}
	return base64.StdEncoding.EncodeToString(b)
}

// Texts returns a field that is a list of strings. A string that holds a JSON
// list, as CSV has it, counts as one; any other is a list of itself.
func (o Object) Texts(name string) []string {
	v := o[name]
	if s, ok := v.(string); ok && s != "" {
		parsed, err := DecodeJSON([]byte(s))
		if _, isList := parsed.([]any); err != nil || !isList {
			return []string{s}
		}
		v = parsed
	}
	list, _ := v.([]any)
	out := make([]string, 0, len(list))
	for _, item := range list {
		out = append(out, Text(item))
	}
	return out
}
