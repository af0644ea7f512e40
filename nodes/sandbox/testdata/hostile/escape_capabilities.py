# want: failed
# Looks whether it has capabilities, or could get privileges from a program. A pass says that it worked.
with open("/proc/self/status") as f:
    status = dict(line.split(":", 1) for line in f if ":" in line)
out = any(int(status[name], 16) for name in ("CapPrm", "CapEff", "CapInh", "CapAmb")) \
    or status["NoNewPrivs"].strip() != "1" or status["Seccomp"].strip() != "2"


def add(a, b):
    return a + b if out else None
