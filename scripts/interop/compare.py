"""Compares logits written by thanora with those of a reference model, sequence by sequence."""
import argparse
import re
import sys
import warnings

import torch
import transformers
from safetensors.torch import load_file
from transformers import AutoConfig, AutoModelForCausalLM, AutoModelForImageTextToText

LIMIT = 1e-4


def load_base(folder, **options):
    """A Hugging Face folder in float32 with eager attention, whatever type it is stored in."""
    warnings.simplefilter("ignore", FutureWarning)
    transformers.utils.logging.disable_progress_bar()
    options = {"dtype": torch.float32, "attn_implementation": "eager", **options}
    sees = hasattr(AutoConfig.from_pretrained(folder), "vision_config")
    kind = AutoModelForImageTextToText if sees else AutoModelForCausalLM
    return kind.from_pretrained(folder, **options).eval()


def sequences(path):
    """Yields (name, ids (n), logits (n, V), [pixels (tiles, 3, S, S)]) of `ids`, `logits` or `ids_0`, `logits_0`, ...
    and the images `pixels_0_0`, `pixels_0_1`, ... of a row."""
    tensors = load_file(path)
    names = sorted((name for name in tensors if re.fullmatch(r"ids(_\d+)?", name)),
                   key=lambda name: (len(name), name))
    if not names:
        sys.exit(f"{path}: no tensor ids or ids_0; write ids (n) int64 and logits (n, V) float32")
    for name in names:
        partner = name.replace("ids", "logits")
        if partner not in tensors:
            sys.exit(f"{path}: {name} has no {partner} beside it")
        ids, logits = tensors[name].long(), tensors[partner].float()
        if ids.dim() != 1 or logits.dim() != 2 or len(ids) != len(logits):
            sys.exit(f"{path}: {name} is {tuple(ids.shape)} and {partner} {tuple(logits.shape)}; "
                     "expected (n) and (n, V)")
        images = sorted((key for key in tensors if key.startswith(name.replace("ids", "pixels") + "_")),
                        key=lambda key: (len(key), key))
        yield name, ids, logits, [tensors[key] for key in images]


def seen(model, pixels):
    """The images of a row as the model takes them."""
    if not pixels:
        return {}
    tiles = torch.cat(pixels).to(model.dtype)
    return {"pixel_values": tiles if model.config.model_type == "llava" else tiles[None]}


def compare(what, model, path, limit=LIMIT, least_same=0.0):
    """Prints max |ours - theirs| / max |theirs| over all sequences and how often both name the same
    best token; returns whether the first is within `limit` and the second is `least_same` or more.
    """
    worst, same, positions, count = 0.0, 0, 0, 0
    for name, ids, ours, pixels in sequences(path):
        with torch.no_grad():
            theirs = model(input_ids=ids[None], use_cache=False, **seen(model, pixels)).logits[0].float()
        if ours.shape != theirs.shape:
            sys.exit(f"{name}: {tuple(ours.shape)} logits here, {tuple(theirs.shape)} there")
        relative = ((ours - theirs).abs().max() / theirs.abs().max()).item()
        same += (ours.argmax(-1) == theirs.argmax(-1)).sum().item()
        positions += len(ids)
        count += 1
        worst = max(worst, relative if relative == relative else float("inf"))
    good = worst <= limit and same >= least_same * positions
    print(f"{what}: {count} rows, {positions} positions, largest relative difference {worst:.2e} "
          f"(limit {limit:.0e}), same best token at {100 * same / positions:.2f} % "
          f"(at least {100 * least_same:.0f} %): {'ok' if good else 'FAILED'}")
    return good


def parse(description, *names):
    """Positional arguments of these names, --limit and --same."""
    parser = argparse.ArgumentParser(description=description)
    for name in names:
        parser.add_argument(name)
    parser.add_argument("--limit", type=float, default=LIMIT, help="largest relative difference")
    parser.add_argument("--same", type=float, default=0.0, help="least share of same best tokens")
    return parser.parse_args()
