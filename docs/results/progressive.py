"""Mean training loss of every configuration over the last 100 logged steps, paired with another's.

    python3 progressive.py six-tasks-365.csv                  # each at its best rate, beside lora
    python3 progressive.py six-tasks-365.csv thanora 3e-3     # those at this rate, beside thanora

A column is name@learning-rate#seed, a row a step, a value the mean -log p of the labelled tokens of
the step's batch before its update. Every row of data is seen once, so this is a loss on unseen rows;
with one seed all configurations see the same batches. Intervals: 4,000 resamples of seeds and steps.
"""
import csv
import random
import sys

WINDOW = 100
RESAMPLES = 4000


def mean(values):
    values = list(values)
    return sum(values) / len(values)


def main(path, reference="lora", rate=None):
    with open(path) as file:
        table = list(csv.DictReader(file))[-WINDOW:]
    runs = {}
    for column in table[0]:
        if column != "step":
            name, rest = column.split("@")
            at, seed = rest.split("#")
            runs.setdefault(name, {}).setdefault(at, {})[int(seed)] = [float(row[column]) for row in table]
    best = {name: min(rates, key=lambda r: mean(mean(v) for v in rates[r].values())) for name, rates in runs.items()}

    def line(name, rate, reference, reference_rate):
        own, other = runs[name][rate], runs[reference][reference_rate]
        gaps = {s: [a - b for a, b in zip(own[s], other[s])] for s in own}
        rng = random.Random(0)
        seeds = sorted(gaps)
        draws = []
        for _ in range(RESAMPLES):
            steps = rng.choices(range(WINDOW), k=WINDOW)
            draws.append(mean(mean(gaps[s][t] for t in steps) for s in rng.choices(seeds, k=len(seeds))))
        draws.sort()
        low, high = draws[int(0.025 * RESAMPLES)], draws[int(0.975 * RESAMPLES)]
        each = ", ".join(f"{mean(gaps[s]):+.3f}" for s in seeds)
        print(f"| {name} | {rate} | {mean(mean(v) for v in own.values()):.3f} "
              f"| {mean(mean(g) for g in gaps.values()):+.3f} [{low:+.3f}, {high:+.3f}] | {each} |")

    print(f"| method | rate | loss | to {reference} | by seed |\n|---|---|---|---|---|")
    chosen = best if rate is None else {name: rate for name in runs if rate in runs[name]}
    for name in sorted(chosen, key=lambda n: mean(mean(v) for v in runs[n][chosen[n]].values())):
        line(name, chosen[name], reference, chosen[reference])


if __name__ == "__main__":
    main(*sys.argv[1:])
