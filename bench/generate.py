"""Times greedy answers of Hugging Face transformers, the yardstick for generation as evaluation does it.

usage: generate.py --model FOLDER --rows FILE.jsonl [--prompts 256] [--batch 32] [--new-tokens 64]
                   [--device cpu|cuda] [--threads N] [--repeat 1]

Prompts are texts "prompt" of the rows, in the model's chat template if it has one, sorted by length and
padded on the left within a batch, which goes on until its last answer ends. Float32 on the CPU, bfloat16
on a GPU. Prints one JSON line; tokens are those of the answers, without padding and end.
"""
import argparse
import json
import time

import torch
import transformers
from transformers import AutoModelForCausalLM, AutoTokenizer


def parse():
    parser = argparse.ArgumentParser(description="greedy answers of transformers")
    parser.add_argument("--model", required=True, help="a Hugging Face folder")
    parser.add_argument("--rows", required=True, help="JSONL with prompts")
    parser.add_argument("--prompts", type=int, default=256)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--new-tokens", type=int, default=64)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int, default=0, help="0: PyTorch's default")
    parser.add_argument("--repeat", type=int, default=1)
    return parser.parse_args()


def read(options, tokenizer):
    prompts = []
    with open(options.rows, encoding="utf-8") as file:
        for line in file:
            text = json.loads(line)["prompt"]
            if tokenizer.chat_template is not None:
                text = tokenizer.apply_chat_template([dict(role="user", content=text)], tokenize=False,
                                                     add_generation_prompt=True)
            prompts.append(tokenizer(text, add_special_tokens=False).input_ids)
    return sorted(prompts[:options.prompts], key=len)


def answer(model, tokenizer, prompts, most):
    """Token ids of the answers up to their end."""
    pad, ends = tokenizer.eos_token_id, model.generation_config.eos_token_id
    ends = ends if isinstance(ends, list) else [ends]
    longest = max(map(len, prompts))
    ids = torch.tensor([[pad] * (longest - len(p)) + p for p in prompts], device=model.device)
    mask = torch.tensor([[0] * (longest - len(p)) + [1] * len(p) for p in prompts], device=model.device)
    output = model.generate(input_ids=ids, attention_mask=mask, max_new_tokens=most, do_sample=False,
                            pad_token_id=pad)[:, longest:].tolist()
    return [row[:next((i for i, token in enumerate(row) if token in ends), len(row))] for row in output]


def main():
    options = parse()
    transformers.utils.logging.disable_progress_bar()
    if options.threads:
        torch.set_num_threads(options.threads)
    gpu = options.device != "cpu"
    tokenizer = AutoTokenizer.from_pretrained(options.model)
    model = AutoModelForCausalLM.from_pretrained(
        options.model, dtype=torch.bfloat16 if gpu else torch.float32).to(options.device).eval()
    prompts = read(options, tokenizer)
    answer(model, tokenizer, prompts[:4], 4)
    seconds, answers = [], []
    for _ in range(options.repeat):
        start = time.perf_counter()
        answers = [row for at in range(0, len(prompts), options.batch)
                   for row in answer(model, tokenizer, prompts[at:at + options.batch], options.new_tokens)]
        seconds.append(round(time.perf_counter() - start, 4))
    tokens = sum(map(len, answers))
    print(json.dumps({"seconds": seconds, "tokens": tokens, "answers": answers,
                      "tokens_per_second": round(tokens / min(seconds), 1),
                      "versions": f"torch {torch.__version__}, transformers {transformers.__version__}"}))


if __name__ == "__main__":
    main()
