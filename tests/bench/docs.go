package main

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// drawings are the plots of the document, by their files.
var drawings = []struct {
	file, curve, says string
	plot              plot
}{
	{
		"rules.svg", curveRules, "The request that is verified belongs to the last rule; the other rules are for other paths.",
		plot{"CPU time per request against the number of rules", "rules in the policy", "µs of CPU per request", false, micros, short},
	},
	{
		"body.svg", curveBody, "A body that no rule asks for is passed on unread; one that is asked for goes through the strict reader whole. Both axes are logarithmic.",
		plot{"CPU time per request against the size of the body", "body", "µs of CPU per request", true, micros, byteSize},
	},
	{
		"waiting.svg", curveWaiting, "What one more request with a vendor call costs while so many others wait for their vendor, in one guest VM.",
		plot{"CPU time per request while others wait", "requests that wait", "µs of CPU per request", false, micros, short},
	},
	{
		"memory.svg", curveWaiting, "What the process holds at that moment, connections on both sides included.",
		plot{"Memory while requests wait", "requests that wait", "MiB resident", false, func(p point) float64 { return p.MiB }, short},
	},
}

func micros(p point) float64 { return p.Micros }

// documents is performance.md and its drawings, by their names below docs. What was measured in Envoy is a run of its own.
func (r *results) documents(envoy *results) map[string]string {
	files := map[string]string{"performance.md": r.page(envoy)}
	for _, d := range drawings {
		for _, c := range r.Curves {
			if c.Name == d.curve {
				files["performance/"+d.file] = d.plot.svg(c)
			}
		}
	}
	return files
}

func (r *results) writeDocs(dir string, envoy *results) error {
	files := r.documents(envoy)
	for _, name := range slices.Sorted(maps.Keys(files)) {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(path, []byte(files[name]), 0o644); err != nil {
			return err
		}
	}
	return nil
}

const pageHead = `# Performance

<!-- Drawn by the bench from performance.json. Do not edit. -->

What the gateway costs beside what else could do its work. ` + "`make bench`" + ` measures all of this in one run and prints the table; the figures here are one such run, kept in [performance.json](performance.json).

The task is the same for every peer: read a name and an ID number from a JSON body, ask JD Cloud in one signed request whether they belong together, forward with ` + "`x-idv-outcome: match`" + ` if they do, answer 403 if they do not, and forward every other route untouched. Before anything is measured each peer proves it against the vendors' sandbox, which checks the signature.

`

const envoyHead = "The guest for proxy-wasm in Envoy 1.40.0 with one worker, `make bench-envoy`; kept in [performance-envoy.json](performance-envoy.json). CPU time is that of the Envoy process and of the service it asks, if any. Each peer serves 15,000 requests first, since V8 compiles a function well only once it has run for long.\n\n"

const envoyEnd = `
Where the time goes (` + "`perf record -e cpu-clock -p` of Envoy under [the example](../examples/envoy) and `wrk`" + `): half in Envoy's own code, a third in the guest's, a tenth in the kernel. A request with a vendor call crosses the border between the two dozens of times: callbacks, headers, body, callout, metrics, the audit line. The floor is what a guest in Go costs that reads the head and nothing else: idvgate is near it where no rule is for the request, and no Go guest will be level with no filter.
`

const pageEnd = `## How it is measured

- Measured is the CPU time of the peer's process (user and system), for each request of a closed loop of 16 connections; a ratio is the plain proxy's over the peer's, so 1 × is as cheap as forwarding alone. It says nothing about latency, which the vendor decides.
- Each peer is a process with GOMAXPROCS=1. Load, upstream and vendor run in another, on the same machine.
- Peers play in turn within a round, each round between two of the plain proxy against itself. A round in which those two differ by more than 5 % is void. A figure is the median of the rounds that count.
- OPA runs as a library in front of the same proxy, without the sidecar and gRPC of its usual place. Caddy and the service it asks share a process. The naive plugin gets each whole request as JSON. Each of these favours the peer, or is how one would first write it.
- A slow vendor: clients ask again as soon as they are answered; whoever has no answer four seconds after the end counts as without one. The naive pool's instances wait one request each.
- Machines differ: compare ratios, and only within one run.
`

// page is the document.
func (r *results) page(envoy *results) string {
	var b strings.Builder
	b.WriteString(pageHead)
	r.machine(&b)
	if len(r.Versions) > 0 {
		b.WriteString("Peers:")
		for i, name := range slices.Sorted(maps.Keys(r.Versions)) {
			if i > 0 {
				b.WriteByte(',')
			}
			fmt.Fprintf(&b, " %s is %s", name, r.Versions[name])
		}
		b.WriteString(".\n")
	}
	b.WriteString("\n## The table\n\n")
	r.table(&b)
	b.WriteString("\n## In Envoy\n\n" + envoyHead)
	envoy.machine(&b)
	b.WriteString("\n")
	envoy.table(&b)
	b.WriteString(envoyEnd)
	b.WriteString("\n## What it depends on\n\n")
	for _, d := range drawings {
		for _, c := range r.Curves {
			if c.Name == d.curve {
				fmt.Fprintf(&b, "![%s](performance/%s)\n\n%s\n\n", d.plot.title, d.file, d.says)
			}
		}
	}
	b.WriteString(pageEnd)
	return b.String()
}

// machine says where and when it was measured.
func (r *results) machine(b *strings.Builder) {
	fmt.Fprintf(b, "%s, %d cores, %s, %s, on %s. %d rounds of %d requests counted for the table; %d rounds were void, those of the curves included.\n",
		r.Machine.CPU, r.Machine.Cores, r.Machine.OS, r.Machine.Go, r.When.Format("2006-01-02"), r.Rounds, r.Requests, r.Void)
	if r.Quick {
		b.WriteString("\n**A quick run: it shows that the bench works. Its void rounds count, so its figures say nothing.**\n")
	}
}

// table is each figure beside its target.
func (r *results) table(b *strings.Builder) {
	b.WriteString("| what | measured | CPU time | target | | note |\n|---|--:|--:|--:|---|---|\n")
	group := ""
	for _, f := range r.Figures {
		if f.Group != group {
			group = f.Group
			fmt.Fprintf(b, "| **%s** | | | | | |\n", group)
		}
		cpu := ""
		if f.Micros > 0 {
			cpu = number(f.Micros) + " µs"
		}
		fmt.Fprintf(b, "| %s | %s %s | %s | %s | %s | %s |\n", f.Name, number(f.Value), f.Unit, cpu, f.Target, f.judged(), f.Note)
	}
}
