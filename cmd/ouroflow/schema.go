package main

import (
	"encoding/json"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ouroflow/ouroflow/engine/node"
	"github.com/ouroflow/ouroflow/nodes"
	"github.com/spf13/cobra"
)

// object is a piece of JSON Schema.
type object = map[string]any

func (a *app) schemaCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "schema",
		Short: "Print the JSON Schema of pipelines, for editors",
		Long:  "schema prints the JSON Schema of pipeline files. With the YAML language server, begin a pipeline with\n  # yaml-language-server: $schema=ouroflow.schema.json",
		Args:  args(cobra.NoArgs),
		RunE: func(*cobra.Command, []string) error {
			enc := json.NewEncoder(a.stdout)
			enc.SetIndent("", "  ")
			return enc.Encode(pipelineSchema(nodes.Standard()))
		},
	}
}

// interpolated allows ${params.x} where a value is wanted.
func interpolated(s object) object {
	return object{"anyOf": []object{s, {"type": "string", "pattern": `\$\{params\.`}}}
}

func closed(properties object, required ...string) object {
	o := object{"type": "object", "properties": properties, "additionalProperties": false}
	if len(required) > 0 {
		o["required"] = required
	}
	return o
}

func mapOf(value any) object { return object{"type": "object", "additionalProperties": value} }

var cacheSchema = closed(object{"remote": object{"type": "string", "pattern": "^(s3://.+|file:///.+)$"}})

func pipelineSchema(types node.Registry) object {
	profile := closed(object{
		"description": object{"type": "string"},
		"params":      object{"type": "object"},
		"pools":       mapOf(object{"type": "integer", "minimum": 1}),
		"cache":       cacheSchema,
		"nodes":       mapOf(object{"type": "object"}),
	})
	schema := closed(object{
		"version":     object{"const": 1},
		"name":        object{"type": "string"},
		"description": object{"type": "string"},
		"params":      mapOf(object{"type": []string{"integer", "number", "string", "boolean", "array"}}),
		"profiles":    mapOf(profile),
		"pools":       mapOf(object{"type": "integer", "minimum": 1}),
		"cache":       cacheSchema,
		"nodes":       mapOf(object{"oneOf": nodeSchemas(types)}),
	}, "version", "nodes")
	schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
	schema["title"] = "ouroflow pipeline"
	return schema
}

func nodeSchemas(types node.Registry) []object {
	var out []object
	for _, name := range slices.Sorted(maps.Keys(types)) {
		t := types[name]
		n := closed(object{
			"type":        object{"const": name},
			"description": object{"type": "string"},
			"needs":       needsSchema(t),
			"with":        paramsSchema(node.Params(t.New())),
			"pool":        object{"type": "string"},
			"retries":     object{"type": "integer", "minimum": 0, "maximum": 100},
			"timeout":     object{"type": "string", "description": "a duration such as 90s or 1h30m"},
		}, "type")
		n["description"] = t.Doc
		out = append(out, n)
	}
	return out
}

func needsSchema(t *node.Type) object {
	ports := object{}
	for _, p := range t.Ports().In {
		ports[p.Name] = object{"type": "string", "description": p.Doc}
	}
	return object{"oneOf": []object{{"type": "string"}, closed(ports), {"type": "null"}}}
}

// paramsSchema nests the flat list of params again.
func paramsSchema(params []node.Param) object {
	properties := object{}
	nested := map[string][]node.Param{}
	for _, p := range params {
		head, rest, ok := strings.Cut(p.Name, ".")
		if !ok {
			properties[p.Name] = paramSchema(p)
			continue
		}
		p.Name = rest
		nested[head] = append(nested[head], p)
	}
	for head, list := range nested {
		properties[head] = paramsSchema(list)
	}
	return closed(properties)
}

func paramSchema(p node.Param) object {
	s := typeSchema(p.Type)
	if len(p.Enum) > 0 {
		s["enum"] = p.Enum
	}
	if x, err := strconv.ParseFloat(p.Min, 64); err == nil {
		s["minimum"] = x
	}
	if x, err := strconv.ParseFloat(p.Max, 64); err == nil {
		s["maximum"] = x
	}
	out := interpolated(s)
	out["description"] = p.Doc
	out["default"] = json.RawMessage(jsonDefault(p))
	return out
}

func jsonDefault(p node.Param) string {
	if d, ok := p.Value.(time.Duration); ok {
		return strconv.Quote(d.String())
	}
	return p.Canonical()
}

func typeSchema(t reflect.Type) object {
	if t == reflect.TypeFor[time.Duration]() {
		return object{"type": "string"}
	}
	switch t.Kind() {
	case reflect.Bool:
		return object{"type": "boolean"}
	case reflect.Int, reflect.Int64:
		return object{"type": "integer"}
	case reflect.Float64:
		return object{"type": "number"}
	case reflect.Slice:
		return object{"type": "array", "items": interpolated(typeSchema(t.Elem()))}
	case reflect.Map:
		return mapOf(interpolated(typeSchema(t.Elem())))
	case reflect.Interface:
		return object{}
	default:
		return object{"type": "string"}
	}
}
