"""Makes libraries that stand for CUDA's, so that PyPI's build of PyTorch can be loaded on
a machine without them: every function in them says that there is no device.

usage: stub_cuda.py SITE-PACKAGES/torch/lib
"""

import collections
import glob
import os
import re
import subprocess
import sys
import tempfile

NO_DEVICE = 100  # cudaErrorNoDevice
CUDA = re.compile(r"lib(cu|nccl|nvrtc|nvshmem|nvJit)")
# Where symbols without a version belong, by how they begin.
HOMES = [
    ("nccl", "libnccl.so.2"), ("cuFile", "libcufile.so.0"), ("curand", "libcurand.so.10"),
    ("cusparseLt", "libcusparseLt.so.0"), ("nvshmem", "libnvshmem_host.so.3"), ("nvrtc", "libnvrtc.so.13"),
    ("cusolver", "libcusolver.so.12"), ("cupti", "libcupti.so.13"), ("cuda", "libcudart.so.13"),
    ("__cuda", "libcudart.so.13"),
]


def readelf(what, path):
    return subprocess.run(["readelf", what, "-W", path], capture_output=True, text=True, check=True).stdout


def versions(path):
    """The version names that a library wants of CUDA's, each with the library it is of."""
    found, current = {}, ""
    for line in readelf("-V", path).splitlines():
        if match := re.search(r"File: (\S+)", line):
            current = match[1]
        elif (match := re.search(r"Name: (\S+)", line)) and CUDA.match(current):
            found[match[1]] = current
    return found


def symbols(path):
    """The symbols that a library has and wants: name, version and whether it has it."""
    for line in readelf("--dyn-syms", path).splitlines():
        fields = line.split()
        if len(fields) >= 8 and fields[0].endswith(":"):
            name, _, version = fields[7].partition("@")
            yield name, version.lstrip("@"), fields[6] != "UND"


def home(name):
    return next((library for prefix, library in HOMES if name.startswith(prefix)), None)


def survey(folder):
    """What the libraries of a folder want of CUDA: the libraries, and for each of them
    the symbols and the versions of them. Symbols that the folder has itself are left
    out where they have no version."""
    wanted, named, defined = collections.defaultdict(set), collections.defaultdict(set), set()
    needed = set()
    for path in glob.glob(os.path.join(folder, "*.so*")):
        if os.path.islink(path) or CUDA.match(os.path.basename(path)):
            continue
        needed |= {n for n in re.findall(r"NEEDED.*\[([^\]]*)\]", readelf("-d", path)) if CUDA.match(n)}
        of = versions(path)
        for name, version, has in symbols(path):
            if has:
                defined.add(name)
            elif version in of:
                wanted[of[version]].add(name)
                named[of[version]].add(version)
            elif not version and home(name):
                wanted[home(name)].add(name)
    return {library: (wanted[library] if library in named else wanted[library] - defined, named[library])
            for library in needed | set(wanted)}


def make(path, names, version_names):
    with tempfile.TemporaryDirectory() as work:
        source, script = os.path.join(work, "stub.c"), os.path.join(work, "versions")
        with open(source, "w") as f:
            f.write("int no_device(void) { return %d; }\n" % NO_DEVICE)
            f.writelines('extern int %s(void) __attribute__((alias("no_device")));\n' % n for n in sorted(names))
        with open(script, "w") as f:
            f.writelines("%s { global: *; };\n" % v for v in sorted(version_names))
        command = ["gcc", "-w", "-O1", "-fno-builtin", "-shared", "-fPIC", "-Wl,-soname," + os.path.basename(path), "-o", path, source]
        subprocess.run(command + (["-Wl,--version-script=" + script] if version_names else []), check=True)


def main(folder):
    for library, (names, version_names) in sorted(survey(folder).items()):
        make(os.path.join(folder, library), names, version_names)


main(*sys.argv[1:])
