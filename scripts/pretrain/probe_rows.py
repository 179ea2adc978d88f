"""Tokenises demo tasks for probe.py: probe_rows.py MODEL_FOLDER TASKS_FOLDER OUT.json."""

import json
import sys
from pathlib import Path

from tokenizers import Tokenizer

tokenizer = Tokenizer.from_file(f"{sys.argv[1]}/tokenizer.json")
out = {}
for task in sorted(p for p in Path(sys.argv[2]).iterdir() if p.is_dir()):
    out[task.name] = {}
    for part in ("train", "test"):
        rows = [json.loads(line) for line in (task / f"{part}.jsonl").read_text().splitlines()]
        out[task.name][part] = [
            (
                tokenizer.encode(f"<|user|>{r['prompt']}<|assistant|>").ids,
                tokenizer.encode(r["completion"]).ids + [0],
            )
            for r in rows
        ]
    lengths = [len(p) + len(c) for p, c in out[task.name]["train"]]
    print(task.name, "tokens mean", sum(lengths) / len(lengths), "max", max(lengths))
json.dump(out, open(sys.argv[3], "w"))
