#!/usr/bin/env python3
"""The same graphs in ouroflow, DVC, Snakemake, redun, ninja and make, side by side.

usage: peers.py OUROFLOW [--nodes N] [--rows N] [--venv DIR]. DVC, Snakemake and
redun are installed from PyPI, each into a virtual environment of its own below
--venv (default: a temporary folder); what is there already is used again.

Scenarios: a cold run of N steps and a join; the same command again (no-op, median
of 3, the tools taking turns); one input changed; 1% of the rows of a file appended,
where a step is the whole file; the same with a tenth of the rows for redun with a
task for each row; kill -9 when half of N slow steps are done, then the same command
again.

What is the same: the input files, the shell command of a step, and how many steps
may run at once (one for each processor). What isn't, because it is how each tool
is made: DVC runs one step at a time, and a trivial step of ouroflow is a node in
its own process (dataset, with an export of the first as the join), which spares it
a shell. A slow step and a row are rows of ouroflow's vllm_sample.

A step says that it ran in ran.log, after its output is written, so what ran is
counted in the same way for every tool and doesn't rest on what the tool says. Only
ouroflow's nodes and appended rows are counted from its run record.
"""
import argparse
import contextlib
import http.server
import json
import os
import shlex
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse

CORES = os.cpu_count() or 1
SLOW = 0.05  # seconds of a slow step
SETTLE = 0.5  # seconds after a kill in which what outlived it may end

# What a step runs. {i} is its number, in the words of each tool.
TRIVIAL = "cp in/{i}.jsonl out/{i}.jsonl && echo {i} >> ran.log"
SLEEPING = f"sleep {SLOW} && " + TRIVIAL
BY_ROW = f"{shlex.quote(sys.executable)} rows.py in/{{i}}.jsonl out/{{i}}.jsonl"
JOIN = "cat out/*.jsonl > joined.jsonl && echo join >> ran.log"

# One step for a whole file, as it is written for tools that know files only.
ROWS_PY = """import json, sys
with open(sys.argv[1]) as rows, open(sys.argv[2], "w") as out, open("ran.log", "a") as ran:
    for line in rows:
        out.write(json.dumps({**json.loads(line), "completion": "x"}) + "\\n")
        ran.write("row\\n")
"""

REDUN_INI = f"""[backend]
db_uri = sqlite:///redun.db
[executors.default]
type = local
max_workers = {CORES}
"""

REDUN_STEPS = """import subprocess
from typing import List
from redun import File, task

redun_namespace = "peers"

@task()
def step(source: File, i: int) -> File:
    subprocess.run({command!r}.format(i=i), shell=True, check=True)
    return File(f"out/{{i}}.jsonl")

@task()
def join(parts: List[File]) -> File:
    subprocess.run({join!r}, shell=True, check=True)
    return File("joined.jsonl")

@task()
def main() -> File:
    return join([step(File(f"in/{{i}}.jsonl"), i) for i in range({n})])
"""

# A task for each row: redun knows values as well as files.
REDUN_ROWS = """import json
from typing import List
from redun import File, task

redun_namespace = "peers"

@task()
def row(line: str) -> str:
    with open("ran.log", "a") as ran:
        ran.write("row\\n")
    return json.dumps({**json.loads(line), "completion": "x"})

@task()
def write(rows: List[str]) -> File:
    out = File("joined.jsonl")
    out.write("".join(r + "\\n" for r in rows))
    return out

@task()
def every(source: File) -> File:
    return write([row(line) for line in source.read().splitlines()])

@task()
def main() -> File:
    return every(File("in/0.jsonl"))
"""

SNAKEFILE = """rule all:
    input: "joined.jsonl"
rule step:
    input: "in/{{i}}.jsonl"
    output: "out/{{i}}.jsonl"
    shell: {command!r}
rule join:
    input: expand("out/{{i}}.jsonl", i=range({n}))
    output: "joined.jsonl"
    shell: {join!r}
"""

MAKEFILE = """joined.jsonl: {outputs}
\t@{join}
out/%.jsonl: in/%.jsonl
\t@{command}
"""


class Failed(Exception):
    """A tool did not do what it was asked to; the message says what it printed."""


