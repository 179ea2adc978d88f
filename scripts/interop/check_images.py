"""Checks that our token ids and pixels of rows with images are those of the model's processor in transformers.

usage: check_images.py MODEL EXPECTED ROWS.jsonl...
MODEL is a Hugging Face folder, EXPECTED a safetensors file whose ids_i and pixels_i_j are some of the rows of these
files, which name images in their own folder.
"""
import json
import sys
from pathlib import Path

import torch
from PIL import Image
from transformers import AutoImageProcessor, AutoProcessor, AutoTokenizer
from transformers.models.smolvlm.processing_smolvlm import get_image_prompt_string

from compare import sequences

LIMIT = 1e-5


class Smol:
    """What SmolVLMProcessor does with images, which itself cannot be had without torchvision."""

    def __init__(self, folder):
        self.tokenizer = AutoTokenizer.from_pretrained(folder)
        self.images = AutoImageProcessor.from_pretrained(folder)
        self.tokens = json.loads((Path(folder) / "processor_config.json").read_text())["image_seq_len"]

    def apply_chat_template(self, messages, **options):
        return self.tokenizer.apply_chat_template(messages, tokenize=False, **options)

    def __call__(self, text, images=None, return_tensors="pt"):
        if not images:
            return self.tokenizer(text, add_special_tokens=False, return_tensors="pt")
        found = self.images(images, return_row_col_info=True, return_tensors="pt")
        for rows, columns in zip(found["rows"][0], found["cols"][0]):
            expanded = get_image_prompt_string(rows, columns, self.tokens, image_token="<IMAGE>",
                                               fake_token_around_image="<fake_token_around_image>",
                                               global_image_token="<global-img>")
            text = text.replace("<image>", expanded, 1)
        text = text.replace("<IMAGE>", "<image>")
        return {**self.tokenizer(text, add_special_tokens=False, return_tensors="pt"),
                "pixel_values": found["pixel_values"]}


def processor(folder):
    config = json.loads((Path(folder) / "processor_config.json").read_text())
    return Smol(folder) if config["processor_class"] == "SmolVLMProcessor" else AutoProcessor.from_pretrained(folder)


def messages(row):
    """The prompt of a row in parts, as templates take it."""
    content = []
    for index, piece in enumerate(row["prompt"].split("<image>")):
        content += [{"type": "image"}] if index else []
        text = piece.removeprefix("\n") if index else piece
        content += [{"type": "text", "text": text}] if text else []
    return [{"role": "user", "content": content}]


def expected(process, row, folder):
    """Ids of prompt, completion and end, and the tiles of all images in their order."""
    prompt = process.apply_chat_template(messages(row), add_generation_prompt=True)
    images = [Image.open(folder / name) for name in row.get("images", [])]
    found = process(text=prompt, images=images or None, return_tensors="pt")
    ids = found["input_ids"][0].tolist()
    tiles = found["pixel_values"].reshape(-1, *found["pixel_values"].shape[-3:]) if images else torch.zeros(0)
    return ids, tiles


def main():
    if len(sys.argv) < 4:
        print("usage: check_images.py MODEL EXPECTED ROWS.jsonl...", file=sys.stderr)
        sys.exit(2)
    process = processor(sys.argv[1])
    known = []
    for path in map(Path, sys.argv[3:]):
        for line in path.read_text(encoding="utf-8").splitlines():
            known.append(expected(process, json.loads(line), path.parent))
    wrong, seen, worst = 0, 0, 0.0
    for name, ids, _, pixels in sequences(sys.argv[2]):
        tiles = torch.cat(pixels) if pixels else torch.zeros(0)
        distances = [(tiles - there).abs().max().item() if pixels else 0.0 for prompt, there in known
                     if ids.tolist()[:len(prompt)] == prompt and there.shape == tiles.shape]
        if not distances or min(distances) > LIMIT:
            wrong += 1
            print(f"{name}: no row has these ids and pixels; {process.tokenizer.decode(ids)!r}")
            continue
        worst = max(worst, min(distances))
        seen += len(pixels)
    good = not wrong and seen > 0
    print(f"{type(process).__name__}: {wrong} rows differ, {seen} images by {worst:.1e} at most (limit {LIMIT:.0e}): "
          f"{'ok' if good else 'FAILED'}")
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
