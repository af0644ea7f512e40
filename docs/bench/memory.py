#!/usr/bin/env python3
"""Peak memory of dataset -> label -> pass_at_k -> export at 100,000 and at 1,000,000 rows.

usage: memory.py OUROFLOW [ROWS...]. Each size runs cold, warm, and with one label
changed; the largest resident size of the process counts. The ratio of the last
size to the first says whether a table is held whole.
"""
import os
import subprocess
import sys
import tempfile
import time

PIPELINE = """version: 1
name: memory
nodes:
  samples: {type: dataset, with: {path: samples.jsonl, rows: samples, extra: [code, verdict]}}
  labels: {type: label, needs: samples, with: {energies: {syntax_error: SYNTAX}}}
  evaluation: {type: pass_at_k, needs: labels, with: {ks: [1, 10]}}
  table: {type: export, needs: labels, with: {path: labels.csv, columns: [problem_id, verdict, energy]}}
"""

VERDICTS = ["passed", "failed", "failed", "syntax_error"]


def write_samples(rows):
    """100 samples a problem, each with a code of its own."""
    with open("samples.jsonl", "w") as f:
        for i in range(rows):
            f.write(
                '{"problem_id": %d, "prompt": "Add %d to a number.", "tests": ["assert f(1) == 2"], '
                '"code": "def f(x):\\n    y = %d\\n    return x + y\\n", "verdict": "%s"}\n'
                % (i // 100, i // 100, i, VERDICTS[i % 4])
            )


def run(ouroflow, syntax):
    """Returns wall seconds and the largest resident size in MB."""
    with open("p.yaml", "w") as f:
        f.write(PIPELINE.replace("SYNTAX", syntax))
    start = time.monotonic()
    p = subprocess.Popen([ouroflow, "run", "p.yaml", "--cache", "cache", "--runs", "runs"], stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(p.pid, 0)
    if status != 0:
        sys.exit("the run failed")
    return time.monotonic() - start, usage.ru_maxrss / 1024


def main():
    ouroflow = os.path.abspath(sys.argv[1])
    sizes = [int(a) for a in sys.argv[2:]] or [100_000, 1_000_000]
    peaks = {}
    for rows in sizes:
        with tempfile.TemporaryDirectory() as d:
            os.chdir(d)
            write_samples(rows)
            for name, syntax in [("cold", "1.0"), ("warm", "1.0"), ("changed", "2.0")]:
                wall, peak = run(ouroflow, syntax)
                peaks[rows, name] = peak
                print(f"RESULT memory_{rows}_{name} peak_mb={peak:.0f} wall_s={wall:.1f}", flush=True)
            os.chdir("/")
    for name in ["cold", "warm", "changed"]:
        print(f"RESULT memory_ratio_{name} peak={peaks[sizes[-1], name] / peaks[sizes[0], name]:.2f}")


if __name__ == "__main__":
    main()
