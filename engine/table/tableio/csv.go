package tableio

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"strings"
)

func readCSV(r io.Reader, yield func(Object) bool) error {
	lines := csv.NewReader(r)
	names, err := header(lines)
	if err != nil {
		return fmt.Errorf("reading the header: %w", err)
	}
	for {
		cells, err := lines.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		o, err := csvObject(lines, names, cells)
		if err != nil {
			return err
		}
		if !yield(o) {
			return nil
		}
	}
}

func header(lines *csv.Reader) ([]string, error) {
	names, err := lines.Read()
	if err != nil {
		return nil, noEOF(err)
	}
	seen := map[string]bool{}
	for i := range names {
		names[i] = strings.TrimSpace(names[i])
		if seen[names[i]] {
			return nil, fmt.Errorf("the column %q is there twice", names[i])
		}
		seen[names[i]] = true
	}
	return names, nil
}

func csvObject(lines *csv.Reader, names, cells []string) (Object, error) {
	o := make(Object, len(names))
	for i, name := range names {
		if invalidUTF8([]byte(cells[i])) >= 0 {
			line, _ := lines.FieldPos(i)
			return nil, fmt.Errorf("line %d, column %q: not valid UTF-8", line, name)
		}
		o[name] = cells[i]
	}
	return o, nil
}
