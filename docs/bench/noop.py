#!/usr/bin/env python3
"""No-op runs of n trivial nodes and a join: ouroflow beside ninja and make.

usage: noop.py OUROFLOW [N...]. Each tool runs its graph once, then the no-op is
timed five times, alternating between the tools; the median counts.
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


def wall(command):
    start = time.monotonic()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.monotonic() - start


def measure(ouroflow, n):
    tools = {"ouroflow": [ouroflow, "run", "p.yaml", "--cache", "cache", "--runs", "runs"]}
    os.makedirs("d"), os.makedirs("m"), os.makedirs("o")
    for i in range(n):
        with open(f"d/{i}.jsonl", "w") as f:
            f.write('{"problem_id": 1, "prompt": "number %d", "tests": ["x"]}\n' % i)
    ouroflow_graph(n)
    if shutil.which("ninja"):
        ninja_graph(n)
        tools["ninja"] = ["ninja", "--quiet"]
    if shutil.which("make"):
        make_graph(n)
        tools["make"] = ["make", "-s"]
    cold = {name: wall(c) for name, c in tools.items()}
    times = {name: [] for name in tools}
    for _ in range(5):
        for name, command in tools.items():
            times[name].append(wall(command))
    noop = {name: statistics.median(t) for name, t in times.items()}
    fields = [f"{k}_ms={1000 * v:.0f}" for k, v in noop.items()]
    fields += [f"{k}_cold_ms={1000 * v:.0f}" for k, v in cold.items()]
    fields += [f"ratio_to_{k}={noop['ouroflow'] / noop[k]:.2f}" for k in noop if k != "ouroflow"]
    print(f"RESULT noop_{n}", *fields, flush=True)


def main():
    ouroflow = os.path.abspath(sys.argv[1])
    for n in [int(a) for a in sys.argv[2:]] or [10, 1000, 10000]:
        with tempfile.TemporaryDirectory() as d:
            os.chdir(d)
            measure(ouroflow, n)
            os.chdir("/")


if __name__ == "__main__":
    main()
