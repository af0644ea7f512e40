#!/usr/bin/env python3
"""Training steps of the encoder ouroboros in ouroflow, JAX and PyTorch, on the same cores.

usage: train.py FOLDER [SECONDS]. FOLDER gets a virtual environment with JAX and PyTorch
for CPUs. The models are those of BenchmarkStep (nodes/gomlxtrain/bench_test.go): the same
sizes, sequences of full length, float32, AdamW, a pointwise loss. Each runs by itself for
SECONDS (10) after two steps that compile; samples a second are reported, and the peak of
resident memory.
"""
import os
import re
import subprocess
import sys
import time

MODELS = {  # layers, width, heads, inner, length, batch
    "L1-d64-S128": (1, 64, 4, 256, 128, 32),
    "L2-d128-S192": (2, 128, 4, 512, 192, 32),
    "L4-d256-S256": (4, 256, 8, 1024, 256, 16),
}
VOCABULARY = 4096


def weights(rng, layers, width, inner):
    """The parameters of the model, as NumPy arrays by name."""
    import numpy as np
    normal = lambda *dims: rng.normal(0, 0.02, dims).astype("float32")
    w = {"embedding": normal(VOCABULARY, width), "head1.w": normal(width, width), "head2.w": normal(width, 1)}
    for i in range(layers):
        for name, dims in {"q": (width, width), "k": (width, width), "v": (width, width), "o": (width, width),
                           "up": (width, inner), "down": (inner, width)}.items():
            w[f"block{i}.{name}.w"] = normal(*dims)
        for norm in ("norm1", "norm2"):
            w[f"block{i}.{norm}.g"], w[f"block{i}.{norm}.b"] = np.ones(width, "float32"), np.zeros(width, "float32")
    w["norm.g"], w["norm.b"] = np.ones(width, "float32"), np.zeros(width, "float32")
    for name in [n for n in w if n.endswith(".w")]:
        w[name[:-1] + "b"] = np.zeros(w[name].shape[1], "float32")
    return w


def energies(xp, w, ids, mask, code, cos, sin, layers, heads):
    """The model, in the vocabulary that JAX and PyTorch share through xp."""
    n, length = ids.shape
    affine = lambda x, name: x @ w[name + ".w"] + w[name + ".b"]

    def norm(x, name):
        centred = x - x.mean(-1, keepdims=True)
        return centred / xp.sqrt((centred * centred).mean(-1, keepdims=True) + 1e-5) * w[name + ".g"] + w[name + ".b"]

    def turn(x):
        half = x.shape[-1] // 2
        swapped = xp.concatenate([-x[..., half:], x[..., :half]], -1)
        return x * cos + swapped * sin

    hidden = ((1 - mask) * -1e9)[:, None, None, :]
    x = w["embedding"][ids]
    size = x.shape[-1] // heads
    split = lambda y: xp.swapaxes(y.reshape(n, length, heads, size), 1, 2)
    for i in range(layers):
        at = f"block{i}."
        y = norm(x, at + "norm1")
        q, k, v = turn(split(affine(y, at + "q"))), turn(split(affine(y, at + "k"))), split(affine(y, at + "v"))
        mixed = xp.softmax(q @ xp.swapaxes(k, 2, 3) / size**0.5 + hidden) @ v
        x = x + affine(xp.swapaxes(mixed, 1, 2).reshape(n, length, heads * size), at + "o")
        x = x + affine(xp.gelu(affine(norm(x, at + "norm2"), at + "up")), at + "down")
    z = affine(xp.gelu(affine(norm(x, "norm"), "head1")), "head2")[..., 0]
    wrong, right = (xp.sigmoid(z) * code).sum(1) / code.sum(1), (xp.sigmoid(-z) * code).sum(1) / code.sum(1)
    return xp.log(wrong) - xp.log(right)