class Place:
    """A folder in which one tool runs one graph."""

    def __init__(self, path, env):
        self.path, self.env = path, env
        for sub in ("in", "out"):
            os.makedirs(os.path.join(path, sub))
        self.write("ran.log", "")

    def write(self, name, text, mode="w"):
        with open(os.path.join(self.path, name), mode) as f:
            f.write(text)

    def read(self, name):
        with open(os.path.join(self.path, name)) as f:
            return f.read()

    def ran(self):
        """The steps that have run, in the order in which they ended."""
        return self.read("ran.log").split()

    @contextlib.contextmanager
    def running(self, command):
        """A command as a process group; if it still runs afterwards, it is killed."""
        with open(os.path.join(self.path, "printed.log"), "w") as printed:
            process = subprocess.Popen(command, cwd=self.path, env=self.env, stdin=subprocess.DEVNULL,
                                       stdout=printed, stderr=printed, start_new_session=True)
        try:
            yield process
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    def run(self, command):
        with self.running(command) as process:
            if process.wait() != 0:
                raise Failed(f"{' '.join(command)}: {self.read('printed.log')[-1000:]}")

    def expect(self, lines):
        """A tool that is fast but wrong must not look good."""
        found = self.read("joined.jsonl").count("\n")
        if found != lines:
            raise Failed(f"the result has {found} lines instead of {lines}")


class Tool:
    """What the scenarios need to know of a tool: how it writes a graph, the command
    that brings the graph up to date, and what else a user may have to do."""

    def __init__(self, name, program, *command):
        self.name, self.program, self.command = name, program, [program, *command]
        self.repairs = {}  # manual step after a kill: the commands to run instead

    def version(self):
        shown = subprocess.run([self.program, "--version"], check=True, capture_output=True, text=True).stdout
        line = shown.splitlines()[0]
        return line if self.name in line.lower() else f"{self.name} {line}"

    def graph(self, place, n, command):
        """Writes the graph of n steps, each with this command, and their join."""
        raise NotImplementedError

    def steps(self, place, n, command):
        for i in range(n):
            place.write(f"in/{i}.jsonl", problem(i))
        self.graph(place, n, command)

    def slow_steps(self, place, n):
        """Writes a graph of slow steps; returns what they need while they run."""
        self.steps(place, n, SLEEPING)
        return contextlib.nullcontext()

    def rows(self, place, n, more):
        """Writes a graph over n rows, to which some more will be added."""
        place.write("rows.py", ROWS_PY)
        place.write("in/0.jsonl", "".join(map(problem, range(n))))
        self.graph(place, 1, BY_ROW)

    def steps_ran(self, place, before):
        """How many steps ran in the last run; before it, so many had."""
        return len(place.ran()) - before

    def rows_ran(self, place, before):
        """How many rows were computed in the last run."""
        return place.ran()[before:].count("row")


class Ouroflow(Tool):
    """Its steps are nodes of its own kinds; slow steps and rows are rows of one node."""

    WHERE = ("--cache", "cache", "--runs", "runs")

    def __init__(self, program):
        super().__init__("ouroflow", program, "run", "p.yaml", *self.WHERE)

    def pipeline(self, place, nodes, exported):
        nodes["join"] = {"type": "export", "needs": exported, "with": {"path": "joined.jsonl"}}
        place.write("p.yaml", json.dumps({"version": 1, "name": "peers", "nodes": nodes}))

    def graph(self, place, n, command):
        self.pipeline(place, {f"n{i}": {"type": "dataset", "with": {"path": f"in/{i}.jsonl"}} for i in range(n)}, "n0")

    def samples(self, place, n, **settings):
        place.write("in/0.jsonl", "".join(map(problem, range(n))))
        self.pipeline(place, {
            "problems": {"type": "dataset", "with": {"path": "in/0.jsonl"}},
            "prompts": {"type": "prompt", "needs": "problems"},
            "samples": {"type": "vllm_sample", "needs": "prompts", "with": {"model": "m", "n": 1, "logprobs": "none", **settings}},
        }, "samples")

    def slow_steps(self, place, n):
        server = Server(place)
        self.samples(place, n, url=server.url, concurrency=CORES)
        return server

    def rows(self, place, n, more):
        """The recording has the rows that are yet to come: it is part of the keys."""
        place.write("recording.jsonl", "".join(
            json.dumps({"problem_id": i, "config": "x", "index": 0, "completion": "x"}) + "\n"
            for i in range(n + more)))
        self.samples(place, n, recording="recording.jsonl")

    def nodes(self, place):
        shown = subprocess.run([self.program, "show", "last", "--json", *self.WHERE],
                               cwd=place.path, check=True, capture_output=True)
        return json.loads(shown.stdout)["nodes"]

    def steps_ran(self, place, before):
        return sum(node["state"] == "succeeded" for node in self.nodes(place).values())

    def rows_ran(self, place, before):
        return self.nodes(place)["samples"]["rows"]["computed"]


