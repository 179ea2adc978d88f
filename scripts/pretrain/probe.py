"""Plain LoRA on the demo tasks: probe.py MODEL_FOLDER TASKS.json [STEPS [RATE [RANK]]].

Prints exact match of every task before and after a short multi-task run, to see that the demo has
something to learn and that it can. TASKS.json comes from probe_rows.py.
"""

import json
import math
import random
import sys
import time

import torch
from torch import nn
from torch.nn import functional as F

from model import load

BATCH = 16


class Lora(nn.Module):
    def __init__(self, base, rank, alpha):
        super().__init__()
        self.base, self.scale = base, alpha / rank
        self.a = nn.Parameter(torch.empty(rank, base.in_features))
        self.b = nn.Parameter(torch.zeros(base.out_features, rank))
        nn.init.kaiming_uniform_(self.a, a=math.sqrt(5))

    def forward(self, x):
        return self.base(x) + F.linear(F.linear(x, self.a), self.b) * self.scale


def padded(rows, device):
    longest = max(map(len, rows))
    return torch.tensor([r + [0] * (longest - len(r)) for r in rows], device=device)


@torch.no_grad()
def exact(model, rows, device, limit=48):
    seqs, alive = [list(p) for p, _ in rows], [True] * len(rows)
    for _ in range(limit):
        todo = [i for i in range(len(rows)) if alive[i]]
        if not todo:
            break
        hidden = model.hidden(padded([seqs[i] for i in todo], device))
        last = torch.tensor([len(seqs[i]) - 1 for i in todo], device=device)
        logits = hidden[torch.arange(len(todo), device=device), last] @ model.embed_tokens.weight.T
        for i, token in zip(todo, logits.argmax(-1).tolist()):
            seqs[i].append(token)
            alive[i] = token != 0
    return sum(s == p + c for s, (p, c) in zip(seqs, rows)) / len(rows), seqs


def main():
    folder, tasks = sys.argv[1], json.load(open(sys.argv[2]))
    steps, rate, rank = (
        int(sys.argv[3]) if len(sys.argv) > 3 else 250,
        float(sys.argv[4]) if len(sys.argv) > 4 else 3e-3,
        int(sys.argv[5]) if len(sys.argv) > 5 else 16,
    )
    device = "cuda" if torch.cuda.is_available() else "cpu"
    torch.manual_seed(0)
    random.seed(0)
    model = load(folder).to(device).requires_grad_(False)
    before = {t: exact(model, d["test"], device) for t, d in tasks.items()}
    for module in list(model.modules()):
        for name, child in list(module.named_children()):
            if isinstance(child, nn.Linear):
                setattr(module, name, Lora(child, rank, 2 * rank).to(device))
    trained = [p for p in model.parameters() if p.requires_grad]
    optimiser = torch.optim.AdamW(trained, lr=rate, weight_decay=0.0)
    names, begun, curve = list(tasks), time.time(), []
    for step in range(steps):
        done = step / steps
        for group in optimiser.param_groups:
            group["lr"] = rate * min(
                (step + 1) / (0.03 * steps), 0.5 * (1 + math.cos(math.pi * done))
            )
        rows = [random.choice(tasks[random.choice(names)]["train"]) for _ in range(BATCH)]
        ids = padded([p + c for p, c in rows], device)
        labels = torch.full_like(ids, -100)
        for i, (p, c) in enumerate(rows):
            labels[i, len(p) : len(p) + len(c)] = ids[i, len(p) : len(p) + len(c)]
        loss = F.cross_entropy(model(ids)[:, :-1].flatten(0, 1), labels[:, 1:].flatten())
        loss.backward()
        nn.utils.clip_grad_norm_(trained, 1.0)
        optimiser.step()
        optimiser.zero_grad()
        curve.append(loss.item())
    spent = time.time() - begun
    for t, d in tasks.items():
        after, seqs = exact(model, d["test"], device)
        print(f"{t:10s} {before[t][0]:.3f} -> {after:.3f}")
    print(
        f"{steps} steps, lr {rate}, r {rank}: loss {sum(curve[:5]) / 5:.3f} -> {sum(curve[-20:]) / 20:.3f}, "
        f"{spent:.1f} s",
        flush=True,
    )


if __name__ == "__main__":
    main()
