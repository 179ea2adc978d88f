"""Writes what transformers computes from the real SmolLM2-135M-Instruct, small enough to commit.

usage: make_smollm2.py MODEL_DIR [OUT]
MODEL_DIR holds one .gguf file and hf/, the Hugging Face folder (bf16) made from it.
OUT is src/test/resources/golden/smollm2/expected.safetensors unless given.

The metadata's "prompts" lists for each prompt i its messages and the text the chat template
renders.
With S either "gguf" (weights dequantised into float32 by transformers' GGUF reader) or "hf" (bf16
weights widened to float32):
  ids_i (n) int64                  the text's tokens
  columns (64) int64               tokens whose logits are kept at every position
  S.logits_i (n, 64)               those logits
  S.logsumexp_i, S.mean_i (n)      over the whole vocabulary, so that no logit goes unchecked
  S.nll_i (n - 1)                  negative log-likelihood of each token after the first
  S.loss_i ()                      their sum
  S.top_ids_i (20) int64, S.top_logits_i (20)   the best next tokens after the last position
  S.hidden_i (L + 2, 32)           first 32 numbers of the last position's hidden states: embedding,
                                   after each layer, after the final norm (see reference.forward)
  S.hidden_rms_i (L + 2)           root mean square of all 576
"""
import sys
from pathlib import Path

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from reference import GOLDEN, deterministic, forward, write

SEED = 20240609
SCRIPT = "scripts/golden/make_smollm2.py"
PROMPTS = [
    [{"role": "user", "content": "What is the capital of France?"}],
    [{"role": "system", "content": "Answer with one word."},
     {"role": "user", "content": "Is water wet?"},
     {"role": "assistant", "content": "Yes."},
     {"role": "user", "content": "And fire?"}],
    [{"role": "system", "content": "Translate into German."},
     {"role": "user", "content": "The cats sleep, don't they?\nYes: \u00fcberall!"}],
]


def load(source, model_dir):
    if source == "hf":
        where, extra = model_dir / "hf", {}
    else:
        [file] = model_dir.glob("*.gguf")
        where, extra = model_dir, {"gguf_file": file.name}
    return AutoModelForCausalLM.from_pretrained(
        where, dtype=torch.float32, attn_implementation="eager", **extra).eval()


def values(model, ids, columns):
    with torch.no_grad():
        logits, states = forward(model, ids)
    nll = torch.nn.functional.cross_entropy(logits[:-1], ids[1:], reduction="none")
    top = logits[-1].topk(20)
    layers = [f"layer{index}" for index in range(model.config.num_hidden_layers)]
    hidden = torch.stack([states[name][-1] for name in ["embed", *layers, "norm"]])
    return {"logits": logits[:, columns], "logsumexp": logits.logsumexp(-1),
            "mean": logits.mean(-1), "nll": nll, "loss": nll.sum(),
            "top_ids": top.indices, "top_logits": top.values,
            "hidden": hidden[:, :32], "hidden_rms": hidden.square().mean(-1).sqrt()}


def main():
    deterministic()
    model_dir = Path(sys.argv[1])
    out = Path(sys.argv[2]) if len(sys.argv) > 2 else GOLDEN / "smollm2/expected.safetensors"
    tokenizer = AutoTokenizer.from_pretrained(model_dir / "hf")
    texts = [tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
             for messages in PROMPTS]
    batch = [torch.tensor(tokenizer(text, add_special_tokens=False).input_ids) for text in texts]
    generator = torch.Generator().manual_seed(SEED)
    columns = torch.randperm(len(tokenizer), generator=generator)[:64].sort().values
    tensors = {"columns": columns} | {f"ids_{index}": ids for index, ids in enumerate(batch)}
    for source in ("gguf", "hf"):
        model = load(source, model_dir)
        for index, ids in enumerate(batch):
            found = values(model, ids, columns)
            tensors |= {f"{source}.{name}_{index}": value for name, value in found.items()}
            best = tokenizer.decode(found["top_ids"][:1])
            print(f"{source} {index}: {len(ids)} tokens, loss {found['loss']:.3f}, next {best!r}")
    prompts = [{"messages": messages, "text": text} for messages, text in zip(PROMPTS, texts)]
    write(out, tensors, SCRIPT, seed=SEED, prompts=prompts)
    print(f"{out.name}: {out.stat().st_size} bytes")


if __name__ == "__main__":
    main()
