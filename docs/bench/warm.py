#!/usr/bin/env python3
"""Warm re-run of a pipeline with 40,000 rows: 400 problems x 100 samples,
sampled, executed, labelled and evaluated.

usage: warm.py OUROFLOW. The baseline of the ratio is reading and hashing the
bytes of the run's output tables once, in the same process as this script.
"""
import hashlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time

PIPELINE = """version: 1
name: warm
nodes:
  problems: {type: dataset, with: {path: problems.jsonl}}
  prompts: {type: prompt, needs: problems}
  samples: {type: vllm_sample, needs: prompts, with: {recording: samples.jsonl, model: m, n: 100}}
  programs: {type: extract_code, needs: samples}
  verdicts: {type: containerd_exec, needs: programs}
  labels: {type: label, needs: verdicts}
  evaluation: {type: pass_at_k, needs: labels, with: {ks: [1, 10, 100]}}
"""


def write_inputs():
    with open("p.yaml", "w") as f:
        f.write(PIPELINE)
    with open("problems.jsonl", "w") as p, open("samples.jsonl", "w") as s:
        for i in range(400):
            p.write(json.dumps({"problem_id": i, "prompt": f"Add {i}.", "tests": [f"assert f(1) == {i + 1}"]}) + "\n")
            for j in range(100):
                # 10 distinct programs a problem, as repeated samples are in practice
                code = f"def f(x):\n    return x + {i if j % 2 else j % 10}\n"
                s.write(json.dumps({"problem_id": i, "config": "x", "index": j, "completion": code}) + "\n")


def run(ouroflow):
    start = time.monotonic()
    subprocess.run([ouroflow, "run", "p.yaml", "--cache", "cache", "--runs", "runs"], check=True, stdout=subprocess.DEVNULL)
    return time.monotonic() - start


def hash_outputs(record):
    start = time.monotonic()
    size = 0
    for node in record["nodes"].values():
        for out in node["outputs"].values():
            with open(f"cache/blobs/{out['digest'][:2]}/{out['digest']}", "rb") as f:
                content = f.read()
            size += len(content)
            hashlib.sha256(content).digest()
    return time.monotonic() - start, size


def main():
    ouroflow = os.path.abspath(sys.argv[1])
    with tempfile.TemporaryDirectory() as d:
        os.chdir(d)
        write_inputs()
        cold = run(ouroflow)
        warm = [run(ouroflow) for _ in range(5)]
        shown = subprocess.run([ouroflow, "show", "last", "--json", "--cache", "cache", "--runs", "runs"], check=True, capture_output=True)
        record = json.loads(shown.stdout)
        computed = sum(n["rows"]["computed"] for n in record["nodes"].values())
        hashing, size = hash_outputs(record)
        median = statistics.median(warm)
        print(f"RESULT warm_40000 warm_ms={1000 * median:.0f} cold_ms={1000 * cold:.0f} rows_computed={computed} "
              f"output_mb={size / 1e6:.0f} hash_ms={1000 * hashing:.0f} ratio_to_hash={median / hashing:.2f}")
        os.chdir("/")


if __name__ == "__main__":
    main()
