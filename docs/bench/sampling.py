#!/usr/bin/env python3
"""Sampling beside vLLM's own load generator, on one server, one after the other.

usage: sampling.py OUROFLOW VLLM_FOLDER [--problems 16] [--samples 16] [--tokens 64]

The server is that of `make vllm`, with both cores. Both ask for the same prompts (the
bundled problems'), samples and lengths: temperature 0.8, seeds, no stops, end of text
ignored. `vllm bench serve` sends a request for each sample, as many at once as the
server takes (64); it has no way of its own to ask for several. Each way runs on a
fresh cache; tokens a second are those of all samples over the time between the first
request and the last reply, so ouroflow's start isn't in it, as vllm's isn't. CPU is
that of the client process over the wall time of the sampling.
"""
import argparse
import json
import os
import re
import resource
import signal
import socket
import subprocess
import tempfile
import time
import urllib.request

MODEL = "smollm2-135m-instruct"
SEQUENCES = 64
WAYS = [("ouroflow, 16 a request", 16, False), ("ouroflow, 16 a request, streamed", 16, True), ("ouroflow, 1 a request", 1, False), ("ouroflow, 1 a request, streamed", 1, True)]


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def up(url):
    try:
        with urllib.request.urlopen(url + "/v1/models", timeout=5):
            return True
    except OSError:
        return False


def prompts(ouroflow, n):
    problems = os.path.join(os.path.dirname(__file__), "..", "..", "pipelines", "data", "problems.jsonl")
    with open(problems) as f, open("problems.jsonl", "w") as g:
        for _ in range(n):
            g.write(next(f))
    pipeline({"prompts": {"type": "prompt", "needs": "problems"}, "file": {"type": "export", "needs": "prompts", "with": {"path": "prompts.jsonl", "columns": ["request"]}}})
    run(ouroflow, "cache")
    with open("prompts.jsonl") as f:
        return [json.loads(line)["request"] for line in f]


def pipeline(nodes):
    with open("p.yaml", "w") as f:
        json.dump({"version": 1, "name": "bench", "nodes": {"problems": {"type": "dataset", "with": {"path": "problems.jsonl"}}, **nodes}}, f)


def run(ouroflow, cache):
    """Returns the CPU seconds of a run."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    env = dict(os.environ, OUROFLOW_CACHE=os.path.abspath(cache), OUROFLOW_RUNS=os.path.abspath("runs"))
    subprocess.run([ouroflow, "run", "p.yaml"], env=env, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def ouroflow_way(args, url, per_request, stream):
    """Returns tokens a second and the client's share of a core."""
    pipeline({
        "prompts": {"type": "prompt", "needs": "problems"},
        "samples": {"type": "vllm_sample", "needs": "prompts", "with": {
            "url": url, "model": MODEL, "n": args.samples, "max_tokens": args.tokens, "temperature": 0.8, "top_p": 1.0,
            "extra": {"ignore_eos": True}, "samples_per_request": per_request, "stream": stream, "concurrency": 256,
        }},
    })
    with tempfile.TemporaryDirectory(dir=".") as cache:
        cpu = run(args.ouroflow, cache)
    env = dict(os.environ, OUROFLOW_RUNS=os.path.abspath("runs"))
    log = subprocess.run([args.ouroflow, "logs", "last", "samples"], env=env, check=True, capture_output=True, text=True).stdout
    found = re.search(r"(\d+) tokens, ([\d.]+) tokens/s", log)
    tokens, rate = int(found[1]), float(found[2])
    wanted = args.problems * args.samples * args.tokens
    assert tokens == wanted, (tokens, wanted)
    return rate, cpu * rate / tokens


def vllm_way(args, url, texts):
    with open("bench.jsonl", "w") as f:
        for text in texts:
            for _ in range(args.samples):
                f.write(json.dumps({"prompt": text}) + "\n")
    folder = os.path.abspath(args.vllm)
    out = subprocess.run(
        [folder + "/venv/bin/vllm", "bench", "serve", "--backend", "openai", "--base-url", url, "--endpoint", "/v1/completions",
         "--model", MODEL, "--tokenizer", folder + "/models/" + MODEL, "--dataset-name", "custom", "--dataset-path", "bench.jsonl",
         "--skip-chat-template", "--custom-output-len", str(args.tokens), "--num-prompts", str(args.problems * args.samples),
         "--max-concurrency", str(SEQUENCES), "--ignore-eos", "--temperature", "0.8", "--disable-shuffle", "--extra-body", '{"seed": 0}'],
        env=dict(os.environ, HF_HUB_OFFLINE="1", VLLM_NO_USAGE_STATS="1"), capture_output=True, text=True)
    found = re.search(r"Output token throughput \(tok/s\): +([\d.]+)", out.stdout)
    if not found:
        raise SystemExit(out.stdout[-2000:] + out.stderr[-2000:])
    return float(found[1])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("ouroflow", type=os.path.abspath)
    parser.add_argument("vllm", type=os.path.abspath)
    parser.add_argument("--url", help="of a server that runs, instead of one that is started")
    for name in ("problems", "samples"):
        parser.add_argument("--" + name, type=int, default=16)
    parser.add_argument("--tokens", type=int, default=64)
    args = parser.parse_args()
    data = os.path.abspath(os.path.dirname(__file__))
    with tempfile.TemporaryDirectory() as work:
        os.chdir(work)
        globals()["__file__"] = os.path.join(data, "sampling.py")
        compare(args)


def compare(args):
    url, server = args.url, None
    if not url:
        url = "http://127.0.0.1:%d" % (port := free_port())
        env = dict(os.environ, VLLM_CPU_OMP_THREADS_BIND="0-1")
        server = subprocess.Popen([args.vllm + "/serve", "--host", "127.0.0.1", "--port", str(port)], env=env,
                                  stdout=open("server.log", "w"), stderr=subprocess.STDOUT, start_new_session=True)
        while not up(url):
            assert server.poll() is None, open("server.log").read()[-2000:]
            time.sleep(1)
    try:
        # vllm bench reads its prompts with pandas, which serving doesn't need.
        subprocess.run([args.vllm + "/boot/bin/uv", "pip", "install", "-q", "--python", args.vllm + "/venv/bin/python", "pandas"], check=True)
        texts = prompts(args.ouroflow, args.problems)
        vllm_way(argparse.Namespace(**{**vars(args), "problems": 2, "tokens": 16}), url, texts[:2])  # warm
        rows = [("vllm bench serve", vllm_way(args, url, texts), None)]
        for name, per_request, stream in WAYS:
            rows.append((name, *ouroflow_way(args, url, per_request, stream)))
        rows.append(("vllm bench serve, again", vllm_way(args, url, texts), None))
    finally:
        if server:
            os.killpg(server.pid, signal.SIGKILL)
    base = (rows[0][1] + rows[-1][1]) / 2
    print("| client | tokens/s | of vllm's own | client's CPU, share of a core | the same at 1,000 tokens/s |\n|---|---|---|---|---|")
    for name, rate, cpu in rows:
        print("| %s | %.1f | %.2f | %s |" % (name, rate, rate / base, "- | -" if cpu is None else "%.3f | %.3f" % (cpu, cpu / rate * 1000)))


if __name__ == "__main__":
    main()
