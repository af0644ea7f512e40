package vllmsample

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ouroflow/ouroflow/engine/node"
)

// identity is what a server says it is. What it doesn't say is empty.
type identity struct {
	version     string // of vLLM; other servers have no /version
	fingerprint string // of how it was started: types, quantisation
	maxModelLen string
	files       string // digest of the model's files, or the revision of them
}

// ignore is the value of a pin that isn't part of the key.
const ignore = "ignore"

// pins are the facts that samples depend on, as a pipeline wants them to.
func (i identity) pins(p Pin) node.Pins {
	pins := node.Pins{}
	for _, fact := range i.facts(p) {
		switch {
		case fact.wanted == ignore:
		case fact.wanted != "":
			pins[fact.name] = fact.wanted
		case fact.said != "":
			pins[fact.name] = fact.said
		}
	}
	return pins
}

// fact is something that a server said, and what a pipeline wants of it.
type fact struct{ name, said, wanted string }

func (i identity) facts(p Pin) []fact {
	return []fact{
		{"server_version", i.version, p.ServerVersion},
		{"system_fingerprint", i.fingerprint, p.Fingerprint},
		{"max_model_len", i.maxModelLen, p.MaxModelLen},
		{"model_files", i.files, p.ModelFiles},
	}
}

// differences says in what another identity differs, but for what is loosened.
func (i identity) differences(other identity, p Pin) string {
	return differences(i.pins(p), other.pins(p))
}

func differences(a, b node.Pins) string {
	names := maps.Clone(a)
	maps.Copy(names, b)
	var list []string
	for _, name := range slices.Sorted(maps.Keys(names)) {
		if was, is := a[name], b[name]; was != is {
			list = append(list, fmt.Sprintf("%s was %q and is %q", name, was, is))
		}
	}
	return strings.Join(list, ", ")
}

// errAnother says that a server isn't what it was.
func errAnother(server, changes string) error {
	return fmt.Errorf("%s came back as another: %s; what was sampled is kept, run again to sample the rest from what it is now", server, changes)
}

// pin makes what the samples come from part of their keys: the content of the
// recording, or what the server says it is.
func pin(ctx context.Context, p Params) (node.Pins, error) {
	switch {
	case p.Recording != "":
		return pinRecording(p)
	case len(p.Serve.Command) > 0:
		id, err := p.Serve.identity(ctx)
		return id.pins(p.Pin), err
	}
	key, err := p.apiKey()
	if err != nil {
		return nil, err
	}
	f := newFleet(p, p.bases(), newClient(p, key), nil)
	if err := f.identify(ctx); err != nil {
		return nil, err
	}
	return f.servers[0].identity.pins(p.Pin), nil
}

func pinRecording(p Params) (node.Pins, error) {
	sum, err := recordingSum(string(p.Recording))
	if err != nil {
		return nil, fmt.Errorf("reading the recording: %w", err)
	}
	config, err := chooseConfig(p)
	if err != nil {
		return nil, err
	}
	pins := node.Pins{"recording": sum, "config": config}
	if p.all() { // a problem may then do without a sample that it hasn't
		if _, err := recordedCounts(p); err != nil {
			return nil, err
		}
		pins["n"] = "all"
	}
	return pins, nil
}

// comingUp is how long a server that isn't there is waited for before a run.
const comingUp = 10 * time.Second

// identifySoon asks a server that may just be coming up what it is.
func (c *client) identifySoon(ctx context.Context, base string, p Params) (identity, error) {
	for end, n := time.Now().Add(comingUp), 0; ; n++ {
		id, err := c.identify(ctx, base, p)
		if !passing(err) {
			return id, err
		}
		wait := backoff(n)
		if time.Now().Add(wait).After(end) {
			return id, fmt.Errorf("no server answers as it should: %w; start one, correct url, or have one started by serve: {command: [vllm, serve, MODEL]}", err)
		}
		if err := sleep(ctx, wait); err != nil {
			return id, err
		}
	}
}

// How long a server may take to say what it is, and to draw a token, behind whatever
// else it has to do.
const (
	sayWithin  = 30 * time.Second
	drawWithin = 5 * time.Minute
)

