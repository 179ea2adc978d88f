"""Training losses of a comparison's configurations as the table that progressive.py reads.

    python3 losses.py OUT.csv COMPARISON ...

COMPARISON is the run folder of a thanora compare. A column is name@learning-rate#seed, a row one of the last
100 steps. Configurations that did not reach the last step are left out.
"""
import csv
import json
import sys
from pathlib import Path

WINDOW = 100


def columns(comparison):
    for group in sorted(Path(comparison).glob("groups/*")):
        members = json.loads((group / "members.json").read_text())
        rows = [json.loads(line) for line in (group / "log.jsonl").read_text().splitlines()]
        steps = {row["step"]: row["loss"] for row in rows if row["event"] == "step"}
        for at, member in enumerate(members):
            name = f"{member['name']}@{member['learning_rate']:g}#{member['seed']}"
            yield name, {step: losses[at] for step, losses in steps.items()}


def main(out, *comparisons):
    found = dict(column for comparison in comparisons for column in columns(comparison))
    last = max(max(losses, default=0) for losses in found.values())
    whole = {name: losses for name, losses in found.items() if last in losses}
    with open(out, "w") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(["step", *whole])
        for step in range(last - WINDOW + 1, last + 1):
            table.writerow([step, *(f"{losses[step]:.4f}" for losses in whole.values())])


if __name__ == "__main__":
    main(*sys.argv[1:])
