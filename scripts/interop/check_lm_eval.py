"""Checks that lm-evaluation-harness tabulates our results, and that hashes and errors are its own.

usage: check_lm_eval.py DIR SCORES.json
DIR is what thanora eval --output-path wrote, SCORES.json what the same command printed with --json.
"""
import json
import math
import sys
from pathlib import Path

from lm_eval.api.metrics import mean_stderr
from lm_eval.utils import hash_string, make_table, sanitize_model_name


def check_task(folder, results, task, scores):
    """What is wrong with a task, in lines."""
    time = results.name[len("results_"):-len(".json")]
    whole = json.loads(results.read_text(encoding="utf-8"))
    found = whole["results"][task]
    lines = (folder / f"samples_{task}_{time}.jsonl").read_text(encoding="utf-8").splitlines()
    samples = [json.loads(line) for line in lines]
    wrong = []
    if len(samples) != scores["rows"] or whole["n-samples"][task]["effective"] != scores["rows"]:
        wrong.append(f"{len(samples)} samples, {scores['rows']} rows")
    metric = scores["metric"]
    if not math.isclose(found[f"{metric},none"], scores["score"], abs_tol=1e-9):
        wrong.append(f"{metric} {found[f'{metric},none']}, {scores['score']} by --json")
    for name in (metric, "nll"):
        values = [sample[name] for sample in samples]
        for key, value in ((name, sum(values) / len(values)), (f"{name}_stderr", mean_stderr(values))):
            if not math.isclose(found[f"{key},none"], value, rel_tol=1e-9, abs_tol=1e-12):
                wrong.append(f"{key} {found[f'{key},none']}, {value} from the samples")
    for sample in samples:
        if sample["doc_hash"] != hash_string(json.dumps(sample["doc"], indent=2, ensure_ascii=False)):
            wrong.append(f"doc_hash of {sample['doc']}")
        if sample["prompt_hash"] != hash_string(sample["arguments"]["gen_args_0"]["arg_0"]):
            wrong.append(f"prompt_hash of {sample['doc']}")
    joined = "".join(s["doc_hash"] + s["prompt_hash"] + s["target_hash"] for s in samples)
    if whole["task_hashes"][task] != hash_string(joined):
        wrong.append("task hash")
    if folder.name != sanitize_model_name(whole["model_name"]):
        wrong.append(f"folder {folder.name} of model {whole['model_name']}")
    return [f"{task}: {line}" for line in wrong]


def main():
    if len(sys.argv) != 3:
        print("usage: check_lm_eval.py DIR SCORES.json", file=sys.stderr)
        sys.exit(2)
    results = list(Path(sys.argv[1]).glob("*/results_*.json"))
    with open(sys.argv[2], encoding="utf-8") as file:
        scores = json.load(file)["tasks"]
    wrong = [] if len(results) == 1 else [f"{len(results)} files of results"]
    for task in scores:
        wrong += check_task(results[0].parent, results[0], task, scores[task])
    table = make_table(json.loads(results[0].read_text(encoding="utf-8")))
    print(table)
    wrong += [f"{task} is not in the table" for task in scores if task not in table]
    for line in wrong[:5]:
        print(line)
    print(f"lm-eval: its table, errors and hashes of {len(scores)} tasks: {'FAILED' if wrong else 'ok'}")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
