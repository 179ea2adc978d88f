"""Measures us beside PEFT and transformers in the same run, part by part, and prints a table.

usage: table.py [--device cpu|cuda] [--parts dense,rows,...] [--model FOLDER] [--rows FILE.jsonl]
                [--rounds 2] [--seconds N] [--json OUT] [--check] [--list]

A part runs its programs one after the other, in turn for some rounds. What fails is said, and the
parts after it run. --seconds ends the run: what has not begun by then is left out. --model is a
Hugging Face folder and --rows a file of rows (prompt, completion); parts that need them are left out
without. THANORA names another launcher than ./thanora.
"""
import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HOME = Path(__file__).resolve().parent.parent
BENCH = HOME / "bench"
THANORA = os.environ.get("THANORA", str(HOME / "thanora"))
SMOLLM2 = BENCH / "smollm2-135m.json"
LLAMA = BENCH / "llama-2-7b.json"
MOST_SECONDS = 300  # of one program
LEAST_SECONDS = 15  # that must be left for one to begin


class Failed(Exception):
    pass


class Missing(Exception):
    pass


class Bench:
    """Runs programs, and collects rows of the table and raw numbers."""

    def __init__(self, options):
        self.options = options
        self.end = time.monotonic() + options.seconds if options.seconds else float("inf")
        self.part = ""
        self.table = []
        self.raw = []
        self.failed = []

    def left(self):
        return self.end - time.monotonic()

    def model(self):
        if not self.options.model:
            raise Missing("needs --model FOLDER")
        return self.options.model

    def rows(self):
        if not self.options.rows:
            raise Missing("needs --rows FILE.jsonl")
        return str(Path(self.options.rows).resolve())

    def run(self, command):
        """Standard output of a program."""
        if self.left() < LEAST_SECONDS:
            raise Missing("no time is left")
        started = time.monotonic()
        try:
            done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False,
                                  timeout=min(MOST_SECONDS, max(1, self.left())))
        except subprocess.TimeoutExpired:
            raise Failed(f"{name_of(command)} took longer than {time.monotonic() - started:.0f} s")
        except OSError as error:
            raise Failed(f"{name_of(command)} does not start: {error}")
        if done.returncode:
            raise Failed(f"{name_of(command)} failed with exit code {done.returncode}")
        return done.stdout

    def number(self, name, command):
        """The JSON that a program ends with."""
        lines = self.run(command).strip().splitlines()
        if not lines:
            raise Failed(f"{name_of(command)} printed nothing")
        result = json.loads(lines[-1])
        self.raw.append({"part": self.part, "program": name, "command": list(map(str, command)), **result})
        short = {key: value for key, value in result.items() if key not in ("answers", "seconds")}
        say(f"  {name}: {json.dumps(short)}")
        return result

    def in_turn(self, rounds, commands):
        """Results by program, a list over the rounds; one that fails is not started again."""
        results = {name: [] for name in commands}
        failed = []
        for _ in range(rounds):
            for name in [name for name in commands if name not in failed]:
                try:
                    results[name].append(self.number(name, commands[name]))
                except (Failed, Missing, ValueError) as error:
                    failed.append(name)
                    say(f"  {name} is left out: {error}")
        self.failed += [f"{self.part}, {name}" for name in failed]
        return results

    def row(self, what, unit, ours, other, ratio, goal="", check=""):
        """A line of the table; the ratio is computed by the rounds that both have."""
        ours, other = list(ours), list(other)
        if not ours:
            return
        of_rounds = [ratio(a, b) for a, b in zip(ours, other)]
        line = {"what": what, "unit": unit, "ours": middle(ours), "other": middle(other),
                "ratio": ratio(middle(ours), middle(other)) if other else None,
                "rounds": [min(of_rounds), max(of_rounds)] if of_rounds else [min(ours), max(ours)],
                "goal": goal, "check": check}
        self.table.append(line)
        say("  " + " | ".join(cells(line)))


