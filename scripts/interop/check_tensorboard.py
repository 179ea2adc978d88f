"""Checks that TensorBoard reads a run's event file, and that its numbers are those of log.jsonl.

usage: check_tensorboard.py RUN
"""
import json
import math
import sys
from pathlib import Path

import numpy as np
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator


def expected(run):
    """tag -> {step: value}, from the log."""
    tags = {}

    def add(tag, step, value):
        if value is not None:
            tags.setdefault(tag, {})[step] = float(np.float32(value))

    for line in (run / "log.jsonl").read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        step = row["step"]
        if "event" not in row:
            add("train/loss", step, row["loss"])
            add("train/learning_rate", step, row["lr"])
            add("train/grad_norm", step, row["grad_norm"])
            add("thanora/spr", step, row["spr"])
            for task, loss in row["task_loss"].items():
                add(f"train/loss_{task}", step, loss)
        elif row["event"] == "evaluation":
            add("eval/loss", step, sum(row["nll"].values()) / len(row["nll"]))
            for task, loss in row["nll"].items():
                add(f"eval/{task}_loss", step, loss)
        elif row["event"] == "overlap":
            for side in "ab":
                layers = [value for value in row[f"layers_{side}"] if value is not None]
                add(f"thanora/overlap_{side}", step, sum(layers) / len(layers))
    return tags


def main():
    if len(sys.argv) != 2:
        print("usage: check_tensorboard.py RUN", file=sys.stderr)
        sys.exit(2)
    run = Path(sys.argv[1])
    events = EventAccumulator(str(run), size_guidance={"scalars": 0})
    events.Reload()
    wanted = expected(run)
    found = {tag: events.Scalars(tag) for tag in events.Tags()["scalars"]}
    wrong = sorted(set(wanted) ^ set(found))
    count = 0
    for tag in sorted(set(wanted) & set(found)):
        steps = [scalar.step for scalar in found[tag]]
        if steps != sorted(wanted[tag]):
            wrong.append(f"{tag}: steps {steps[:5]}... here, {sorted(wanted[tag])[:5]}... in the log")
        for scalar in found[tag]:
            count += 1
            value = wanted[tag].get(scalar.step, math.nan)
            if not math.isclose(scalar.value, value, rel_tol=1e-6, abs_tol=1e-9):
                wrong.append(f"{tag}, step {scalar.step}: {scalar.value} here, {value} in the log")
    for line in wrong[:5]:
        print(line)
    good = not wrong and count > 0
    print(f"TensorBoard: {count} numbers under {len(found)} tags are those of log.jsonl: "
          f"{'ok' if good else 'FAILED'}")
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
