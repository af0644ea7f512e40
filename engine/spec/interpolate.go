package spec

import (
	"regexp"
	"strings"
)

var reference = regexp.MustCompile(`\$?\$\{([^}]*)\}`)

// interpolate replaces ${params.x} in every string of v. A string that is
// nothing but a reference becomes the parameter's value, type and all; inside
// other text its value is written out. $${ stands for ${.
func interpolate(v *Value, params map[string]*Value, c *Collector) {
	for _, item := range v.List {
		interpolate(item, params, c)
	}
	for _, e := range v.Map {
		interpolate(e.Value, params, c)
	}
	if v.Kind != String || !strings.Contains(v.String, "${") {
		return
	}
	refs := reference.FindAllStringIndex(v.String, -1)
	if len(refs) == 0 {
		c.Addf(v.Pos, "${ is never closed; write $${ for the characters themselves")
		return
	}
	if whole := refs[0]; whole[0] == 0 && whole[1] == len(v.String) && !strings.HasPrefix(v.String, "$$") {
		if p := lookup(v, v.String, params, c); p != nil {
			pos := v.Pos
			*v = *p.clone()
			v.Pos = pos
		}
		return
	}
	v.String = reference.ReplaceAllStringFunc(v.String, func(ref string) string {
		if strings.HasPrefix(ref, "$$") {
			return ref[1:]
		}
		p := lookup(v, ref, params, c)
		if p == nil {
			return ref
		}
		return p.Text()
	})
}

func lookup(at *Value, ref string, params map[string]*Value, c *Collector) *Value {
	name, ok := strings.CutPrefix(strings.TrimSpace(ref[2:len(ref)-1]), "params.")
	if !ok {
		c.Addf(at.Pos, "%s can't be resolved: only ${params.NAME} can", ref)
		return nil
	}
	p, ok := params[name]
	if !ok {
		known := make([]string, 0, len(params))
		for k := range params {
			known = append(known, k)
		}
		c.Addf(at.Pos, "no parameter is named %q%s", name, Nearest(name, known))
		return nil
	}
	return p
}