def name_of(command):
    return " ".join(str(word) for word in command)


def say(text):
    print(text, file=sys.stderr, flush=True)


def middle(values):
    return statistics.median(values) if values else None


def times(a, b):
    """How many times b's speed a has."""
    return a / b


def share(a, b):
    """a over b, where less is better: time and memory."""
    return a / b


def figure(value):
    if value is None:
        return "-"
    digits = 0 if abs(value) >= 1000 else 1 if abs(value) >= 100 else 2 if abs(value) >= 10 else 3
    return f"{value:,.{digits}f}"


def cells(line):
    spread = " to ".join(figure(value) for value in line["rounds"])
    return [line["what"], line["unit"], figure(line["ours"]), figure(line["other"]), figure(line["ratio"]),
            spread, line["goal"], line["check"]]


def step(bench, *words):
    """Our command line for training steps."""
    return [THANORA, "bench", "--quiet", "--json", "--device", bench.options.device, *threads(bench), *words]


def peft(bench, *words):
    return [sys.executable, str(BENCH / "peft_step.py"), "--device", bench.options.device, *threads(bench), *words]


def threads(bench):
    return ["--threads", str(bench.options.threads)] if bench.options.threads else []


def column(results, name, key):
    return [result[key] for result in results[name] if key in result]


def same_size(results, *names):
    sizes = {size for name in names for size in column(results, name, "trainable_parameters")}
    return "trained parameters equal" if len(sizes) == 1 else f"WRONG: trained parameters {sizes}"


def near(a, b, most):
    return abs(a - b) <= most * max(abs(a), abs(b))


def dense(bench):
    """4 x 128 tokens of SmolLM2's shape on a CPU."""
    same = ["--batch", "4", "--length", "128", "--steps", "4", "--warmup", "2"]
    ours = [*step(bench, "--config", str(SMOLLM2), *same), "--method"]
    results = bench.in_turn(bench.options.rounds, {
        "PEFT": peft(bench, *same), "LoRA": [*ours, "lora"], "ThanoRA": [*ours, "thanora"]})
    check = same_size(results, *results)
    for name in ("LoRA", "ThanoRA"):
        bench.row(f"dense step, {name}, 4 x 128 tokens", "s", column(results, name, "median"),
                  column(results, "PEFT", "median"), share, check=check)
    bench.row("the same, peak memory", "MB", column(results, "LoRA", "peak_rss_mb"),
              column(results, "PEFT", "peak_rss_mb"), share)


def rows(bench):
    """Batches of 32 real rows of SmolLM2, which PEFT pads."""
    steps = ["--steps", "2", "--warmup", "1"] if bench.options.device == "cpu" else ["--steps", "15", "--warmup", "5"]
    same = ["--model", bench.model(), "--rows", bench.rows(), "--batch", "32", "--length", "512", *steps]
    ours = [*step(bench, *same), "--method"]
    results = bench.in_turn(bench.options.rounds, {
        "PEFT": peft(bench, *same), "LoRA": [*ours, "lora"], "ThanoRA": [*ours, "thanora"]})
    losses = column(results, "PEFT", "loss") + column(results, "LoRA", "loss") or [float("nan")]
    good = near(min(losses), max(losses), 0.02 if bench.options.device == "cpu" else 0.1)
    check = f"{'' if good else 'WRONG: '}losses {min(losses):.3f} to {max(losses):.3f}"
    per_second = lambda name: [32 / value for value in column(results, name, "median")]
    for name in ("LoRA", "ThanoRA"):
        bench.row(f"rows of 32, SmolLM2-135M, {name}", "rows/s", per_second(name), per_second("PEFT"), times,
                  check=check)
    bench.row("the same, LoRA's step", "s", column(results, "LoRA", "median"), column(results, "PEFT", "median"),
              share, goal="0.030 s" if bench.options.device != "cpu" else "")


