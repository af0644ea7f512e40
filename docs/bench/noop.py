#!/usr/bin/env python3
"""Runs of n trivial nodes: ouroflow beside ninja and make.

usage: noop.py OUROFLOW [N...]. Each tool runs its graph once (cold); then the no-op
is timed five times, alternating between the tools, and then a run after one input
changed; the median counts. CPU is user and system time a node, beyond a no-op.
"""
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time


def ouroflow_graph(n):
    lines = ["version: 1", "name: noop", "nodes:"]
    for i in range(n):
        lines.append(f"  n{i}: {{type: dataset, with: {{path: d/{i}.jsonl}}}}")
    with open("p.yaml", "w") as f:
        f.write("\n".join(lines) + "\n")


def ninja_graph(n):
    with open("build.ninja", "w") as f:
        f.write("rule copy\n  command = cp $in $out\n")
        for i in range(n):
            f.write(f"build o/{i}: copy d/{i}.jsonl\n")
        f.write("build all: phony " + " ".join(f"o/{i}" for i in range(n)) + "\ndefault all\n")


def make_graph(n):
    with open("Makefile", "w") as f:
        f.write("all: " + " ".join(f"m/{i}" for i in range(n)) + "\n")
        f.write("m/%: d/%.jsonl\n\t@cp $< $@\n")


def measure_run(command):
    """Returns wall seconds, CPU seconds and the largest resident size in MB."""
    start = time.monotonic()
    p = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(p.pid, 0)
    if status != 0:
        sys.exit(f"{command[0]} failed")
    return time.monotonic() - start, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def write_input(i, text):
    with open(f"d/{i}.jsonl", "w") as f:
        f.write('{"problem_id": 1, "prompt": "number %s", "tests": ["x"]}\n' % text)


def make_graphs(ouroflow, n):
    """Writes the graphs of the tools that are there and returns their commands."""
    tools = {"ouroflow": [ouroflow, "run", "p.yaml", "--cache", "cache", "--runs", "runs"]}
    os.makedirs("d"), os.makedirs("m"), os.makedirs("o")
    for i in range(n):
        write_input(i, i)
    ouroflow_graph(n)
    if shutil.which("ninja"):
        ninja_graph(n)
        tools["ninja"] = ["ninja", "--quiet"]
    if shutil.which("make"):
        make_graph(n)
        tools["make"] = ["make", "-s"]
    return tools


def rounds(tools, before=lambda i: None):
    """The median wall time of five runs of each tool, taking turns."""
    times = {name: [] for name in tools}
    for i in range(5):
        before(i)
        for name, command in tools.items():
            times[name].append(measure_run(command)[0])
    return {name: statistics.median(t) for name, t in times.items()}


def report(kind, n, times, extra=()):
    fields = [f"{k}_ms={1000 * v:.0f}" for k, v in times.items()]
    fields += [f"ratio_to_{k}={times['ouroflow'] / times[k]:.2f}" for k in times if k != "ouroflow"]
    print(f"RESULT {kind}_{n}", *fields, *extra, flush=True)


def measure(ouroflow, n):
    tools = make_graphs(ouroflow, n)
    cold = {name: measure_run(c) for name, c in tools.items()}
    noop = rounds(tools)
    idle = measure_run(tools["ouroflow"])[1]
    _, cpu, peak = cold["ouroflow"]
    report("cold", n, {k: v[0] for k, v in cold.items()}, [f"cpu_ms_per_node={1000 * (cpu - idle) / n:.2f}", f"peak_mb={peak:.0f}"])
    report("noop", n, noop)
    report("one_changed", n, rounds(tools, lambda i: write_input(n // 2, f"changed {i}")))


def main():
    ouroflow = os.path.abspath(sys.argv[1])
    for n in [int(a) for a in sys.argv[2:]] or [10, 1000, 10000]:
        with tempfile.TemporaryDirectory() as d:
            os.chdir(d)
            measure(ouroflow, n)
            os.chdir("/")


if __name__ == "__main__":
    main()
