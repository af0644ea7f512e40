"""Says what plain Python makes of a program and its tests, in one process, unprotected.

Reads a list of {"form", "setup", "code", "tests"} and writes one of verdicts. Each program
runs in a fork of its own. It shares no code with the sandbox, whose verdicts it is there to
check.
"""

import asyncio
import inspect
import json
import os
import select
import signal
import sys
import tempfile
import types
import unittest


PATIENCE = 10  # seconds that a program may take that ends
report = -1  # where a fork says its verdict


def end(verdict):
    os.write(report, verdict.encode())
    os._exit(0)


def module(name, namespace=()):
    made = types.ModuleType(name)
    made.__dict__.update(namespace)
    sys.modules[name] = made
    return made.__dict__


def run(source, name, namespace, false_assert, no_syntax="error"):
    try:
        code = compile(source, name, "exec")
    except (SyntaxError, ValueError):
        end(no_syntax)
    guarded(lambda: exec(code, namespace), false_assert)


def guarded(function, false_assert):
    try:
        function()
    except AssertionError:
        end(false_assert)
    except BaseException:
        end("error")


def call(function, *args):
    result = function(*args)
    if inspect.isawaitable(result):
        asyncio.run(result)


def run_case(case):
    result = unittest.TestResult()
    unittest.defaultTestLoader.loadTestsFromTestCase(case).run(result)
    problems = [("failed", t) for t, _ in result.failures] + [("error", t) for t, _ in result.errors]
    problems += [("failed", t) for t in result.unexpectedSuccesses]
    order = [str(t) for t in unittest.defaultTestLoader.loadTestsFromTestCase(case)]
    problems.sort(key=lambda p: next((i for i, name in enumerate(order) if str(p[1]).startswith(name)), -1))
    if problems:
        end(problems[0][0])


def run_class(case):
    getattr(case, "setup_class", lambda: None)()
    for name in [n for n in dir(case) if n.startswith("test")]:
        instance = case()
        for fixture in ("setup_method", name, "teardown_method"):
            function = getattr(instance, fixture, None)
            if function is not None:
                wants = fixture != name and len(inspect.signature(function).parameters)
                call(function, *([getattr(instance, name)] if wants else []))
    getattr(case, "teardown_class", lambda: None)()


def run_module(namespace, before):
    found = 0
    for name, v in list(namespace.items()):
        if before.get(name) is v:
            continue
        if isinstance(v, type) and issubclass(v, unittest.TestCase):
            found += 1
            run_case(v)
        elif isinstance(v, type) and name.startswith("Test"):
            found += 1
            guarded(lambda: run_class(v), "failed")
        elif name.startswith("test") and inspect.isfunction(v):
            found += 1
            guarded(lambda: call(v), "failed")
    if not found:
        end("error")


def judge(job):
    functions = job["form"] == "functions"
    namespace = module("solution" if functions else "__candidate__")
    if job["setup"]:
        run(job["setup"], "setup.py", namespace, "error")
    run(job["code"], "solution.py", namespace, "error", "syntax_error")
    for test in job["tests"]:
        if not functions:
            run(test, "test.py", namespace, "failed")
            continue
        before = {k: v for k, v in namespace.items() if not k.startswith("__")}
        own = module("test_solution", before)
        run(test, "test.py", own, "failed")
        run_module(own, before)
    end("passed")


def in_fork(job):
    """The verdict on a program. One that ends before its tests do is an error."""
    global report
    ours, report = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.setsid()
        os.dup2(os.open(os.devnull, os.O_RDWR), 0)
        os.dup2(0, 1)
        os.dup2(0, 2)
        os.chdir(tempfile.mkdtemp(dir=os.getcwd()))
        try:
            judge(job)
        finally:
            os._exit(1)
    os.close(report)
    try:
        if not select.select([ours], [], [], PATIENCE)[0]:
            return "timeout"
        return os.read(ours, 64).decode() or "error"
    finally:
        os.close(ours)
        os.killpg(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


json.dump([in_fork(job) for job in json.load(sys.stdin)], sys.stdout)