def tables(length, size):
    import numpy as np
    angles = np.arange(length)[:, None] * 10000.0 ** (-2 * (np.arange(size) % (size // 2)) / size)
    return np.cos(angles).astype("float32"), np.sin(angles).astype("float32")


def masks(batch, length):
    """Where there are tokens, and where they are of code: everywhere, and after the prompt."""
    import numpy as np
    mask = np.ones((batch, length), "float32")
    code = mask.copy()
    code[:, :length // 4] = 0
    return mask, code


def timed(step, batch, seconds):
    step(), step()
    start, n = time.perf_counter(), 0
    while time.perf_counter() - start < seconds:
        step()
        n += 1
    return n * batch / (time.perf_counter() - start)


def with_jax(name, seconds):
    import types
    import jax
    import jax.numpy as jnp
    import numpy as np
    layers, width, heads, inner, length, batch = MODELS[name]
    xp = types.SimpleNamespace(sqrt=jnp.sqrt, concatenate=jnp.concatenate, swapaxes=jnp.swapaxes, log=jnp.log, sigmoid=jax.nn.sigmoid,
                               softmax=lambda x: jax.nn.softmax(x, -1), gelu=lambda x: jax.nn.gelu(x, approximate=False))
    rng = np.random.default_rng(1)
    w = {k: jnp.asarray(v) for k, v in weights(rng, layers, width, inner).items()}
    cos, sin = map(jnp.asarray, tables(length, width // heads))
    mask, code = map(jnp.asarray, masks(batch, length))
    ids, y = rng.integers(0, VOCABULARY, (batch, length)), jnp.asarray(rng.integers(0, 2, batch), "float32")

    def loss(w, mask, code):
        e = energies(xp, w, ids, mask, code, cos, sin, layers, heads)
        return (jax.nn.softplus(-e) + y * e).mean()

    @jax.jit
    def update(w, m, v, t, mask, code):
        value, g = jax.value_and_grad(loss)(w, mask, code)
        m = {k: 0.9 * m[k] + 0.1 * g[k] for k in w}
        v = {k: 0.999 * v[k] + 0.001 * g[k] ** 2 for k in w}
        new = {k: w[k] * (1 - 1e-5) - 1e-3 * m[k] / (1 - 0.9**t) / (jnp.sqrt(v[k] / (1 - 0.999**t)) + 1e-8) for k in w}
        return new, m, v, value

    zeros = {k: jnp.zeros_like(x) for k, x in w.items()}
    state = [w, zeros, zeros, 0]

    def step():
        *state[:3], value = update(*state[:3], state[3] + 1.0, mask, code)
        state[3] += 1
        value.block_until_ready()

    return timed(step, batch, seconds)


def with_torch(name, seconds):
    import types
    import numpy as np
    import torch
    import torch.nn.functional as F
    layers, width, heads, inner, length, batch = MODELS[name]
    xp = types.SimpleNamespace(sqrt=torch.sqrt, concatenate=torch.cat, swapaxes=torch.swapaxes, log=torch.log, sigmoid=torch.sigmoid,
                               softmax=lambda x: F.softmax(x, -1), gelu=F.gelu)
    rng = np.random.default_rng(1)
    w = {k: torch.tensor(v, requires_grad=True) for k, v in weights(rng, layers, width, inner).items()}
    cos, sin = map(torch.tensor, tables(length, width // heads))
    mask, code = map(torch.tensor, masks(batch, length))
    ids, y = torch.tensor(rng.integers(0, VOCABULARY, (batch, length))), torch.tensor(rng.integers(0, 2, batch)).float()
    optimizer = torch.optim.AdamW(w.values(), lr=1e-3)

    def step():
        e = energies(xp, w, ids, mask, code, cos, sin, layers, heads)
        loss = (F.softplus(-e) + y * e).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        loss.item()

    return timed(step, batch, seconds)


def python_with(folder):
    python = os.path.join(folder, "bin", "python")
    if not os.path.exists(python):
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        for package in (["jax"], ["torch", "--extra-index-url", "https://download.pytorch.org/whl/cpu"]):
            subprocess.run([python, "-m", "pip", "install", "-q", *package], check=True)
    return python


def child(command):
    """Runs a command and returns what it prints and its peak of resident memory in MB."""
    p = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    out = p.stdout.read()
    _, status, usage = os.wait4(p.pid, 0)
    if status != 0:
        sys.exit(f"{command} failed:\n{out}")
    return out, usage.ru_maxrss / 1024


def ouroflow(test, name, backend, seconds):
    out, peak = child([test, "-test.run", "^$", "-test.bench", f"Step/{name}/{backend}$", "-test.benchtime", f"{seconds}s"])
    found = re.search(r"([\d.]+) samples/s", out)
    return (float(found.group(1)), peak) if found else (None, 0)


def main():
    folder, seconds = os.path.abspath(sys.argv[1]), float(sys.argv[2]) if len(sys.argv) > 2 else 10
    python = python_with(folder)
    test = os.path.join(folder, "gomlxtrain.test")
    subprocess.run(["go", "test", "-c", "-o", test, "./nodes/gomlxtrain"], check=True, env={**os.environ, "CGO_ENABLED": "1"})
    os.environ.setdefault("OUROFLOW_PJRT_PLUGIN", os.path.abspath(".xla/pjrt_c_api_cpu_plugin.so"))
    for name in MODELS:
        rates = {}
        for backend in ("go", "xla"):
            rates[backend] = ouroflow(test, name, backend, seconds)
        for library in ("jax", "torch"):
            out, peak = child([python, __file__, "--one", library, name, str(seconds)])
            rates[library] = (float(out), peak)
        fields = [f"{k}={rate:.1f}" for k, (rate, _) in rates.items() if rate] + [f"{k}_peak_mb={peak:.0f}" for k, (rate, peak) in rates.items() if rate]
        if rates["xla"][0]:
            fields += [f"xla_to_{k}={rates['xla'][0] / rates[k][0]:.2f}" for k in ("go", "jax", "torch")]
        print(f"RESULT train_{name}", *fields, flush=True)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--one"]:
        print({"jax": with_jax, "torch": with_torch}[sys.argv[2]](sys.argv[3], float(sys.argv[4])))
    else:
        main()
