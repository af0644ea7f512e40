"""Says what plain Python makes of a program and its tests, in one process, unprotected.

Reads {"form", "setup", "code", "tests"} and ends its output with a line "verdict: WORD".
It shares no code with the sandbox, whose verdicts it is there to check.
"""

import asyncio
import inspect
import json
import os
import sys
import types
import unittest


def end(verdict):
    sys.stdout.flush()
    os.write(1, b"\nverdict: %s\n" % verdict.encode())
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


def main():
    job = json.load(sys.stdin)
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


main()
