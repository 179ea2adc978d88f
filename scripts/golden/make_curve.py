"""Writes ten training steps of PEFT's LoRA under torch.optim.AdamW on a tiny checkpoint.

usage: make_curve.py

Run make_models.py first: model and adapter are its "llama" and "qwen3"; the rows are the three
sequences of their expected.safetensors, all three in every step, labels on the last half.

src/test/resources/golden/train/curve-NAME.safetensors, float32:
  loss (10)        mean over all labels of the step, before its update
  grad_norm (10)   before clipping to 1.0
  KEY              the trained factors, KEY as in adapter_model.safetensors
Learning rate 1e-2, constant; betas 0.9 and 0.999, eps 1e-8, weight decay 0.01.
"""
import torch
from peft import PeftModel
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM

from reference import GOLDEN, deterministic, nll_sum, write

STEPS = 10


def loss_of(model, rows):
    total, count = 0.0, 0
    for ids, labels in rows:
        total = total + nll_sum(model(input_ids=ids[None], use_cache=False).logits[0], labels)
        count += int((labels[1:] != -100).sum())
    return total / count


def curve(name):
    folder = GOLDEN / "models" / name
    values = load_file(folder / "expected.safetensors")
    rows = [(values[f"ids_{i}"], values[f"labels_{i}"]) for i in range(3)]
    base = AutoModelForCausalLM.from_pretrained(
        folder, dtype=torch.float32, attn_implementation="eager")
    model = PeftModel.from_pretrained(base, folder / "adapter", is_trainable=True).eval()
    named = {n.replace(".default.", "."): p for n, p in model.named_parameters()
             if p.requires_grad}
    optimizer = torch.optim.AdamW(named.values(), lr=1e-2, betas=(0.9, 0.999), eps=1e-8,
                                  weight_decay=0.01, foreach=False)
    losses, norms = [], []
    for _ in range(STEPS):
        optimizer.zero_grad()
        loss = loss_of(model, rows)
        loss.backward()
        norms.append(torch.nn.utils.clip_grad_norm_(named.values(), 1.0, foreach=False))
        losses.append(loss.detach())
        optimizer.step()
    tensors = dict(loss=torch.stack(losses), grad_norm=torch.stack(norms)) | named
    write(GOLDEN / f"train/curve-{name}.safetensors", tensors, "scripts/golden/make_curve.py")
    print(name, [round(loss.item(), 4) for loss in losses], [round(n.item(), 3) for n in norms])


def main():
    deterministic()
    for name in ("llama", "qwen3"):
        curve(name)


if __name__ == "__main__":
    main()
