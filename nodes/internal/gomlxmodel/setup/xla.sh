#!/usr/bin/env bash
# Puts a PJRT plugin for CPUs into a folder (.xla): 63 MB from PyPI, 202 MB unpacked. With
# it, models are computed by XLA. It is a build of JAX's compiler by a third party
# (Apache-2.0); the version and the digest of what is downloaded are fixed here.
set -euo pipefail
dir=${1:?usage: xla.sh FOLDER}
PACKAGE=lammps-jax-pjrt-cpu==0.11.2
SHA256=1319390d948b39f69f7dade496b7c385149d9ca6097a6b62114da113216d9ad1
PLUGIN=lammps_jax_pjrt_cpu/pjrt_c_api_cpu_plugin.so

say() { echo "xla: $*" >&2; }
[ "$(uname -s -m)" = "Linux x86_64" ] || { say "the plugin is for Linux on x86-64"; exit 1; }
mkdir -p "$dir" && cd "$dir"
target=$(basename "$PLUGIN")
[ ! -e "$target" ] || { say "$dir/$target is there"; exit 0; }

lacks=()
command -v gcc >/dev/null || lacks+=(gcc libc6-dev) # ouroflow loads the plugin through cgo
python3 -c 'import ensurepip' 2>/dev/null || lacks+=(python3-venv)
if [ ${#lacks[@]} -gt 0 ]; then
  say "installing ${lacks[*]}"
  sudo=$([ "$(id -u)" = 0 ] || echo sudo)
  $sudo apt-get update -qq && $sudo apt-get install -y -qq "${lacks[@]}"
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
say "downloading $PACKAGE"
python3 -m venv "$work/venv"
echo "$PACKAGE --hash=sha256:$SHA256" > "$work/requirements.txt"
"$work/venv/bin/pip" download -q --no-deps --only-binary :all: --platform manylinux_2_27_x86_64 \
  --require-hashes -r "$work/requirements.txt" -d "$work"
python3 -m zipfile -e "$work"/*.whl "$work/wheel"
mv "$work/wheel/$PLUGIN" "$target.new"
chmod 755 "$target.new"
mv "$target.new" "$target" # whole or not at all
say "$dir/$target is ready; build ouroflow once more: make build"
