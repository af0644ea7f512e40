package vllmsample

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/ouroflow/ouroflow/engine/node"
)

// omittable are the fields of a request that a server may do without, and what follows
// if they aren't sent.
var omittable = map[string]string{
	"seed":                   "samples are then not repeatable",
	"temperature":            "samples are then drawn at the server's own",
	"top_p":                  "samples are then drawn at the server's own",
	"max_tokens":             "samples are then as long as the server lets them be",
	"n":                      "each request then asks for one sample",
	"stream_options":         "the tokens of a streamed sample may then not be counted",
	"return_token_ids":       "the tokens of samples may then not be counted",
	"add_generation_prompt":  "an answer that is begun may then not be gone on with",
	"continue_final_message": "an answer that is begun may then not be gone on with",
}

// switches are the params that keep the other fields out of a request.
var switches = map[string]string{
	"top_k": "top_k: 0", "min_p": "min_p: 0", "repetition_penalty": "repetition_penalty: 1",
	"stop": "stop: []", "logprobs": "logprobs: none", "stream": "stream: false",
}

// checkAdapted finds mistakes in what is renamed and left out.
func (p Params) checkAdapted() error {
	for _, field := range p.Omit {
		if omittable[field] == "" {
			return node.BadField("omit", "%q is no field that can be left out; these can: %s", field, strings.Join(slices.Sorted(maps.Keys(omittable)), ", "))
		}
	}
	for _, field := range slices.Sorted(maps.Keys(p.Rename)) {
		to := p.Rename[field]
		_, extra := p.Extra[to]
		switch {
		case omittable[field] == "" && switches[field] == "":
			return node.BadField("rename."+field, "%q is no field that can be renamed; these can: %s", field, strings.Join(renamable(), ", "))
		case to == "" || extra || slices.Contains(reserved, to):
			return node.BadField("rename."+field, "the new name %q is empty, or that of another field", to)
		case slices.Contains(p.Omit, field):
			return node.BadField("rename."+field, "%q is in omit, too; choose one", field)
		}
	}
	return nil
}

func renamable() []string {
	return slices.Sorted(maps.Keys(merged(omittable, switches)))
}

func merged(a, b map[string]string) map[string]string {
	all := maps.Clone(a)
	maps.Copy(all, b)
	return all
}

// adapt makes a request one that the server takes.
func (p Params) adapt(body map[string]any) {
	for _, field := range p.Omit {
		delete(body, field)
	}
	renamed := map[string]any{}
	for field, to := range p.Rename {
		if v, ok := body[field]; ok {
			delete(body, field)
			renamed[to] = v
		}
	}
	maps.Copy(body, renamed)
}

func (p Params) omits(field string) bool { return slices.Contains(p.Omit, field) }

var unsupported = regexp.MustCompile(`(?i)unsupported|not supported|(?:does not|doesn't|don't) support|unrecognized|unrecognised|unknown|unexpected|not permitted|not allowed|extra inputs|additional propert|deprecated|no longer`)

// adviceOn says what to set if a server doesn't take a field of the request; it is empty
// if the error is about something else.
func adviceOn(e apiError) string {
	if e.Code != "unsupported_parameter" && e.Code != "unsupported_value" && !unsupported.MatchString(e.Message) {
		return ""
	}
	if mentions(e, "max_tokens") && mentions(e, "max_completion_tokens") {
		return "set rename: {max_tokens: max_completion_tokens}"
	}
	for _, field := range slices.Sorted(maps.Keys(switches)) {
		if mentions(e, field) {
			return fmt.Sprintf("set %s, or rename: {%s: NAME} if the server has another name for it", switches[field], field)
		}
	}
	for _, field := range slices.Sorted(maps.Keys(omittable)) {
		if mentions(e, field) {
			return fmt.Sprintf("set omit: [%s]; %s", field, omittable[field])
		}
	}
	return ""
}

// mentions reports whether an error names a field.
func mentions(e apiError, field string) bool {
	if e.Param == field {
		return true
	}
	return regexp.MustCompile(`(?:^|[^A-Za-z_])` + field + `(?:$|[^A-Za-z_])`).MatchString(quoted(e.Message, field))
}

// quoted is a message in which a field that is also an English word or letter counts
// only in quotes.
func quoted(message, field string) string {
	if field != "n" && field != "stop" && field != "seed" && field != "stream" {
		return message
	}
	return strings.Join(regexp.MustCompile("['\"`][a-z_.]+['\"`]").FindAllString(message, -1), " ")
}
