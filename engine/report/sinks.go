package report

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/ouroflow/ouroflow/engine/event"
)

// JSON writes each event as a line of JSON.
type JSON struct {
	mu sync.Mutex
	w  io.Writer
}

// NewJSON returns a sink that writes to w.
func NewJSON(w io.Writer) *JSON { return &JSON{w: w} }

// Emit implements event.Sink.
func (j *JSON) Emit(e event.Event) {
	b, err := json.Marshal(e)
	if err != nil {
		return
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	_, _ = j.w.Write(append(b, '\n')) // a reader that went away must not stop the run
}

// Plain writes a line when something happens to a node, and now and then how far
// it is. It suits pipes and log files.
type Plain struct {
	mu   sync.Mutex
	w    io.Writer
	view *View
	last map[string]time.Time
}

// plainEvery is the shortest time between two progress lines of a node.
const plainEvery = 5 * time.Second

// NewPlain returns a sink for a run of these nodes.
func NewPlain(w io.Writer, order []string) *Plain {
	return &Plain{w: w, view: NewView(order), last: map[string]time.Time{}}
}

// Emit implements event.Sink.
func (p *Plain) Emit(e event.Event) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.view.Apply(e)
	if line := p.line(e); line != "" {
		fmt.Fprintln(p.w, Visible(line))
	}
}

func (p *Plain) line(e event.Event) string {
	n := p.view.Nodes[e.Node]
	switch e.Kind {
	case event.RunStarted:
		p.last[""] = e.Time
		return fmt.Sprintf("run %s of %s", e.Run, e.Note)
	case event.RunNote:
		return "note: " + e.Note
	case event.NodeProgress:
		since := n.Started
		if t, ok := p.last[e.Node]; ok {
			since = t
		}
		if e.Time.Sub(since) < plainEvery {
			return ""
		}
		p.last[e.Node] = e.Time
		return fmt.Sprintf("%s: %s", e.Node, n.progress(e.Time))
	case event.NodeRetry:
		return fmt.Sprintf("%s: %s (%s)", e.Node, e.Error, e.Note)
	case event.NodeDamage, event.NodeReason:
		return fmt.Sprintf("%s: %s", e.Node, e.Note)
	case event.NodeEnded:
		return endLine(e.Node, n)
	default:
		return ""
	}
}

func endLine(id string, n *Node) string {
	line := fmt.Sprintf("%s: %s", id, n.State)
	if s := n.summary(); s != "" {
		line += " (" + s + ")"
	}
	if !n.Started.IsZero() {
		line += " in " + short(n.Ended.Sub(n.Started))
	}
	if n.Error != "" {
		line += "\n  " + strings.ReplaceAll(n.Error, "\n", "\n  ")
	}
	return line
}

// Live redraws a line for each node on a terminal.
type Live struct {
	mu    sync.Mutex
	w     io.Writer
	view  *View
	width int
	drawn int // lines on the screen
	tick  *time.Ticker
	done  chan struct{}
	wg    sync.WaitGroup
}

// NewLive returns a sink that draws on a terminal of that width until Close.
func NewLive(w io.Writer, order []string, width int) *Live {
	l := &Live{w: w, view: NewView(order), width: width, tick: time.NewTicker(100 * time.Millisecond), done: make(chan struct{})}
	l.wg.Go(l.loop)
	return l
}

func (l *Live) loop() {
	for {
		select {
		case <-l.tick.C:
			l.mu.Lock()
			l.draw(time.Now())
			l.mu.Unlock()
		case <-l.done:
			return
		}
	}
}

// Emit implements event.Sink. What must not be lost is written above the view.
func (l *Live) Emit(e event.Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.view.Apply(e)
	switch {
	case e.Kind == event.RunNote:
		l.above("note: " + e.Note)
	case e.Kind == event.NodeDamage:
		l.above(e.Node + ": " + e.Note)
	case e.Kind == event.NodeRetry:
		l.above(e.Node + ": " + e.Error + " (" + e.Note + ")")
	case e.Kind == event.NodeEnded && e.Error != "":
		l.above(endLine(e.Node, l.view.Nodes[e.Node]))
	}
}

func (l *Live) above(text string) {
	l.erase()
	fmt.Fprintln(l.w, Visible(text))
	l.draw(time.Now())
}

// maxLines bounds the view; of larger pipelines the nodes that run are shown.
const maxLines = 40

func (l *Live) draw(now time.Time) {
	l.erase()
	for _, id := range l.view.Order {
		n := l.view.Nodes[id]
		if len(l.view.Order) > maxLines && n.State != event.Running {
			continue
		}
		if l.drawn == maxLines {
			break
		}
		fmt.Fprintln(l.w, cut(Visible(liveLine(id, n, now)), l.width-1))
		l.drawn++
	}
}

func (l *Live) erase() {
	if l.drawn > 0 {
		fmt.Fprintf(l.w, "\x1b[%dA\x1b[J", l.drawn)
		l.drawn = 0
	}
}

var marks = map[event.State]string{
	event.Waiting: " ", event.Running: ">", event.Succeeded: "+", event.Cached: "=",
	event.Failed: "!", event.Skipped: "-", event.Interrupted: "~",
}

func liveLine(id string, n *Node, now time.Time) string {
	text := fmt.Sprintf("%s %-14s %-11s ", marks[n.State], id, n.State)
	switch n.State {
	case event.Waiting, event.Skipped:
		return text
	case event.Running:
		return text + fmt.Sprintf("%6s  %s", short(now.Sub(n.Started)), n.progress(now))
	default:
		return text + fmt.Sprintf("%6s  %s", short(n.Ended.Sub(n.Started)), n.summary())
	}
}

func cut(s string, n int) string {
	if r := []rune(s); n > 0 && len(r) > n {
		return string(r[:n])
	}
	return s
}

// Close draws the last state and stops.
func (l *Live) Close() {
	l.tick.Stop()
	close(l.done)
	l.wg.Wait()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.draw(time.Now())
	l.drawn = 0
}
