"""Load on serve-verifier: requests of 20 candidates each, from the bundled recording.

usage: verifier.py OUROFLOW MODEL

First as many clients as there are processors, each asking again when it is answered; that is
what the server can carry. Then requests at twice that rate, whether or not it keeps up.
"""
import collections
import concurrent.futures
import gzip
import http.client
import json
import os
import pathlib
import re
import subprocess
import sys
import threading
import time

DATA = pathlib.Path(__file__).parents[2] / "pipelines" / "data"
SECONDS = 15


def requests():
    """The bodies of requests: a problem with the candidates that were recorded for it."""
    problems = {}
    for line in open(DATA / "problems.jsonl"):
        p = json.loads(line)
        problems[str(p["task_id"])] = p
    codes = collections.defaultdict(list)
    for line in gzip.open(DATA / "samples.jsonl.gz", "rt"):
        sample = json.loads(line)
        if len(codes[str(sample["problem_id"])]) < 20:
            codes[str(sample["problem_id"])].append("def f(x):\n" + sample["completion"])
    return [json.dumps({"query": problems[i]["text"], "documents": c, "tests": problems[i]["test_list"][:1]})
            for i, c in codes.items() if i in problems]


def ask(address, body):
    """The seconds that a request took, and its status."""
    began = time.perf_counter()
    connection = http.client.HTTPConnection(address, timeout=120)
    connection.request("POST", "/v1/rank", body)
    reply = connection.getresponse()
    reply.read()
    connection.close()
    return time.perf_counter() - began, reply.status


def closed(address, bodies, clients):
    """Clients that ask again when they are answered."""
    results, until = [], time.monotonic() + SECONDS

    def client(n):
        i = n
        while time.monotonic() < until:
            results.append(ask(address, bodies[i % len(bodies)]))
            i += clients

    threads = [threading.Thread(target=client, args=(n,)) for n in range(clients)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    return results


def opened(address, bodies, rate):
    """Requests at a rate, whether or not they are answered."""
    with concurrent.futures.ThreadPoolExecutor(4096) as pool:
        began, waiting = time.monotonic(), []
        for i in range(int(rate * SECONDS)):
            time.sleep(max(0, began + i / rate - time.monotonic()))
            waiting.append(pool.submit(ask, address, bodies[i % len(bodies)]))
        return [w.result() for w in waiting]


def show(name, results, seconds):
    times = sorted(t for t, status in results if status == 200)
    statuses = collections.Counter(status for _, status in results)
    at = lambda q: 1000 * times[min(len(times) - 1, int(q * len(times)))]
    print(f"RESULT {name} answered_per_s={len(times) / seconds:.1f} candidates_per_s={20 * len(times) / seconds:.0f} "
          f"p50_ms={at(.5):.0f} p99_ms={at(.99):.0f} statuses={dict(statuses)}")
    return len(times) / seconds


def main():
    server = subprocess.Popen([sys.argv[1], "serve-verifier", "--model", sys.argv[2], "--listen", "127.0.0.1:0", "--queue", "64"],
                              stderr=subprocess.PIPE, text=True)
    try:
        address = re.search(r"http://(\S+)", server.stderr.readline())[1]
        bodies = requests()
        ask(address, bodies[0])
        clients = os.cpu_count()
        rate = show(f"clients={clients}", closed(address, bodies, clients), SECONDS)
        show(f"clients={16 * clients}", closed(address, bodies, 16 * clients), SECONDS)
        show(f"rate={2 * rate:.0f}/s", opened(address, bodies, 2 * rate), SECONDS)
    finally:
        server.terminate()
        server.wait()


main()