class DVC(Tool):
    """Without git, and with the steps as one stage with foreach."""

    def __init__(self, program):
        super().__init__("dvc", program, "repro")
        self.repairs = {"rm_locks": [["rm", "-f", ".dvc/tmp/lock", ".dvc/tmp/rwlock"], self.command]}

    def graph(self, place, n, command):
        place.run([self.program, "init", "--no-scm"])
        place.run([self.program, "config", "core.check_update", "false"])
        step = {"cmd": command.format(i="${item}"), "deps": ["in/${item}.jsonl"], "outs": ["out/${item}.jsonl"]}
        join = {"cmd": JOIN, "deps": [f"out/{i}.jsonl" for i in range(n)], "outs": ["joined.jsonl"]}
        place.write("dvc.yaml", json.dumps({"stages": {"step": {"foreach": list(range(n)), "do": step}, "join": join}}))


class Snakemake(Tool):
    """The steps are one rule with a wildcard."""

    def __init__(self, program):
        super().__init__("snakemake", program, "--cores", str(CORES))
        self.repairs = {
            "--unlock": [[*self.command, "--unlock"], self.command],
            "--rerun-incomplete": [[*self.command, "--rerun-incomplete"]],
        }

    def graph(self, place, n, command):
        place.write("Snakefile", SNAKEFILE.format(n=n, command=command.format(i="{wildcards.i}"), join=JOIN))


class Redun(Tool):
    """The steps are calls of one Python task, which runs the shell command."""

    def __init__(self, program, name="redun"):
        super().__init__(name, program, "run", "workflow.py", "main")

    def workflow(self, place, text):
        os.makedirs(os.path.join(place.path, ".redun"))
        place.write(".redun/redun.ini", REDUN_INI)
        place.write("workflow.py", text)

    def graph(self, place, n, command):
        self.workflow(place, REDUN_STEPS.format(n=n, command=command, join=JOIN))


class RedunByRow(Redun):
    """redun with a task for each row, for the scenario that has rows."""

    def __init__(self, program):
        super().__init__(program, "redun_by_row")

    def graph(self, place, n, command):
        self.workflow(place, REDUN_ROWS)


class Ninja(Tool):
    def __init__(self, program):
        super().__init__("ninja", program, "-j", str(CORES))

    def graph(self, place, n, command):
        outputs = [f"out/{i}.jsonl" for i in range(n)]
        place.write("build.ninja", "\n".join([
            f"rule step\n  command = {command.format(i='$i')}",
            f"rule join\n  command = {JOIN}",
            *(f"build {out}: step in/{i}.jsonl\n  i = {i}" for i, out in enumerate(outputs)),
            f"build joined.jsonl: join {' '.join(outputs)}\n",
        ]))


class Make(Tool):
    def __init__(self, program):
        super().__init__("make", program, "-j", str(CORES))

    def graph(self, place, n, command):
        outputs = " ".join(f"out/{i}.jsonl" for i in range(n))
        place.write("Makefile", MAKEFILE.format(outputs=outputs, join=JOIN, command=command.format(i="$*")))


class Server(http.server.ThreadingHTTPServer):
    """A slow completions server. An answer that it gave is a step that ran."""

    daemon_threads = True

    def __init__(self, place):
        super().__init__(("127.0.0.1", 0), Answer)
        self.place = place
        self.url = f"http://127.0.0.1:{self.server_port}"
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def __exit__(self, *_):
        self.shutdown()
        self.server_close()

    def handle_error(self, request, client_address):
        """A client that was killed is what this is about, so nothing is printed."""


