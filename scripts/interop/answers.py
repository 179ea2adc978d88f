"""Greedy answers of plain transformers, to compare with those of `thanora generate`.

usage: answers.py MODEL PROMPTS MAX_NEW_TOKENS
MODEL is a Hugging Face folder with a chat template, PROMPTS a file with a prompt a line. Prints the
answers in float32 as a JSON list.
"""
import json
import sys

import torch
from transformers import AutoTokenizer

from compare import load_base


def main():
    if len(sys.argv) != 4:
        print("usage: answers.py MODEL PROMPTS MAX_NEW_TOKENS", file=sys.stderr)
        sys.exit(2)
    folder, prompts, most = sys.argv[1], sys.argv[2], int(sys.argv[3])
    model, tokenizer = load_base(folder), AutoTokenizer.from_pretrained(folder)
    answers = []
    with open(prompts, encoding="utf-8") as file:
        for prompt in file.read().splitlines():
            text = tokenizer.apply_chat_template(
                [{"role": "user", "content": prompt}], add_generation_prompt=True, tokenize=False)
            ids = tokenizer(text, add_special_tokens=False, return_tensors="pt")
            with torch.no_grad():
                output = model.generate(**ids, max_new_tokens=most, do_sample=False)
            answers.append(tokenizer.decode(output[0, ids.input_ids.shape[1]:],
                                            skip_special_tokens=True))
    print(json.dumps(answers))


if __name__ == "__main__":
    main()
