"""Writes what torch.optim.AdamW makes of ten given gradients.

usage: make_adamw.py

src/test/resources/golden/train/adamw.safetensors, float32, k from 1 to 10:
  start (24)       the parameters
  gradients (10, 24)
  rates (10)       learning rate of each step
  NAME.k (24)      the parameters after step k; NAME is "plain" (betas 0.9 and 0.999, eps 1e-8, no
                   weight decay), "decay" (the same, weight decay 0.1) or "other" (betas 0.8 and
                   0.95, eps 1e-3, weight decay 0.01)
One gradient is zero throughout, one is tiny, one large.
"""
import torch

from reference import GOLDEN, deterministic, write

SEED = 20240611
STEPS, SIZE = 10, 24
SETTINGS = {
    "plain": dict(betas=(0.9, 0.999), eps=1e-8, weight_decay=0.0),
    "decay": dict(betas=(0.9, 0.999), eps=1e-8, weight_decay=0.1),
    "other": dict(betas=(0.8, 0.95), eps=1e-3, weight_decay=0.01),
}


def main():
    deterministic()
    generator = torch.Generator().manual_seed(SEED)
    start = torch.randn(SIZE, generator=generator)
    gradients = torch.randn(STEPS, SIZE, generator=generator)
    gradients[:, 0] = 0
    gradients[:, 1] *= 1e-6
    gradients[:, 2] *= 1e4
    rates = torch.linspace(0.1, 0.01, STEPS)
    tensors = dict(start=start, gradients=gradients, rates=rates)
    for name, settings in SETTINGS.items():
        parameter = torch.nn.Parameter(start.clone())
        optimizer = torch.optim.AdamW([parameter], lr=0.1, foreach=False, **settings)
        for step in range(STEPS):
            optimizer.param_groups[0]["lr"] = rates[step].item()
            parameter.grad = gradients[step].clone()
            optimizer.step()
            tensors[f"{name}.{step + 1}"] = parameter.data.clone()
    write(GOLDEN / "train/adamw.safetensors", tensors, "scripts/golden/make_adamw.py", seed=SEED)


if __name__ == "__main__":
    main()
