#!/usr/bin/env python3
"""1% of the rows of a stage are appended, or inserted in the middle: what is computed?

usage: append.py OUROFLOW [ROWS]. A dataset of ROWS problems (10,000) is sampled once
each from a recording that has samples for all of them and for 1% more. The work of
the 1% is what a run of those rows alone takes on an empty cache; the cost of a known
row is what the run takes beyond that.
"""
import json
import os
import subprocess
import sys
import tempfile
import time

PIPELINE = """version: 1
name: append
nodes:
  problems: {type: dataset, with: {path: problems.jsonl}}
  prompts: {type: prompt, needs: problems}
  samples: {type: vllm_sample, needs: prompts, with: {recording: samples.jsonl, model: m, n: 1}}
"""


def problem(i):
    return '{"problem_id": %d, "prompt": "Add %d.", "tests": ["assert f(1) == %d"]}\n' % (i, i, i + 1)


def write(name, ids):
    with open(name, "w") as f:
        f.writelines(problem(i) for i in ids)


def run(ouroflow, cache):
    """Returns wall seconds and the rows of samples that were computed."""
    start = time.monotonic()
    command = [ouroflow, "run", "p.yaml", "--cache", cache, "--runs", cache + "-runs"]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    wall = time.monotonic() - start
    shown = subprocess.run([ouroflow, "show", "last", "--json", "--runs", cache + "-runs"], check=True, capture_output=True)
    return wall, json.loads(shown.stdout)["nodes"]["samples"]["rows"]


def main():
    ouroflow = os.path.abspath(sys.argv[1])
    rows = int(sys.argv[2]) if len(sys.argv) > 2 else 10_000
    more = rows // 100
    old, new = list(range(rows)), list(range(rows, rows + more))
    with tempfile.TemporaryDirectory() as d:
        os.chdir(d)
        with open("p.yaml", "w") as f:
            f.write(PIPELINE)
        with open("samples.jsonl", "w") as f:
            for i in old + new:
                f.write('{"problem_id": "%d", "config": "x", "index": 0, "completion": "def f(x):\\n    return x + %d\\n"}\n' % (i, i))
        write("problems.jsonl", new)
        alone, _ = run(ouroflow, "alone")
        for name, ids in [("append", old + new), ("insert", old[: rows // 2] + new + old[rows // 2 :])]:
            write("problems.jsonl", old)
            cold, _ = run(ouroflow, name)
            write("problems.jsonl", ids)
            wall, counts = run(ouroflow, name)
            known_ms = 1000 * (wall - alone) / rows
            print(
                f"RESULT {name}_{rows} computed={counts['computed']} cached={counts['cached']} wall_ms={1000 * wall:.0f}"
                f" cold_ms={1000 * cold:.0f} alone_ms={1000 * alone:.0f} ratio_to_alone={wall / alone:.2f} ms_per_known_row={known_ms:.4f}",
                flush=True,
            )
        os.chdir("/")


if __name__ == "__main__":
    main()
