"""Answers questions about programs that a model wrote, each within limits of its own: one
that breaks what reads it has no answer, and the others have theirs. A tool's program comes
after this, and calls each."""

import json
import os
import resource
import sys

SECONDS = 2  # of CPU time for a question
MEMORY = 1 << 30  # bytes of address space


def each(function):
    """Reads a JSON list of questions and writes one of answers, null where there is none."""
    questions, answers = json.load(sys.stdin), []
    while len(answers) < len(questions):
        answers += answered(function, questions[len(answers):])
    json.dump(answers, sys.stdout)


def answered(function, questions):
    """The answers to the first of the questions, up to one that ends the process that reads
    it. That has none."""
    ours, theirs = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(ours)
        try:
            with os.fdopen(theirs, "w") as out:
                answer_all(function, questions, out)
        finally:
            os._exit(0)
    os.close(theirs)
    with os.fdopen(ours) as lines:
        answers = [json.loads(line) for line in lines if line.endswith("\n")]
    os.waitpid(pid, 0)
    return answers if len(answers) == len(questions) else answers + [None]


def answer_all(function, questions, out):
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    hard = resource.getrlimit(resource.RLIMIT_CPU)[1]
    for question in questions:
        used = resource.getrusage(resource.RUSAGE_SELF)
        soft = int(used.ru_utime + used.ru_stime) + 1 + SECONDS
        resource.setrlimit(resource.RLIMIT_CPU, (soft if hard == resource.RLIM_INFINITY else min(soft, hard), hard))
        try:
            answer = function(question)
        except Exception:
            answer = None
        out.write(json.dumps(answer) + "\n")
        out.flush()


