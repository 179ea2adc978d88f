"""Times a LoRA training step of Hugging Face PEFT on the CPU, the yardstick for our own step.

usage: peft_step.py [--model shape|FOLDER] [--batch 4] [--length 128] [--rank 16] [--steps 8]
                    [--warmup 2] [--threads N] [--rows FILE.jsonl]

"shape" is SmolLM2-135M with random weights; FOLDER is a Hugging Face folder. Float32, all seven
linears, alpha = 2 rank, no dropout, fused AdamW, scaled-dot-product attention. A step is forward,
backward, update and zeroing of the gradients. Random full-length sequences with a label on every
token; with --rows, batches of the file's rows ("prompt" and "completion" texts) in file order, cut
to --length, in the model's chat template if it has one, padded to the longest of their batch, labels
on the completion (needs a FOLDER).
Prints one JSON line; the times in it leave the warm-up steps out.
"""
import argparse
import json
import resource
import statistics
import sys
import time
import warnings

import torch
import transformers
from peft import LoraConfig, get_peft_model
from transformers import AutoModelForCausalLM, AutoTokenizer, LlamaConfig, LlamaForCausalLM

LINEARS = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
SMOLLM2 = dict(hidden_size=576, intermediate_size=1536, num_hidden_layers=30,
               num_attention_heads=9, num_key_value_heads=3, vocab_size=49152,
               max_position_embeddings=8192, tie_word_embeddings=True,
               rope_parameters=dict(rope_theta=100000.0, rope_type="default"))


def parse():
    parser = argparse.ArgumentParser(description="PEFT LoRA step time on the CPU")
    parser.add_argument("--model", default="shape", help="'shape' or a Hugging Face folder")
    parser.add_argument("--batch", type=int, default=4, help="sequences a step")
    parser.add_argument("--length", type=int, default=128, help="tokens a sequence, at most")
    parser.add_argument("--rank", type=int, default=16)
    parser.add_argument("--steps", type=int, default=8, help="measured steps")
    parser.add_argument("--warmup", type=int, default=2, help="steps before the measured ones")
    parser.add_argument("--threads", type=int, default=0, help="0: PyTorch's default")
    parser.add_argument("--rows", help="JSONL with prompt and completion, instead of random tokens")
    options = parser.parse_args()
    if options.rows and options.model == "shape":
        parser.error("--rows needs the tokenizer of a --model FOLDER")
    return options


def build(options):
    transformers.utils.logging.disable_progress_bar()
    warnings.simplefilter("ignore", FutureWarning)
    if options.model == "shape":
        model = LlamaForCausalLM._from_config(LlamaConfig(**SMOLLM2), dtype=torch.float32,
                                              attn_implementation="sdpa")
    else:
        model = AutoModelForCausalLM.from_pretrained(
            options.model, dtype=torch.float32, attn_implementation="sdpa")
    config = LoraConfig(r=options.rank, lora_alpha=2 * options.rank, target_modules=LINEARS,
                        lora_dropout=0.0, task_type="CAUSAL_LM")
    return get_peft_model(model, config).train()


def random_batches(options, vocabulary):
    while True:
        ids = torch.randint(0, vocabulary, (options.batch, options.length))
        yield dict(input_ids=ids, labels=ids)


def row_batches(options):
    tokenizer = AutoTokenizer.from_pretrained(options.model)
    encode = lambda text: tokenizer(text, add_special_tokens=False).input_ids
    rows = []
    with open(options.rows, encoding="utf-8") as file:
        for number, line in enumerate(file, 1):
            row = json.loads(line)
            if not isinstance(row.get("prompt"), str) or not isinstance(row.get("completion"), str):
                sys.exit(f"{options.rows}:{number}: no texts prompt and completion")
            prompt = encode(row["prompt"]) if tokenizer.chat_template is None else encode(
                tokenizer.apply_chat_template([dict(role="user", content=row["prompt"])], tokenize=False,
                                              add_generation_prompt=True))
            completion = encode(row["completion"]) + [tokenizer.eos_token_id]
            ids, labels = prompt + completion, [-100] * len(prompt) + completion
            rows.append((ids[:options.length], labels[:options.length]))
    at = 0
    while True:
        chosen = [rows[(at + offset) % len(rows)] for offset in range(options.batch)]
        at += options.batch
        longest = max(len(ids) for ids, _ in chosen)
        pad = lambda values, value: values + [value] * (longest - len(values))
        yield dict(
            input_ids=torch.tensor([pad(ids, tokenizer.eos_token_id) for ids, _ in chosen]),
            attention_mask=torch.tensor([pad([1] * len(ids), 0) for ids, _ in chosen]),
            labels=torch.tensor([pad(labels, -100) for _, labels in chosen]))


def main():
    options = parse()
    torch.manual_seed(0)
    if options.threads:
        torch.set_num_threads(options.threads)
    model = build(options)
    trained = [p for p in model.parameters() if p.requires_grad]
    optimiser = torch.optim.AdamW(trained, lr=1e-4, weight_decay=0.0, fused=True)
    batches = (row_batches(options) if options.rows
               else random_batches(options, model.config.vocab_size))
    seconds, tokens, loss = [], 0, 0.0
    for step in range(options.warmup + options.steps):
        batch = next(batches)
        start = time.perf_counter()
        output = model(**batch)
        output.loss.backward()
        optimiser.step()
        optimiser.zero_grad()
        loss = output.loss.item()
        del output  # or its logits live on beside those of the next step
        if step >= options.warmup:
            seconds.append(time.perf_counter() - start)
            tokens += int(batch.get("attention_mask", batch["input_ids"] >= 0).sum())
    scale = 1 if sys.platform == "darwin" else 1024  # ru_maxrss is in bytes there
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * scale / 2**20
    print(json.dumps({
        "seconds_per_step_mean": round(sum(seconds) / len(seconds), 4),
        "median": round(statistics.median(seconds), 4),
        "best": round(min(seconds), 4), "steps": len(seconds), "peak_rss_mb": round(peak),
        "tokens_per_second": round(tokens / sum(seconds), 1), "loss": round(loss, 4),
        "trainable_parameters": sum(p.numel() for p in trained),
        "threads": torch.get_num_threads(), "torch": torch.__version__,
        "seconds": [round(value, 4) for value in seconds]}))


if __name__ == "__main__":
    main()