// within bounds an exchange with a server.
func within[T any](ctx context.Context, d time.Duration, base string, exchange func(context.Context) (T, error)) (T, error) {
	bounded, stop := context.WithTimeout(ctx, d)
	defer stop()
	v, err := exchange(bounded)
	if err != nil && bounded.Err() != nil && ctx.Err() == nil {
		err = node.Faultf("%s takes connections, but doesn't answer within %s", base, d)
	}
	return v, err
}

// identify asks a server what it is, its fingerprint included.
func (c *client) identify(ctx context.Context, base string, p Params) (identity, error) {
	id, err := c.card(ctx, base, p)
	if err != nil || p.Pin.Fingerprint == ignore || id.version == "" {
		return id, err
	}
	id.fingerprint, err = within(ctx, drawWithin, base, func(ctx context.Context) (string, error) {
		return c.fingerprint(ctx, base, p)
	})
	return id, err
}

// card asks a server what it is, without having it draw anything.
func (c *client) card(ctx context.Context, base string, p Params) (identity, error) {
	return within(ctx, sayWithin, base, func(ctx context.Context) (identity, error) { return c.ask(ctx, base, p) })
}

func (c *client) ask(ctx context.Context, base string, p Params) (identity, error) {
	var id identity
	card, err := c.model(ctx, base, p.Model)
	if err != nil {
		return id, err
	}
	if card.MaxModelLen > 0 {
		id.maxModelLen = strconv.Itoa(card.MaxModelLen)
		if p.MaxTokens >= card.MaxModelLen {
			return id, fmt.Errorf("max_tokens is %d, but prompt and completion together may have %d tokens (max_model_len of %s); lower it", p.MaxTokens, card.MaxModelLen, base)
		}
	}
	if id.version, err = c.version(ctx, base); err != nil {
		return id, err
	}
	if p.Pin.ModelFiles != ignore && isLocal(base) {
		id.files, err = modelFiles(card.Root)
	}
	return id, err
}

// modelCard is an entry of /v1/models.
type modelCard struct {
	ID          string `json:"id"`
	Root        string `json:"root"`
	MaxModelLen int    `json:"max_model_len"`
}

// model finds the model among those that a server has.
func (c *client) model(ctx context.Context, base, name string) (modelCard, error) {
	b, err := c.get(ctx, base+"/v1/models")
	if err != nil {
		return modelCard{}, fmt.Errorf("asking the server for its models: %w", err)
	}
	var list struct {
		Data []modelCard `json:"data"`
	}
	if err := json.Unmarshal(b, &list); err != nil || list.Data == nil {
		return modelCard{}, fmt.Errorf("%s/v1/models has no list of models, so this is no OpenAI-compatible server, or its url has a wrong path", base)
	}
	names := map[string]bool{}
	for _, card := range list.Data {
		if card.ID == name {
			return card, nil
		}
		names[card.ID] = true
	}
	return modelCard{}, fmt.Errorf("the server %s has no model %q; set model to one that it has: %q", base, name, slices.Sorted(maps.Keys(names)))
}

// version is that of vLLM, empty for other servers.
func (c *client) version(ctx context.Context, base string) (string, error) {
	b, err := c.get(ctx, base+"/version")
	var v struct {
		Version string `json:"version"`
	}
	if status := (*statusError)(nil); errors.As(err, &status) && (status.code == http.StatusNotFound || status.code == http.StatusMethodNotAllowed) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("asking the server for its version: %w", err)
	}
	_ = json.Unmarshal(b, &v) // a page of another kind is of another server, and tells none
	return v.Version, nil
}

// fingerprint has the server draw one token, since it tells no sooner.
func (c *client) fingerprint(ctx context.Context, base string, p Params) (string, error) {
	body, err := json.Marshal(map[string]any{"model": p.Model, "prompt": "1", "max_tokens": 1, "temperature": 0})
	if err != nil {
		return "", err
	}
	b, err := c.fetch(ctx, http.MethodPost, base+"/v1/completions", body, "fingerprint")
	if err != nil {
		return "", err
	}
	var r response
	if err := json.Unmarshal(b, &r); err != nil {
		return "", node.Faultf("the reply is not JSON: %w", err)
	}
	return r.Fingerprint, nil
}

// isLocal reports whether a server runs on this machine, so that the folder of its
// model is here.
func isLocal(base string) bool {
	u, err := url.Parse(base)
	return err == nil && (u.Hostname() == "localhost" || strings.HasPrefix(u.Hostname(), "127.") || u.Hostname() == "::1")
}
