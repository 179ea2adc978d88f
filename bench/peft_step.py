"""Times a LoRA training step of Hugging Face PEFT, the yardstick for our own step.

usage: peft_step.py [--model FILE.json|FOLDER] [--batch 4] [--length 128] [--rank 16] [--steps 8]
                    [--warmup 2] [--threads N] [--rows FILE.jsonl] [--device cpu|cuda]
                    [--checkpointing] [--fit [--first 4] [--most 256] [--refine 2]]

FILE.json is a config.json, for random weights, by default that of SmolLM2-135M; FOLDER is a Hugging Face
folder. Float32 on the CPU, bfloat16 on a GPU; all seven linears, alpha = 2 rank, no dropout, fused AdamW,
scaled-dot-product attention. A step is forward, backward, update and zeroing of the gradients. Random
full-length sequences with a label on every token; with --rows, batches of the file's rows ("prompt" and
"completion" texts) in file order, cut to --length, in the model's chat template if it has one, padded to
the longest of their batch, labels on the completion (needs a FOLDER).
Prints one JSON line; the times in it leave the warm-up steps out. With --fit instead the most rows whose
step fits the GPU's memory: doubled until one does not, then halved between.
"""
import argparse
import json
import resource
import statistics
import sys
import time
import warnings
from pathlib import Path

import torch
import transformers
from peft import LoraConfig, get_peft_model
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer

LINEARS = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
SMOLLM2 = Path(__file__).resolve().parent / "smollm2-135m.json"


def parse():
    parser = argparse.ArgumentParser(description="PEFT LoRA step time")
    parser.add_argument("--model", default=str(SMOLLM2), help="a config.json or a Hugging Face folder")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--checkpointing", action="store_true", help="activations are computed anew")
    parser.add_argument("--fit", action="store_true", help="the most rows that fit, not times")
    parser.add_argument("--first", type=int, default=4)
    parser.add_argument("--most", type=int, default=256)
    parser.add_argument("--refine", type=int, default=2)
    parser.add_argument("--batch", type=int, default=4, help="sequences a step")
    parser.add_argument("--length", type=int, default=128, help="tokens a sequence, at most")
    parser.add_argument("--rank", type=int, default=16)
    parser.add_argument("--steps", type=int, default=8, help="measured steps")
    parser.add_argument("--warmup", type=int, default=2, help="steps before the measured ones")
    parser.add_argument("--threads", type=int, default=0, help="0: PyTorch's default")
    parser.add_argument("--rows", help="JSONL with prompt and completion, instead of random tokens")
    options = parser.parse_args()
    if options.rows and is_shape(options):
        parser.error("--rows needs the tokenizer of a --model FOLDER")
    return options


def is_shape(options):
    return options.model.endswith(".json")


def build(options):
    transformers.utils.logging.disable_progress_bar()
    warnings.simplefilter("ignore", FutureWarning)
    dtype = torch.float32 if options.device == "cpu" else torch.bfloat16
    if is_shape(options):
        with torch.device(options.device):
            model = AutoModelForCausalLM.from_config(
                AutoConfig.from_pretrained(options.model), dtype=dtype, attn_implementation="sdpa")
    else:
        model = AutoModelForCausalLM.from_pretrained(
            options.model, dtype=dtype, attn_implementation="sdpa").to(options.device)
    config = LoraConfig(r=options.rank, lora_alpha=2 * options.rank, target_modules=LINEARS,
                        lora_dropout=0.0, task_type="CAUSAL_LM")
    # By default PEFT makes the adapter float32 and casts activations to and fro: slower on a GPU.
    model = get_peft_model(model, config, autocast_adapter_dtype=options.device == "cpu")
    if options.checkpointing:
        model.gradient_checkpointing_enable()
        model.enable_input_require_grads()
    return model.train()


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


def step(model, optimiser, batch):
    """One step; returns its loss."""
    output = model(**batch)
    output.loss.backward()
    optimiser.step()
    optimiser.zero_grad()
    return output.loss.item()


def on(device, batch):
    return {name: tensor.to(device) for name, tensor in batch.items()}


def fits(model, optimiser, options, rows):
    """Whether a step of so many rows fits the GPU's memory."""
    try:
        ids = torch.randint(0, model.config.vocab_size, (rows, options.length))
        step(model, optimiser, on(options.device, dict(input_ids=ids, labels=ids)))
        fit = True
    except torch.OutOfMemoryError:
        optimiser.zero_grad()
        fit = False
    if options.device != "cpu":
        torch.cuda.empty_cache()
    print(f"{rows} rows {'fit' if fit else 'do not fit'}", file=sys.stderr)
    return fit


def search(model, optimiser, options):
    largest, failed, rows = 0, 0, options.first
    while rows <= options.most and not failed:
        if fits(model, optimiser, options, rows):
            largest, rows = rows, 2 * rows
        else:
            failed = rows
    for _ in range(options.refine):
        if failed - largest > 1:
            rows = (largest + failed) // 2
            if fits(model, optimiser, options, rows):
                largest = rows
            else:
                failed = rows
    print(json.dumps({"rows": largest, "length": options.length}))


def measure(model, optimiser, options):
    """Seconds of the measured steps, their tokens and rows, the last loss."""
    batches = (row_batches(options) if options.rows
               else random_batches(options, model.config.vocab_size))
    seconds, tokens, loss = [], 0, 0.0
    for number in range(options.warmup + options.steps):
        batch = next(batches)
        start = time.perf_counter()
        loss = step(model, optimiser, on(options.device, batch))
        if number >= options.warmup:
            seconds.append(time.perf_counter() - start)
            tokens += int(batch.get("attention_mask", batch["input_ids"] >= 0).sum())
    return seconds, tokens, loss


def main():
    options = parse()
    torch.manual_seed(0)
    if options.threads:
        torch.set_num_threads(options.threads)
    model = build(options)
    trained = [p for p in model.parameters() if p.requires_grad]
    optimiser = torch.optim.AdamW(trained, lr=1e-4, weight_decay=0.0, fused=True)
    if options.fit:
        search(model, optimiser, options)
        return
    seconds, tokens, loss = measure(model, optimiser, options)
    scale = 1 if sys.platform == "darwin" else 1024  # ru_maxrss is in bytes there
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * scale / 2**20
    gpu = {} if options.device == "cpu" else {
        "peak_gpu_mb": round(torch.cuda.max_memory_allocated() / 1e6), "gpu": torch.cuda.get_device_name()}
    print(json.dumps({
        "seconds_per_step_mean": round(sum(seconds) / len(seconds), 4),
        "median": round(statistics.median(seconds), 4),
        "best": round(min(seconds), 4), "steps": len(seconds), "peak_rss_mb": round(peak), **gpu,
        "tokens_per_second": round(tokens / sum(seconds), 1), "loss": round(loss, 4),
        "trainable_parameters": sum(p.numel() for p in trained),
        "threads": torch.get_num_threads(), "torch": torch.__version__,
        "seconds": [round(value, 4) for value in seconds]}))


if __name__ == "__main__":
    main()
