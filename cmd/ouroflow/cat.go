package main

import (
	"fmt"
	"strings"
	"text/tabwriter"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/ouroflow/ouroflow/engine/report"
	"github.com/ouroflow/ouroflow/engine/table"
	"github.com/ouroflow/ouroflow/engine/table/tableio"
	"github.com/spf13/cobra"
)

// catFlags say which part of a table is printed, and how.
type catFlags struct {
	format  string
	columns []string
	limit   int
	where   []string
}

func (a *app) catCommand() *cobra.Command {
	var f catFlags
	c := &cobra.Command{
		Use:   "cat RUN NODE[.PORT]",
		Short: "Print the table that a node made",
		Example: "  ouroflow cat last verdicts --columns problem_id,verdict --where verdict=timeout\n" +
			"  ouroflow cat last triplets --format parquet > triplets.parquet",
		Args: args(cobra.ExactArgs(2)),
		RunE: func(cmd *cobra.Command, args []string) error {
			if !cmd.Flags().Changed("limit") && f.format != "text" {
				f.limit = 0
			}
			if f.limit < 0 {
				return usageError{fmt.Errorf("--limit %d: want the number of rows, or 0 for all", f.limit)}
			}
			return a.cat(args[0], args[1], f)
		},
	}
	c.Flags().StringVar(&f.format, "format", "text", "text, csv, jsonl, arrow or parquet")
	c.Flags().StringSliceVar(&f.columns, "columns", nil, "columns to print, in this order")
	c.Flags().IntVar(&f.limit, "limit", 10, "rows to print; 0 means all (the default for formats other than text)")
	c.Flags().StringArrayVar(&f.where, "where", nil, "only rows with COLUMN=VALUE or COLUMN!=VALUE (may be repeated)")
	return c
}

func (a *app) cat(runName, target string, f catFlags) error {
	r, err := a.loadRun(runName)
	if err != nil {
		return err
	}
	id, port, _ := strings.Cut(target, ".")
	n := r.Nodes[id]
	if n == nil {
		return fmt.Errorf("run %s has no node %q; it has: %s", r.ID, id, strings.Join(r.Order, ", "))
	}
	out, port, err := pickTable(n, port)
	if err != nil {
		return fmt.Errorf("node %s (%s): %w", id, n.State, err)
	}
	in, err := table.Open(a.engine("").Store, out.Digest)
	if err != nil {
		return fmt.Errorf("%s.%s: %w; `ouroflow resume %s` computes it again", id, port, err, r.ID)
	}
	defer in.Close()
	return a.print(in, f, out.Rows)
}

func (a *app) print(in *table.Reader, f catFlags, rows int64) error {
	keep, err := parseWhere(in.Schema(), f.where)
	if err != nil {
		return usageError{err}
	}
	schema, err := tableio.Select(in.Schema(), f.columns)
	if err != nil {
		return usageError{err}
	}
	var sink tableio.Sink
	if f.format == "text" {
		sink = newTextSink(a, schema)
	} else if sink, err = tableio.NewSink(f.format, a.stdout, schema); err != nil {
		return usageError{err}
	}
	printed, more, err := copyRows(in, sink, schema, keep, f.limit)
	if err != nil {
		return err
	}
	if err := sink.Close(); err != nil {
		return err
	}
	if f.format == "text" && more && len(f.where) > 0 {
		fmt.Fprintf(a.stdout, "... the first %d rows that match; --limit 0 prints all\n", printed)
	} else if f.format == "text" && more {
		fmt.Fprintf(a.stdout, "... the first %d rows of %d; --limit 0 prints all\n", printed, rows)
	}
	return nil
}

// copyRows writes the rows that keep accepts, at most limit of them if it isn't
// 0, and tells whether there were more.
func copyRows(in *table.Reader, sink tableio.Sink, schema *arrow.Schema, keep rowFilter, limit int) (printed int, more bool, err error) {
	for rec, err := range in.Batches() {
		if err != nil {
			return printed, false, err
		}
		projected := tableio.Project(rec, schema)
		for i := range int(rec.NumRows()) {
			if !keep(rec, i) {
				continue
			}
			if limit > 0 && printed == limit {
				return printed, true, nil
			}
			printed++
			if err := sink.Write(projected.NewSlice(int64(i), int64(i+1))); err != nil {
				return printed, false, err
			}
		}
	}
	return printed, false, nil
}

type rowFilter func(rec arrow.Record, i int) bool

// parseWhere makes a filter of conditions that all must hold.
func parseWhere(schema *arrow.Schema, conditions []string) (rowFilter, error) {
	var filters []rowFilter
	for _, c := range conditions {
		name, value, ok := strings.Cut(c, "=")
		if !ok {
			return nil, fmt.Errorf("--where %s: want COLUMN=VALUE or COLUMN!=VALUE", c)
		}
		name, negated := strings.CutSuffix(name, "!")
		at := schema.FieldIndices(name)
		if len(at) == 0 {
			return nil, fmt.Errorf("--where %s: the table has no column %q; it has: %s", c, name, strings.Join(table.Names(schema), ", "))
		}
		filters = append(filters, func(rec arrow.Record, i int) bool {
			return (tableio.Text(table.Value(rec.Column(at[0]), i)) == value) != negated
		})
	}
	return func(rec arrow.Record, i int) bool {
		for _, f := range filters {
			if !f(rec, i) {
				return false
			}
		}
		return true
	}, nil
}

// textSink prints a table for people.
type textSink struct{ t *tabwriter.Writer }

func newTextSink(a *app, schema *arrow.Schema) textSink {
	t := tabwriter.NewWriter(a.stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, strings.ToUpper(strings.Join(table.Names(schema), "\t")))
	return textSink{t}
}

// cellWidth is the longest text that a cell shows.
const cellWidth = 40

// Write implements tableio.Sink.
func (s textSink) Write(rec arrow.Record) error {
	for i := range int(rec.NumRows()) {
		cells := make([]string, rec.NumCols())
		for c, a := range rec.Columns() {
			text := report.Visible(strings.NewReplacer("\n", "\\n", "\t", "\\t", "\r", "\\r").Replace(tableio.Text(table.Value(a, i))))
			if r := []rune(text); len(r) > cellWidth {
				text = string(r[:cellWidth-3]) + "..."
			}
			cells[c] = text
		}
		if _, err := fmt.Fprintln(s.t, strings.Join(cells, "\t")); err != nil {
			return err
		}
	}
	return nil
}

// Close implements tableio.Sink.
func (s textSink) Close() error { return s.t.Flush() }
