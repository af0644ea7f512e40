package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/ouroflow/ouroflow/engine/node"
	"github.com/ouroflow/ouroflow/engine/spec"
	"github.com/ouroflow/ouroflow/engine/table"
	"github.com/ouroflow/ouroflow/nodes"
	"github.com/spf13/cobra"
)

func (a *app) nodesCommand() *cobra.Command {
	var markdown bool
	c := &cobra.Command{
		Use:   "nodes [TYPE]",
		Short: "List the node types, or describe one: its params and ports",
		Args:  args(cobra.MaximumNArgs(1)),
		RunE: func(_ *cobra.Command, args []string) error {
			types := nodes.Standard()
			names := slices.Sorted(maps.Keys(types))
			if len(args) == 1 {
				if types[args[0]] == nil {
					return usageError{fmt.Errorf("no node type is named %q%s", args[0], spec.Nearest(args[0], names))}
				}
				names = args
			}
			switch {
			case markdown:
				writeReference(a.stdout, types, names)
			case len(args) == 1:
				describeType(a.stdout, types[args[0]])
			default:
				listTypes(a.stdout, types, names)
			}
			return nil
		},
	}
	c.Flags().BoolVar(&markdown, "markdown", false, "print the reference as Markdown")
	return c
}

func listTypes(w io.Writer, types node.Registry, names []string) {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, name := range names {
		summary, _, _ := strings.Cut(types[name].Doc, ". ")
		fmt.Fprintf(t, "%s\t%s\n", name, strings.TrimSuffix(summary, "."))
	}
	t.Flush()
}

func describeType(w io.Writer, t *node.Type) {
	fmt.Fprintf(w, "%s (version %d, %s)\n\n%s\n", t.Name, t.Version, kindOf(t), t.Doc)
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(tw, "\nPARAM\tTYPE\tDEFAULT\tDOC")
	for _, p := range node.Params(t.New()) {
		fmt.Fprintf(tw, "%s\t%s\t%s\t%s\n", p.Name, typeOf(p), shortDefault(p), p.Doc)
	}
	fmt.Fprintln(tw, "\nPORT\t\tSCHEMA\tDOC")
	for _, port := range portsOf(t) {
		fmt.Fprintf(tw, "%s\t%s\t%s\t%s\n", port.direction, port.Name, schemaOf(port.Port), port.Doc)
	}
	tw.Flush()
}

func kindOf(t *node.Type) string {
	if t.RowWise {
		return "row-wise"
	}
	return "whole table"
}

type directedPort struct {
	node.Port
	direction string
}

// portsOf lists the ports of a type as they are with its default params.
func portsOf(t *node.Type) []directedPort {
	ports := t.Ports()
	var out []directedPort
	for _, p := range ports.In {
		out = append(out, directedPort{p, "in"})
	}
	for _, p := range ports.Out {
		out = append(out, directedPort{p, "out"})
	}
	return out
}

func schemaOf(p node.Port) string {
	switch {
	case p.IsTree():
		return "files"
	case p.Schema.NumFields() == 0:
		return "any table"
	default:
		return table.Describe(p.Schema)
	}
}

func typeOf(p node.Param) string {
	text := spec.TypeName(p.Type)
	if len(p.Enum) > 0 {
		text = strings.Trim(strings.Join(p.Enum, "|"), "|")
	}
	switch {
	case p.Min != "" && p.Max != "":
		text += fmt.Sprintf(" %s..%s", p.Min, p.Max)
	case p.Min != "":
		text += " >= " + p.Min
	}
	return text
}

func defaultOf(p node.Param) string {
	if d, ok := p.Value.(fmt.Stringer); ok {
		return d.String()
	}
	return p.Canonical()
}

func shortDefault(p node.Param) string {
	if s := defaultOf(p); len(s) <= 40 {
		return s
	}
	return defaultOf(p)[:37] + "..."
}

// writeReference writes docs/YAML.md's part about node types.
func writeReference(w io.Writer, types node.Registry, names []string) {
	for _, name := range names {
		t := types[name]
		fmt.Fprintf(w, "## %s\n\n%s\n\nVersion %d, %s.\n\n", t.Name, t.Doc, t.Version, kindOf(t))
		if params := node.Params(t.New()); len(params) > 0 {
			fmt.Fprintln(w, "| param | type | default | |\n|---|---|---|---|")
			for _, p := range params {
				fmt.Fprintf(w, "| `%s` | %s | %s | %s |\n", p.Name, escape(typeOf(p)), escape("`"+defaultOf(p)+"`"), escape(p.Doc))
			}
			fmt.Fprintln(w)
		}
		fmt.Fprintln(w, "| port | | columns | |\n|---|---|---|---|")
		for _, p := range portsOf(t) {
			fmt.Fprintf(w, "| %s | `%s` | %s | %s |\n", p.direction, p.Name, escape(schemaOf(p.Port)), escape(p.Doc))
		}
		fmt.Fprintln(w)
	}
}

func escape(s string) string { return strings.ReplaceAll(s, "|", `\|`) }