def tasks(bench):
    """ThanoRA over plain LoRA for 2, 8 and 32 tasks."""
    gpu = bench.options.device != "cpu"
    size = ["--batch", "32", "--length", "64", "--steps", "10", "--warmup", "3"] if gpu else [
        "--batch", "4", "--length", "128", "--steps", "3", "--warmup", "1"]
    for count in (2, 8, 32):
        rank = ["--rank", str(max(16, count + 1)), "--tasks", str(count)]
        ours = [*step(bench, "--config", str(SMOLLM2), *size, *rank), "--method"]
        results = bench.in_turn(1 if gpu else bench.options.rounds, {"LoRA": [*ours, "lora"], "ThanoRA": [*ours, "thanora"]})
        bench.row(f"ThanoRA over LoRA, {count} tasks, rank {rank[1]}", "s", column(results, "ThanoRA", "median"),
                  column(results, "LoRA", "median"), share, goal="at most 1.01",
                  check=same_size(results, "LoRA", "ThanoRA"))


def preview(bench):
    """Preview and initialisation: 4 tasks of 500 rows at 7B on a GPU, 6 of 200 of SmolLM2 on a CPU."""
    if bench.options.device == "cpu":
        command = step(bench, "--model", bench.model(), "--rows", bench.rows(), "--length", "512",
                       "--tasks", "6", "--preview", "200")
    else:
        command = step(bench, "--config", str(LLAMA), "--tasks", "4", "--preview", "500", "--length", "128",
                       "--rank", "16")
    results = bench.in_turn(1, {"preview": command})
    goal = "60 s" if bench.options.device != "cpu" else ""
    passes = [result["pass_seconds"] for result in results["preview"] if "pass_seconds" in result]
    bench.row("preview and initialisation, beside one pass alone", "s", column(results, "preview", "preview_seconds"),
              passes, share, goal=goal)
    if bench.options.device != "cpu":
        bench.row("the same, memory beyond the model", "MB",
                  column(results, "preview", "peak_gpu_mb_beyond_model"), [], share, goal="2,000 MB")


def merged(bench):
    """Answers of a model with a merged adapter, over those of the base."""
    size = ["--prompts", "64", "--batch", "32", "--new-tokens", "32", "--repeat", "5"] if bench.options.device != "cpu" \
        else ["--prompts", "8", "--batch", "8", "--new-tokens", "8", "--repeat", "3"]
    result = bench.number("base and merged", [*answers(bench), *size, "--endless", "--merged"])
    bench.row("merged model over base, same number of tokens", "s", result["merged_seconds"], result["seconds"],
              share, goal="1.00")


def answers(bench):
    return [THANORA, "bench-answers", "--quiet", "--json", "--device", bench.options.device, *threads(bench),
            "--model", bench.model(), "--rows", bench.rows()]


def generate(bench):
    """Greedy answers to 256 prompts, as many at once for both."""
    gpu = bench.options.device != "cpu"
    size = ["--prompts", "256", "--new-tokens", "64"]
    other = [sys.executable, str(BENCH / "generate.py"), "--device", bench.options.device, *threads(bench),
             "--model", bench.model(), "--rows", bench.rows()]
    rate = lambda result: [result["tokens"] / value for value in result["seconds"]]
    for batch in ("32", "128"):
        results = bench.in_turn(1, {
            f"transformers, {batch} at once": [*other, *size, "--batch", batch],
            f"ours, {batch} at once": [*answers(bench), *size, "--batch", batch, *(["--repeat", "3"] if gpu else [])]})
        theirs, ours = (found[0] for found in results.values())
        same = sum(a == b for a, b in zip(theirs["answers"], ours["answers"]))
        wanted = 0 if gpu else 0.97 * len(theirs["answers"])  # ties, which 16 bits make common
        bench.row(f"greedy answers, 256 prompts, {batch} at once", "tokens/s", rate(ours),
                  rate(theirs) * len(ours["seconds"]), times, goal="at least 3",
                  check=f"{'' if same >= wanted else 'WRONG: '}{same} of {len(theirs['answers'])} answers equal")


