"""Makes a folder that vLLM can serve of a GGUF file of the llama architecture: weights
as bfloat16 in safetensors, the configuration and the tokenizer.

usage: convert_gguf.py IN.gguf FOLDER
"""

import json
import os
import sys

import numpy as np
import torch
from gguf import GGUFReader
from gguf.quants import dequantize
from safetensors.torch import save_file
from transformers import AutoTokenizer

TOP = {"token_embd.weight": "model.embed_tokens.weight", "output_norm.weight": "model.norm.weight", "output.weight": "lm_head.weight"}
LAYER = {
    "attn_norm": "input_layernorm", "ffn_norm": "post_attention_layernorm",
    "attn_q": "self_attn.q_proj", "attn_k": "self_attn.k_proj", "attn_v": "self_attn.v_proj", "attn_output": "self_attn.o_proj",
    "ffn_gate": "mlp.gate_proj", "ffn_up": "mlp.up_proj", "ffn_down": "mlp.down_proj",
}


class Model:
    def __init__(self, path):
        self.reader = GGUFReader(path)
        self.fields = {name: f.contents() for name, f in self.reader.fields.items()}
        if self.fields["general.architecture"] != "llama":
            sys.exit("the architecture is %s, not llama" % self.fields["general.architecture"])

    def get(self, name, default=None):
        return self.fields.get("llama." + name, default)

    def name(self, tensor):
        if tensor in TOP:
            return TOP[tensor]
        _, layer, kind, rest = tensor.split(".")
        return "model.layers.%s.%s.%s" % (layer, LAYER[kind], rest)

    def values(self, tensor):
        """The values of a tensor. The rows of query and key weights are in the order of
        llama.cpp's rotary embedding, pairs side by side; here each half is together."""
        w = dequantize(tensor.data, tensor.tensor_type)
        heads = {"attn_q": self.get("attention.head_count"), "attn_k": self.get("attention.head_count_kv")}
        n = heads.get(tensor.name.split(".")[2]) if tensor.name.startswith("blk.") else None
        if n:
            w = w.reshape(n, w.shape[0] // n // 2, 2, *w.shape[1:]).swapaxes(1, 2).reshape(w.shape)
        return torch.from_numpy(np.ascontiguousarray(w, dtype=np.float32)).to(torch.bfloat16)

    def weights(self):
        return {self.name(t.name): self.values(t) for t in self.reader.tensors if t.name != "rope_freqs.weight"}

    def config(self, weights):
        size, heads = self.get("embedding_length"), self.get("attention.head_count")
        theta = float(self.get("rope.freq_base", 10000.0))
        return {
            "architectures": ["LlamaForCausalLM"], "model_type": "llama", "dtype": "bfloat16",
            "hidden_size": size, "intermediate_size": self.get("feed_forward_length"),
            "num_hidden_layers": self.get("block_count"), "num_attention_heads": heads,
            "num_key_value_heads": self.get("attention.head_count_kv"), "head_dim": size // heads,
            "max_position_embeddings": self.get("context_length"),
            "vocab_size": weights["model.embed_tokens.weight"].shape[0],
            "rms_norm_eps": float(self.get("attention.layer_norm_rms_epsilon")),
            "rope_theta": theta, "rope_parameters": {"rope_type": "default", "rope_theta": theta},
            "hidden_act": "silu", "attention_bias": False, "mlp_bias": False,
            "tie_word_embeddings": "lm_head.weight" not in weights, **self.tokens(),
        }

    def tokens(self):
        return {name: self.fields.get("tokenizer.ggml." + name) for name in ("bos_token_id", "eos_token_id")}


def write(folder, name, value):
    with open(os.path.join(folder, name), "w") as f:
        json.dump(value, f, indent=1)


def main(source, folder):
    model = Model(source)
    os.makedirs(folder, exist_ok=True)
    weights = model.weights()
    save_file(weights, os.path.join(folder, "model.safetensors"), metadata={"format": "pt"})
    write(folder, "config.json", model.config(weights))
    write(folder, "generation_config.json", model.tokens())
    where, name = os.path.split(source)
    AutoTokenizer.from_pretrained(where, gguf_file=name).save_pretrained(folder)


main(*sys.argv[1:])
