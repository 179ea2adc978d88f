"""Times our training step and PEFT's in turn, and prints both with their ratio and spread.

usage: compare_steps.py [--model shape|FOLDER] [--rounds 4] [--steps 6] [--warmup 2] [--threads 2]
                        [--batch 4] [--length 128] [--rank 16] [--rows FILE.jsonl] [--check]

"shape" is SmolLM2-135M with random weights, FOLDER a Hugging Face folder. Each round starts one
process of each program, one after the other: PEFT, ours with plain LoRA, ours with ThanoRA. --rows takes
the rows of a file, padded to the longest of their batch by PEFT, not padded by ours. With
--check the exit code is 1 if ours costs more than 1.2 times PEFT's, by medians over all rounds, or
takes 3 GB of memory.
"""
import argparse
import json
import os
import statistics
import subprocess
import sys
from pathlib import Path

HOME = Path(__file__).resolve().parent.parent
MOST_RATIO = 1.2
MOST_MEGABYTES = 3 * 1024


def parse():
    parser = argparse.ArgumentParser(description="our training step beside PEFT's, on the CPU")
    parser.add_argument("--model", default="shape", help="'shape' or a Hugging Face folder")
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--steps", type=int, default=6, help="measured steps a round")
    parser.add_argument("--warmup", type=int, default=2)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--batch", type=int, default=4, help="rows a step")
    parser.add_argument("--length", type=int, default=128, help="tokens a row")
    parser.add_argument("--rank", type=int, default=16)
    parser.add_argument("--rows", help="JSONL with prompt and completion, instead of random tokens")
    parser.add_argument("--check", action="store_true", help="exit 1 if ours costs too much")
    return parser.parse_args()


def programs(options):
    """Command lines by name; the first is what the others are compared with."""
    same = []
    for name in ("steps", "warmup", "threads", "batch", "length", "rank"):
        same += [f"--{name}", str(getattr(options, name))]
    if options.rows:
        same += ["--rows", str(Path(options.rows).resolve())]
    model = (["--config", str(HOME / "bench" / "smollm2-135m.json")] if options.model == "shape"
             else ["--model", options.model])
    ours = [str(HOME / "thanora"), "bench", "--quiet", "--json", *model, *same]
    return {
        "PEFT": [sys.executable, str(HOME / "bench" / "peft_step.py"), "--model", options.model,
                 *same],
        "ours, lora": [*ours, "--method", "lora"],
        "ours, thanora": [*ours, "--method", "thanora"],
    }


def measure(command):
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        sys.exit(f"{' '.join(command)} failed with exit code {done.returncode}")
    return json.loads(done.stdout.splitlines()[-1])


def main():
    options = parse()
    commands = programs(options)
    load = os.getloadavg()[0]
    if load > 0.5:
        print(f"load average {load:.1f}: other programs are running, so times say little",
              file=sys.stderr)
    rounds = []
    for number in range(1, options.rounds + 1):
        rounds.append({})
        for name, command in commands.items():
            rounds[-1][name] = measure(command)
            print(f"round {number}, {name}: {rounds[-1][name]['median']:.3f} s", file=sys.stderr)
    good = table(list(commands), rounds)
    sys.exit(1 if options.check and not good else 0)


def table(names, rounds):
    """Prints a line a program; returns whether ours keep the limits."""
    base = names[0]
    median = {name: statistics.median(value for one in rounds for value in one[name]["seconds"])
              for name in names}
    good = True
    print(f"{'':14} {'s a step':>8} {'best':>7} {'rounds':>15} {'to PEFT':>8} {'rounds':>13} "
          f"{'peak MB':>8} {'trained':>9}")
    for name in names:
        seconds = [one[name]["median"] for one in rounds]
        ratios = [one[name]["median"] / one[base]["median"] for one in rounds]
        peak = max(one[name].get("peak_rss_mb", 0) for one in rounds)
        ratio = median[name] / median[base]
        print(f"{name:14} {median[name]:8.3f} {min(one[name]['best'] for one in rounds):7.3f} "
              f"{min(seconds):7.3f}-{max(seconds):<7.3f} {ratio:8.2f} "
              f"{min(ratios):6.2f}-{max(ratios):<6.2f} {peak:8} "
              f"{rounds[0][name]['trainable_parameters']:9}")
        good &= name == base or (ratio <= MOST_RATIO and peak < MOST_MEGABYTES)
    print(f"limits for ours: {MOST_RATIO} times PEFT by medians, {MOST_MEGABYTES} MB: "
          f"{'kept' if good else 'NOT kept'}")
    return good


if __name__ == "__main__":
    main()
