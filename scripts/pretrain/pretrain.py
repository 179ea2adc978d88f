"""Pretrains the decoder: pretrain.py CORPUS.xz OUT_FOLDER SECONDS BATCH PEAK [START_FOLDER].

The schedule runs on the clock: warm-up, then a cosine to zero that ends after SECONDS.
"""

import lzma
import math
import sys
import time

import numpy as np
import torch
from torch.nn import functional as F

from model import Decoder, load, save

CONTEXT, TEXT_SHARE, WARMUP = 256, 0.4, 0.02


def streams(path, device):
    raw = np.frombuffer(lzma.decompress(open(path, "rb").read()), np.uint8)
    sizes, at, out = raw[:16].view(np.uint64), 16, []
    for n in map(int, sizes):
        low, high = raw[at : at + n], raw[at + n : at + 2 * n]
        out.append(torch.from_numpy(low.astype(np.int16) | high.astype(np.int16) << 8).to(device))
        at += 2 * n
    return out


def main():
    path, folder, seconds = sys.argv[1], sys.argv[2], float(sys.argv[3])
    batch, peak = int(sys.argv[4]), float(sys.argv[5])
    device = "cuda" if torch.cuda.is_available() else "cpu"
    torch.manual_seed(0)
    torch.set_float32_matmul_precision("high")
    started = time.time()
    data = streams(path, device)
    # Rows start a sequence whole, as they do in use; text may start anywhere.
    starts = (data[1] == 0).nonzero().flatten() + 1
    starts = starts[starts < len(data[1]) - CONTEXT - 1]
    model = (load(sys.argv[6]) if len(sys.argv) > 6 else Decoder()).to(device)
    print(
        "parameters",
        sum(p.numel() for p in model.parameters()),
        "read",
        time.time() - started,
        flush=True,
    )
    matrices = [p for n, p in model.named_parameters() if p.dim() == 2 and "embed" not in n]
    others = [p for n, p in model.named_parameters() if p.dim() == 1 or "embed" in n]
    optimiser = torch.optim.AdamW(
        [{"params": matrices, "weight_decay": 0.05}, {"params": others, "weight_decay": 0.0}],
        lr=peak,
        betas=(0.9, 0.97),
        fused=device == "cuda",
    )
    n_text = round(TEXT_SHARE * batch)
    window = torch.arange(CONTEXT + 1, device=device)

    def draw():
        at = torch.randint(len(data[0]) - CONTEXT - 1, (n_text, 1), device=device)
        rows = starts[torch.randint(len(starts), (batch - n_text, 1), device=device)]
        return torch.cat((data[0][at + window], data[1][rows + window])).long()

    def loss_of(ids):
        with torch.autocast(device, torch.bfloat16):
            logits = model(ids[:, :-1])
        losses = F.cross_entropy(
            logits.float().flatten(0, 1), ids[:, 1:].flatten(), reduction="none"
        )
        losses = losses.view(len(ids), -1)
        return losses.mean(), losses[:n_text].mean().detach(), losses[n_text:].mean().detach()

    step_loss = torch.compile(loss_of) if device == "cuda" else loss_of
    step, begun = 0, None
    while True:
        loss, text, rows = step_loss(draw())
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        if begun is None:  # the first step compiles
            if device == "cuda":
                torch.cuda.synchronize()
            begun = time.time()
            seconds -= begun - started
            print("compiled after", begun - started, flush=True)
        if step % 5 == 0:
            if device == "cuda":
                torch.cuda.synchronize()
            done = (time.time() - begun) / seconds
            rate = peak * min(done / WARMUP, 0.5 * (1 + math.cos(math.pi * min(done, 1))))
            for group in optimiser.param_groups:
                group["lr"] = rate
        optimiser.step()
        optimiser.zero_grad(set_to_none=True)
        if step % 200 == 0 or done >= 1:
            print(
                f"step {step} tokens {(step + 1) * batch * CONTEXT / 1e6:.0f}M "
                f"text {text.item():.3f} rows {rows.item():.3f} lr {rate:.2e} {time.time() - begun:.0f}s",
                flush=True,
            )
        if done >= 1:
            break
        step += 1
        if step % 2000 == 0:
            save(model, folder)
    save(model, folder)


if __name__ == "__main__":
    main()
