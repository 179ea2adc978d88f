"""Checks that the Python package gguf reads our GGUF files: the tensors of a merged model are those of
our merged folder, in llama.cpp's names and order, the tokens those of AutoTokenizer; the product of an
adapter's factors is that of our PEFT adapter.

usage: check_gguf.py MODEL.gguf MERGED [--limit 0]
       check_gguf.py ADAPTER.gguf ADAPTER [--limit 0]
MERGED is a Hugging Face folder of a model of Llama's family in float32, ADAPTER a PEFT folder.
"""
import json
import sys
from pathlib import Path

import gguf
import numpy as np
from safetensors.numpy import load_file
from transformers import AutoConfig, AutoTokenizer

from compare import parse

HEADS = {"q_proj": "num_attention_heads", "k_proj": "num_key_value_heads"}


def unpermute(weight, heads):
    """Hugging Face's order of q and k rows: the halves of each head apart."""
    half = weight.shape[0] // heads // 2
    return weight.reshape(heads, half, 2, -1).swapaxes(1, 2).reshape(weight.shape)


def values(tensor):
    """A tensor in float32, outermost dimension first."""
    return np.array(gguf.quants.dequantize(tensor.data, tensor.tensor_type), dtype=np.float32)


def difference(ours, theirs):
    return float(np.abs(ours - theirs).max() / np.abs(theirs).max())


def check_model(reader, folder, limit):
    config = AutoConfig.from_pretrained(folder)
    tensors = load_file(Path(folder) / "model.safetensors")
    names = gguf.get_tensor_name_map(gguf.MODEL_ARCH.LLAMA, config.num_hidden_layers)
    there = {tensor.name: tensor for tensor in reader.tensors}
    worst = 0.0
    for name, expected in tensors.items():
        stem, suffix = name.rsplit(".", 1)
        found = values(there.pop(f"{names.get_name(stem)}.{suffix}"))
        heads = HEADS.get(stem.rsplit(".", 1)[-1])
        worst = max(worst, difference(unpermute(found, getattr(config, heads)) if heads else found, expected))
    tokenizer = AutoTokenizer.from_pretrained(folder)
    tokens = reader.fields["tokenizer.ggml.tokens"].contents()
    same = tokens == tokenizer.convert_ids_to_tokens(list(range(config.vocab_size)))
    template = reader.fields["tokenizer.chat_template"].contents() == tokenizer.chat_template
    print(f"{len(tensors)} tensors, largest relative difference {worst:.1e} (limit {limit:.0e}), "
          f"{len(there)} unknown, {len(tokens)} tokens {'the same' if same else 'DIFFER'}, "
          f"chat template {'the same' if template else 'DIFFERS'}")
    return worst <= limit and not there and same and template


def check_adapter(reader, folder, limit):
    with open(Path(folder) / "adapter_config.json", encoding="utf-8") as file:
        peft = json.load(file)
    config = AutoConfig.from_pretrained(peft["base_model_name_or_path"])
    factors = load_file(Path(folder) / "adapter_model.safetensors")
    names = gguf.get_tensor_name_map(gguf.MODEL_ARCH.LLAMA, config.num_hidden_layers)
    there = {tensor.name: tensor for tensor in reader.tensors}
    alpha = reader.fields["adapter.lora.alpha"].contents()
    worst, modules = 0.0, 0
    for name in [name for name in factors if ".lora_A." in name]:
        stem = name.removeprefix("base_model.model.").removesuffix(".lora_A.weight")
        ours = [values(there.pop(f"{names.get_name(stem)}.weight.lora_{side}")) for side in "ab"]
        heads = HEADS.get(stem.rsplit(".", 1)[-1])
        b = unpermute(ours[1], getattr(config, heads)) if heads else ours[1]
        expected = factors[name.replace("lora_A", "lora_B")] @ factors[name] * peft["lora_alpha"] / peft["r"]
        worst = max(worst, difference(b @ ours[0] * alpha / ours[0].shape[0], expected))
        modules += 1
    print(f"{modules} modules, largest relative difference {worst:.1e} (limit {limit:.0e}), {len(there)} unknown")
    return modules > 0 and worst <= limit and not there


def main():
    options = parse(__doc__, "file", "folder")
    reader = gguf.GGUFReader(options.file)
    kind = reader.fields["general.type"].contents()
    check = {"model": check_model, "adapter": check_adapter}[kind]
    sys.exit(0 if check(reader, options.folder, options.limit) else 1)


if __name__ == "__main__":
    main()