def help_text(bench):
    """The command line's own start, beside that of PEFT."""
    def timed(command):
        seconds = []
        for _ in range(5):
            started = time.perf_counter()
            text = bench.run(command)
            seconds.append(time.perf_counter() - started)
        return seconds, text
    ours, text = timed([THANORA, "--help"])
    theirs, _ = timed([sys.executable, "-c", "import peft"])
    bench.row("thanora --help, beside Python's import of PEFT", "s", ours, theirs, share, goal="0.5 s",
              check="names train" if "train" in text else "WRONG: no train in it")


def demo(bench):
    """From the start of the demo to its first training step; stopped then."""
    with tempfile.TemporaryDirectory() as folder:
        run = Path(folder) / "run"
        started = time.perf_counter()
        process = subprocess.Popen([THANORA, "demo", "--quiet", "--run-dir", str(run)],
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        step = None
        try:
            while not step and process.poll() is None and time.perf_counter() - started < MOST_SECONDS:
                time.sleep(0.02)
                step = first_step(run / "log.jsonl")
            seconds = time.perf_counter() - started
        finally:
            process.kill()
            process.wait()
    if not step:
        raise Failed("the demo came to no training step")
    bench.row("thanora demo to its first training step", "s", [seconds], [], share, goal="10 s",
              check=f"loss {step['loss']:.2f}")


def first_step(log):
    """The first row of a training step, once it is there; rows of other events have no loss."""
    if not log.exists():
        return None
    whole = [line for line in log.read_text().splitlines(keepends=True) if line.endswith("\n")]
    return next((row for row in map(json.loads, whole) if "loss" in row), None)


def shape(bench):
    """Llama-2-7B's shape, 4 x 1,024 tokens, rank 16 on all linears."""
    same = ["--batch", "4", "--length", "1024", "--rank", "16", "--steps", "10", "--warmup", "3"]
    ours = [*step(bench, "--config", str(LLAMA), *same), "--method"]
    results = bench.in_turn(bench.options.rounds, {
        "PEFT": peft(bench, "--model", str(LLAMA), *same), "LoRA": [*ours, "lora"],
        "ThanoRA": [*ours, "thanora", "--tasks", "4"]})
    check = same_size(results, *results)
    rate = lambda name: [4 * 1024 / value for value in column(results, name, "median")]
    bench.row("7B shape, LoRA, 4 x 1,024", "tokens/s", rate("LoRA"), rate("PEFT"), times, goal="at least 1.7",
              check=check)
    bench.row("the same, peak GPU memory", "MB", column(results, "LoRA", "peak_gpu_mb"),
              column(results, "PEFT", "peak_gpu_mb"), share, goal="toward 0.6")
    bench.row("7B shape, ThanoRA with 4 tasks, over LoRA", "tokens/s", rate("ThanoRA"), rate("LoRA"), times,
              goal="at least 0.99")


def fit(bench):
    """The most rows of 1,024 tokens that train, without checkpointing."""
    largest(bench, [], "2")


def fit_checkpointing(bench):
    """The same, with activations computed anew in the backward pass."""
    largest(bench, ["--checkpointing"], "2")


def largest(bench, checkpointing, refine):
    size = ["--length", "1024", "--first", "4", "--most", "256", "--refine", refine, *checkpointing]
    results = bench.in_turn(1, {
        "ours": [THANORA, "bench-fit", "--json", "--device", bench.options.device, "--config", str(LLAMA), *size],
        "PEFT": peft(bench, "--model", str(LLAMA), "--fit", *size)})
    bench.row(f"7B shape, largest batch of 1,024-token rows{', checkpointing' if checkpointing else ''}", "rows",
              column(results, "ours", "rows"), column(results, "PEFT", "rows"), times)


CPU_PARTS = {"dense": dense, "rows": rows, "tasks": tasks, "preview": preview, "merged": merged, "help": help_text,
             "demo": demo, "generate": generate}
GPU_PARTS = {"shape": shape, "rows": rows, "generate": generate, "preview": preview, "tasks": tasks, "fit": fit,
             "fit-checkpointing": fit_checkpointing, "merged": merged}


def parse():
    parser = argparse.ArgumentParser(description="us beside PEFT and transformers in the same run")
    parser.add_argument("--device", default="cpu", help="cpu or cuda")
    parser.add_argument("--parts", help="which, by commas; all of the device if left out")
    parser.add_argument("--list", action="store_true", help="what parts there are")
    parser.add_argument("--model", help="a Hugging Face folder, of SmolLM2-135M for the table")
    parser.add_argument("--rows", help="JSONL with prompt and completion")
    parser.add_argument("--rounds", type=int, default=2, help="turns of the programs of a part")
    parser.add_argument("--threads", type=int, default=0, help="of each program; 0: its default")
    parser.add_argument("--seconds", type=float, default=0, help="after which nothing begins; 0: no end")
    parser.add_argument("--json", help="a file for all numbers")
    parser.add_argument("--check", action="store_true", help="exit 1 if a part fails or computes something wrong")
    parser.add_argument("--no-setup", action="store_true", help="of bench/run: nothing is installed or built")
    return parser.parse_args()


def hardware(options):
    if options.device != "cpu":
        try:
            name = subprocess.run(["nvidia-smi", "--query-gpu=name,memory.total,driver_version", "--format=csv,noheader"],
                                  capture_output=True, text=True, check=True).stdout.strip().splitlines()[0]
        except (OSError, subprocess.CalledProcessError, IndexError):
            name = options.device
        return name
    model = next((line.split(":")[1].strip() for line in cpu_lines() if line.startswith("model name")), "a CPU")
    return f"{os.cpu_count()} cores of {model}, load {os.getloadavg()[0]:.1f}"


def cpu_lines():
    info = Path("/proc/cpuinfo")
    return info.read_text().splitlines() if info.exists() else []


def versions():
    from importlib.metadata import version, PackageNotFoundError
    found = []
    for package in ("torch", "transformers", "peft"):
        try:
            found.append(f"{package} {version(package)}")
        except PackageNotFoundError:
            found.append(f"no {package}")
    return ", ".join(found)


def save(bench, machine):
    if bench.options.json:
        Path(bench.options.json).write_text(json.dumps(
            {"hardware": machine, "versions": versions(), "table": bench.table, "raw": bench.raw}, indent=1) + "\n")


def main():
    options = parse()
    parts = CPU_PARTS if options.device == "cpu" else GPU_PARTS
    chosen = options.parts.split(",") if options.parts else list(parts)
    unknown = [name for name in chosen if name not in parts]
    if unknown:
        sys.exit(f"--parts {','.join(unknown)}: not a part on {options.device}; there are {','.join(parts)}")
    if options.list:
        for name, part in parts.items():
            print(f"{name}: {part.__doc__}")
        return
    machine = hardware(options)
    say(machine + "; " + versions())
    bench = Bench(options)
    for name in chosen:
        bench.part = name
        started = time.monotonic()
        say(f"{name}: {parts[name].__doc__}")
        try:
            parts[name](bench)
        except Missing as missing:
            say(f"  left out: {missing}")
        except Exception as error:  # the parts after it are worth their time
            bench.failed.append(name)
            say(f"  FAILED: {type(error).__name__}: {error}")
        say(f"  {time.monotonic() - started:.0f} s")
        save(bench, machine)
    print(f"{machine}; {versions()}\n")
    head = ["", "unit", "ours", "other", "ratio", "rounds", "goal", "check"]
    for line in [head, ["---"] * len(head), *map(cells, bench.table)]:
        print("| " + " | ".join(line) + " |")
    if bench.failed:
        print(f"\nfailed: {'; '.join(bench.failed)}")
    wrong = any(line["check"].startswith("WRONG") for line in bench.table)
    sys.exit(1 if options.check and (bench.failed or wrong) else 0)


if __name__ == "__main__":
    main()