class Answer(http.server.BaseHTTPRequestHandler):
    """One client's requests."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # or each answer waits 40 ms for an acknowledgement

    def do_GET(self):
        self.reply({"version": "1"})

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        time.sleep(SLOW)
        self.reply({"choices": [{"text": "x", "finish_reason": "stop"}]})
        self.server.place.write("ran.log", urllib.parse.unquote(self.headers["X-Request-Id"]) + "\n", "a")

    def reply(self, value):
        content = json.dumps(value).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_):
        """Requests aren't printed."""


def problem(i, prompt="number"):
    return json.dumps({"problem_id": i, "prompt": f"{prompt} {i}", "tests": ["x"]}) + "\n"


class Bench:
    """Runs the scenarios and keeps what they measure."""

    def __init__(self, root, env):
        self.root, self.env = root, env
        self.results = {}  # scenario: tool: what was measured: value

    def places(self, name, tools):
        return {tool: Place(os.path.join(self.root, name, tool.name), self.env) for tool in tools}

    def each(self, scenario, places, act):
        """Has every tool do something. A tool that fails takes no further part."""
        found = {}
        for tool, place in list(places.items()):
            try:
                found[tool.name] = act(tool, place)
            except Failed as e:
                print(f"{tool.name} failed in {scenario}: {e}", flush=True)
                del places[tool]
        return found

    def report(self, scenario, found):
        self.results[scenario] = found
        fields = [f"{tool}_{what}={value}" for tool, values in found.items() for what, value in values.items()]
        print("RESULT", scenario, *fields, flush=True)

    def warm_up(self, tools):
        """Nobody's first run shall pay for reading programs from the disk."""
        places = self.places("warm_up", tools)
        self.each("warm_up", places, lambda tool, place: tool.steps(place, 2, TRIVIAL))
        self.each("warm_up", places, lambda tool, place: place.run(tool.command))

    def steps(self, tools, n):
        """Cold, no-op and one change, in the same folders."""
        places = self.places("steps", tools)

        def update(tool, place):
            before = len(place.ran())
            ms = timed(place, tool.command)
            return {"ms": ms, "ran": tool.steps_ran(place, before)}

        def change(tool, place):
            place.write("in/0.jsonl", problem(0, "changed"))
            return update(tool, place)

        self.each("cold", places, lambda tool, place: tool.steps(place, n, TRIVIAL))
        self.report(f"cold_{n}", self.each("cold", places, update))
        again = [self.each("noop", places, update) for _ in range(3)]
        self.report(f"noop_{n}", {tool.name: median([run[tool.name] for run in again]) for tool in places})
        self.report(f"change_1_of_{n}", self.each("change", places, change))

    def append(self, name, tools, n):
        """1% of the rows of a file are added. A row costs next to nothing here, so
        times tell what the tools add to it; what rows would cost is in their number."""
        places, more = self.places(name, tools), max(1, n // 100)

        def update(tool, place):
            before = len(place.ran())
            ms = timed(place, tool.command)
            return {"ms": ms, "rows_ran": tool.rows_ran(place, before)}

        def grow(tool, place):
            place.write("in/0.jsonl", "".join(problem(i) for i in range(n, n + more)), "a")
            found = update(tool, place)
            place.expect(n + more)
            return found

        self.each("rows", places, lambda tool, place: tool.rows(place, n, more))
        self.report(f"{name}_{n}", self.each("rows", places, update))
        self.report(f"{name}_{n}_append_{more}", self.each("append", places, grow))

    def resume(self, tools, n):
        """Kill -9 and again. It is one sample: how many finished steps run twice
        depends on how long before the kill a tool had last saved what it knows."""

        def act(tool, place):
            with tool.slow_steps(place, n):
                finished = interrupt(tool, place, n // 2)
                before = len(place.ran())
                found = recover(tool, place)
            place.expect(n)
            ran = [step for step in place.ran()[before:] if step != "join"]
            return {**found, "finished": len(finished), "ran": len(ran), "ran_twice": len(finished & set(ran))}

        self.report(f"resume_{n}", self.each("resume", self.places("resume", tools), act))

    def table(self):
        """Prints all that was measured as Markdown."""
        names = list(dict.fromkeys(name for found in self.results.values() for name in found))
        print("\n| scenario | |", " | ".join(names), "|\n|---|---|" + "---|" * len(names))
        for scenario, found in self.results.items():
            for what in next(iter(found.values())):
                print(f"| {scenario} | {what} |", " | ".join(str(found.get(n, {}).get(what, "")) for n in names), "|")


def timed(place, command):
    start = time.monotonic()
    place.run(command)
    return round(1000 * (time.monotonic() - start))


def median(runs):
    """The median time, and all that ran in any of the runs."""
    return {"ms": statistics.median(run["ms"] for run in runs), "ran": sum(run["ran"] for run in runs)}


def interrupt(tool, place, enough):
    """Kills a run when enough steps have finished; returns those that had by then."""
    with place.running(tool.command) as process:
        while len(finished := place.ran()) < enough:
            if process.poll() is not None:
                raise Failed(f"it ended before it could be killed: {place.read('printed.log')[-1000:]}")
            time.sleep(0.002)
    time.sleep(SETTLE)
    return set(finished)


def recover(tool, place):
    """The same command again and, if it fails, with the manual steps that it takes.
    The time includes the tries that failed, but not the user's thinking."""
    start, manual = time.monotonic(), []
    for step, commands in {"": [tool.command], **tool.repairs}.items():
        manual += [step] if step else []
        try:
            for command in commands:
                place.run(command)
            break
        except Failed as e:
            error = e
    else:
        raise error
    return {"ms": round(1000 * (time.monotonic() - start)), "manual": ",".join(manual) or "none"}


def install(name, venvs):
    """Returns the program of a PyPI package, or None, having said why."""
    folder = os.path.join(venvs, name)
    program, python = os.path.join(folder, "bin", name), os.path.join(folder, "bin", "python")
    ways = [
        [[sys.executable, "-m", "venv", folder], [python, "-m", "pip", "install", "-q", name]],
        [["uv", "venv", "-q", folder], ["uv", "pip", "install", "-q", "--compile-bytecode", "--python", python, name]],
    ]
    reasons = []
    for commands in ways:
        if os.path.exists(program):
            break
        shutil.rmtree(folder, ignore_errors=True)
        try:
            for command in commands:
                subprocess.run(command, check=True, capture_output=True, text=True)
        except OSError as e:
            reasons.append(str(e))
        except subprocess.CalledProcessError as e:
            reasons.append((e.stderr or e.stdout).strip().rpartition("\n")[2])
    if os.path.exists(program):
        return program
    print(f"{name} is left out, it can't be installed: {'; '.join(reasons)}", flush=True)
    return None


def find_tools(ouroflow, venvs):
    found = [Ouroflow(os.path.abspath(ouroflow))]
    found += [kind(program) for kind, program in (
        (DVC, install("dvc", venvs)),
        (Snakemake, install("snakemake", venvs)),
        (Redun, install("redun", venvs)),
        (Ninja, shutil.which("ninja")),
        (Make, shutil.which("make")),
    ) if program]
    return found


def quiet(root):
    """The environment of the tools: they report to nobody, and what they keep for
    the user is kept in a folder that goes away."""
    return {**os.environ, "DVC_NO_ANALYTICS": "1", "DVC_SITE_CACHE_DIR": os.path.join(root, "site"),
            "XDG_CACHE_HOME": os.path.join(root, "cache"), "XDG_CONFIG_HOME": os.path.join(root, "config")}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("ouroflow")
    parser.add_argument("--nodes", type=int, default=100)
    parser.add_argument("--rows", type=int, default=10000)
    parser.add_argument("--venv", help="folder for virtual environments")
    args = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that folders are removed
    with tempfile.TemporaryDirectory() as root:
        tools = find_tools(args.ouroflow, os.path.abspath(args.venv or os.path.join(root, "venv")))
        print("tools:", ", ".join(tool.version() for tool in tools), flush=True)
        bench = Bench(root, quiet(root))
        bench.warm_up(tools)
        bench.steps(tools, args.nodes)
        bench.append("rows", tools, args.rows)
        bench.append("by_row", tools[:1] + [RedunByRow(t.program) for t in tools if t.name == "redun"], args.rows // 10)
        bench.resume(tools, args.nodes)
        bench.table()


if __name__ == "__main__":
    main()
