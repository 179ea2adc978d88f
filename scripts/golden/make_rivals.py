"""Writes what the methods that ThanoRA is compared with compute, for src/test.

usage: make_rivals.py          (needs scipy and attrs besides scripts/interop/requirements.txt)

Run make_models.py first. Into src/test/resources/golden/rivals:

steps.safetensors      PEFT, float32: one training step of each of lora, rslora, dora, pissa, olora
                       and corda on the checkpoint "llama", all linears, r 4, alpha 8
  ids_i, labels_i (n) int64           the batch: three sequences, i = 0 to 2
  moment.MODULE (in, in)              the second moment that PEFT's CorDA collected on random rows
  METHOD.scaling, METHOD.r            ()
  METHOD.init.MODULE.A (r, in), .B (out, r), .m (out; dora only)      before the step
  METHOD.loss                         () mean NLL over all labels of the batch
  METHOD.grad.MODULE.A, .B, .m        its gradient
  METHOD.after.MODULE.A, .B, .m       after one torch.optim.AdamW step: lr 1e-2, betas 0.9 and
                                      0.999, eps 1e-8, no weight decay, no clipping
  METHOD.merged.MODULE (out, in)      PEFT's merged weight after the step, two modules
  B of lora, rslora and dora is set to random numbers before the step, else A had no gradient.
  m is the norm of the rows of W without the adapter, so it is not that of W + s B A.

merges.safetensors     float64
  delta.t (5, 7), t = 0 to 2; one entry sums to exactly 0, others are 0 in all
  task_arithmetic, ties.DENSITY, dare_ties.mask.t, dare_ties        PEFT's merge_utils; weights 0.3
                       for task_arithmetic, 1 for the others, density 0.5 for dare_ties
  lora.t.a (2, 7), lora.t.b (6, 2), lora.t.scaling                  three adapters
  KIND.sum, KIND.ties.DENSITY          KIND = knots, core_space: merged (6, 7), by hand in numpy

experts.safetensors    float64: one linear layer, tokens of three tasks, by hand, token by token
  CASE.x (n, in), .w (out, in), .task (n) int64, .scaling, .y (n, out), .upstream (n, out)
  CASE.param.NAME, CASE.grad.NAME, CASE.grad.x                      gradients of sum(y * upstream)
  hydra: A (r, in), B.i (out, r), router (3, in)
  mtl.0.5 and mtl.0.1 (the temperature): A (r, in), B.i (out, r), mix (3, 3), lambda.t (r, r)
  oracle: A.t (r, in), B.t (out, r)

gradients.json         float64: gradients of tasks and what PCGrad, Ortho-LoRA, CAGrad make of them
"""
import json

import numpy as np
import torch
from peft import LoraConfig, get_peft_model
from peft.tuners.lora.config import CordaConfig
from peft.tuners.lora.corda import preprocess_corda
from peft.utils import merge_utils
from safetensors.torch import load_file
from scipy.optimize import minimize
from transformers import AutoModelForCausalLM

from reference import GOLDEN, deterministic, nll_sum, write

SCRIPT = "scripts/golden/make_rivals.py"
OUT = GOLDEN / "rivals"
SEED = 20251124
LINEARS = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
MERGED = ["model.layers.0.self_attn.k_proj", "model.layers.1.mlp.down_proj"]
METHODS = {"lora": {}, "rslora": dict(use_rslora=True), "dora": dict(use_dora=True),
           "pissa": dict(init_lora_weights="pissa"), "olora": dict(init_lora_weights="olora"),
           "corda": dict(init_lora_weights="corda")}


# --- steps -----------------------------------------------------------------------------------

def base_model():
    return AutoModelForCausalLM.from_pretrained(
        GOLDEN / "models/llama", dtype=torch.float32, attn_implementation="eager").eval()


def batch():
    values = load_file(GOLDEN / "models/llama/expected.safetensors")
    return [(values[f"ids_{i}"], values[f"labels_{i}"]) for i in range(3)]


def loss_of(model, rows):
    total, count = 0.0, 0
    for ids, labels in rows:
        total = total + nll_sum(model(input_ids=ids[None], use_cache=False).logits[0], labels)
        count += int((labels[1:] != -100).sum())
    return total / count


def prepare_corda(model, config):
    """PEFT's preprocessing on random rows; returns its second moments.

    The batch alone has fewer tokens than the model has inputs: a singular moment, whose float32
    inverse costs PEFT's A its fourth digit.
    """
    generator = torch.Generator().manual_seed(SEED)

    def run():
        for ids in torch.randint(3, 96, (16, 24), generator=generator):
            model(input_ids=ids[None], use_cache=False)

    preprocess_corda(model, config, run_model=run)
    moments = {name: module.covariance_matrix.clone() for name, module in model.named_modules()
               if hasattr(module, "covariance_matrix")}
    for c in moments.values():  # PEFT doubles 0.01 where this fails; nothing here is to need that
        damped = c + 0.01 * c.diag().mean() * torch.eye(len(c))
        assert torch.dist(damped @ torch.linalg.inv(damped), torch.eye(len(c))) < 0.05
    return moments


def short(name):
    """The name of a parameter as MODULE.A, .B or .m."""
    name = name.removeprefix("base_model.model.").replace(".default.weight", "")
    for part, letter in (("lora_A", "A"), ("lora_B", "B"), ("lora_magnitude_vector", "m")):
        name = name.replace(part, letter)
    return name


def trained(model):
    return {short(n): p for n, p in model.named_parameters() if p.requires_grad}


def one_step(model, rows):
    named = trained(model)
    optimizer = torch.optim.AdamW(named.values(), lr=1e-2, betas=(0.9, 0.999), eps=1e-8,
                                  weight_decay=0, foreach=False)
    loss = loss_of(model, rows)
    loss.backward()
    gradients = {name: p.grad.clone() for name, p in named.items()}
    optimizer.step()
    return loss, gradients


def method_step(method, rows, seed):
    """Empty where the seed's gradients are too small somewhere."""
    generator = torch.Generator().manual_seed(seed)
    base = base_model()
    corda = dict(corda_config=CordaConfig(prune_temporary_fields=False))
    config = LoraConfig(r=4, lora_alpha=8, target_modules=LINEARS, lora_dropout=0.0,
                        task_type="CAUSAL_LM", **METHODS[method],
                        **(corda if method == "corda" else {}))
    out = {}
    if method == "corda":
        out |= {f"moment.{name}": c for name, c in prepare_corda(base, config).items()}
    torch.manual_seed(seed)
    model = get_peft_model(base, config).eval()
    with torch.no_grad():
        for name, p in trained(model).items():
            if name.endswith(".B") and not p.any():
                p.copy_(0.1 * torch.randn(p.shape, generator=generator))
    start = {name: p.detach().clone() for name, p in trained(model).items()}
    layer = model.get_submodule("base_model.model." + MERGED[0])
    out[f"{method}.scaling"] = torch.tensor(float(layer.scaling["default"]))
    out[f"{method}.r"] = torch.tensor(4.0)
    out[f"{method}.loss"], gradients = one_step(model, rows)
    out |= {f"{method}.init.{name}": p for name, p in start.items()}
    out |= {f"{method}.grad.{name}": g for name, g in gradients.items()}
    out |= {f"{method}.after.{name}": p for name, p in trained(model).items()}
    if not is_stable(method, model, start, rows):
        return {}
    merged = model.merge_and_unload()
    out |= {f"{method}.merged.{name}": merged.get_submodule(name).weight for name in MERGED}
    return out


def is_stable(method, model, start, rows):
    """The same step in float64: no gradient may be so small that rounding decides its step."""
    after = {name: p.detach().clone() for name, p in trained(model).items()}
    wide = model.double()
    with torch.no_grad():
        for name, p in trained(wide).items():
            p.copy_(start[name])
            p.grad = None
    loss, gradients = one_step(wide, rows)
    worst = max((trained(wide)[name] - after[name]).abs().max().item() for name in after)
    smallest = min(g.abs().max().item() for g in gradients.values())
    print(f"{method}: loss {loss.item():.5f}, smallest gradient of a matrix {smallest:.2e}, "
          f"float64 differs by {worst:.1e}")
    assert smallest > 1e-5, (method, smallest)
    with torch.no_grad():
        model.float()
        for name, p in trained(model).items():
            p.copy_(after[name])
    return worst < 2e-6


def steps():
    rows = batch()
    out = {}
    for i, (ids, labels) in enumerate(rows):
        out |= {f"ids_{i}": ids, f"labels_{i}": labels}
    for number, method in enumerate(METHODS):
        seeds = range(SEED + 100 * number, SEED + 100 * number + 100)
        out |= next(filter(None, (method_step(method, rows, seed) for seed in seeds)))
    import peft
    write(OUT / "steps.safetensors", out, SCRIPT, seed=SEED, peft=peft.__version__)


# --- merges ----------------------------------------------------------------------------------

def deltas(generator):
    tensors = [torch.randn(5, 7, generator=generator, dtype=torch.float64) for _ in range(3)]
    for t, value in enumerate((2.5, -1.0, -1.5)):
        tensors[t][1, 2] = value  # sums to 0 and survives pruning: elects +
        tensors[t][3, 4] = 0
        tensors[t][3, 5] = 0
    return tensors


def peft_merges(out, generator):
    tensors = deltas(generator)
    out |= {f"delta.{t}": tensor for t, tensor in enumerate(tensors)}
    ones = torch.ones(3, dtype=torch.float64)
    out["task_arithmetic"] = merge_utils.task_arithmetic(tensors, 0.3 * ones)
    for density in (0.2, 0.5, 1.0):
        out[f"ties.{density}"] = merge_utils.ties(tensors, ones, density)
    masks, draw = [], torch.bernoulli

    def recorded(p):
        masks.append(draw(p))
        return masks[-1]

    torch.manual_seed(SEED)
    torch.bernoulli = recorded
    try:
        out["dare_ties"] = merge_utils.dare_ties(tensors, ones, 0.5)
    finally:
        torch.bernoulli = draw
    out |= {f"dare_ties.mask.{t}": mask for t, mask in enumerate(masks)}
    return out


def ties_by_hand(tensors, density):
    """TIES entry by entry: trim, elect by the sum (0 elects +), mean of those that agree."""
    trimmed = []
    for tensor in tensors:
        order = np.argsort(-np.abs(tensor), axis=None)[: int(density * tensor.size)]
        kept = np.zeros(tensor.size)
        kept[order] = tensor.ravel()[order]
        trimmed.append(kept)
    merged = np.zeros(tensors[0].size)
    for i in range(merged.size):
        values = [kept[i] for kept in trimmed]
        sign = 1 if sum(values) >= 0 else -1
        agreeing = [value for value in values if value * sign > 0]
        merged[i] = sum(agreeing) / max(1, len(agreeing))
    return merged.reshape(tensors[0].shape)


def knots(full, rule):
    u, sigma, vt = np.linalg.svd(np.concatenate(full, axis=1), full_matrices=False)
    keep = sigma > 1e-5
    parts = np.split(sigma[keep, None] * vt[keep], len(full), axis=1)
    return u[:, keep] @ rule(parts)


def core_space(adapters, rule):
    ub = np.linalg.svd(np.concatenate([b for _, b, _ in adapters], axis=1),
                       full_matrices=False)[0]
    va = np.linalg.svd(np.concatenate([a for a, _, _ in adapters]), full_matrices=False)[2]
    return ub @ rule([ub.T @ (s * b @ a) @ va.T for a, b, s in adapters]) @ va


def merges():
    generator = torch.Generator().manual_seed(SEED)
    out = peft_merges({}, generator)
    draw = lambda *shape: torch.randn(shape, generator=generator, dtype=torch.float64)
    adapters = []
    for t, scaling in enumerate((2.0, 0.5, 1.5)):
        a, b = draw(2, 7), draw(6, 2)
        out |= {f"lora.{t}.a": a, f"lora.{t}.b": b,
                f"lora.{t}.scaling": torch.tensor(scaling, dtype=torch.float64)}
        adapters.append((a.numpy(), b.numpy(), scaling))
    full = [s * b @ a for a, b, s in adapters]
    rules = {"sum": sum} | {f"ties.{d}": lambda parts, d=d: ties_by_hand(parts, d)
                            for d in (0.5, 1.0)}
    for name, rule in rules.items():
        out[f"knots.{name}"] = torch.from_numpy(knots(full, rule))
        out[f"core_space.{name}"] = torch.from_numpy(core_space(adapters, rule))
    write(OUT / "merges.safetensors", out, SCRIPT, seed=SEED)


# --- experts ---------------------------------------------------------------------------------

TASK = [0, 0, 2, 1, 1, 1, 2, 0]
IN, WIDE, R = 6, 5, 3  # in, out, rank


def hydra(x, task, p):
    share = torch.softmax(p["router"] @ x, 0)
    return sum(share[i] * (p[f"B.{i}"] @ (p["A"] @ x)) for i in range(3))


def mtl(temperature):
    def forward(x, task, p):
        share = torch.softmax(p["mix"][task] / temperature, 0)
        inner = p[f"lambda.{task}"] @ (p["A"] @ x)
        return sum(share[i] * (p[f"B.{i}"] @ inner) for i in range(3))
    return forward


def oracle(x, task, p):
    return p[f"B.{task}"] @ (p[f"A.{task}"] @ x)


def expert_case(name, forward, shapes, generator):
    draw = lambda *shape: torch.randn(shape, generator=generator, dtype=torch.float64)
    w, x = draw(WIDE, IN), draw(len(TASK), IN).requires_grad_()
    p = {key: (0.5 * draw(*shape)).requires_grad_() for key, shape in shapes.items()}
    scaling = 1.75
    rows = [w @ x[n] + scaling * forward(x[n], task, p) for n, task in enumerate(TASK)]
    y, upstream = torch.stack(rows), draw(len(TASK), WIDE)
    (y * upstream).sum().backward()
    out = {"x": x, "w": w, "task": torch.tensor(TASK), "y": y, "upstream": upstream,
           "scaling": torch.tensor(scaling, dtype=torch.float64), "grad.x": x.grad}
    for key, value in p.items():
        out |= {f"param.{key}": value, f"grad.{key}": value.grad}
    return {f"{name}.{key}": value for key, value in out.items()}


def experts():
    generator = torch.Generator().manual_seed(SEED)
    heads = {f"B.{i}": (WIDE, R) for i in range(3)}
    mixed = {"A": (R, IN), **heads, "mix": (3, 3), **{f"lambda.{t}": (R, R) for t in range(3)}}
    own = {f"A.{t}": (R, IN) for t in range(3)} | {f"B.{t}": (WIDE, R) for t in range(3)}
    out = expert_case("hydra", hydra, {"A": (R, IN), **heads, "router": (3, IN)}, generator)
    for temperature in (0.5, 0.1):
        out |= expert_case(f"mtl.{temperature}", mtl(temperature), mixed, generator)
    out |= expert_case("oracle", oracle, own, generator)
    write(OUT / "experts.safetensors", out, SCRIPT, seed=SEED)


# --- gradients -------------------------------------------------------------------------------

def pcgrad(g):
    """The paper's loop with j ascending; g (T, d); the sum of the projected gradients."""
    total = np.zeros(g.shape[1])
    for i in range(len(g)):
        own = g[i].copy()
        for j in range(len(g)):
            dot = own @ g[j]
            if j != i and dot < 0:
                own -= dot / (g[j] @ g[j]) * g[j]
        total += own
    return total


def cagrad(g, c):
    """w and the update of the paper, g0 the mean: g0 + c |g0| gw / |gw|, not rescaled."""
    gram, mean = g @ g.T, np.full(len(g), 1 / len(g))
    radius = c * np.sqrt(mean @ gram @ mean)
    objective = lambda w: w @ gram @ mean + radius * np.sqrt(max(w @ gram @ w, 0))
    starts = [mean] + [0.9 * e + 0.1 * mean for e in np.eye(len(g))]
    results = [minimize(objective, start, bounds=[(0, 1)] * len(g), method="SLSQP",
                        constraints=dict(type="eq", fun=lambda w: w.sum() - 1),
                        options=dict(ftol=1e-15, maxiter=1000)) for start in starts]
    best = min((r for r in results if abs(r.x.sum() - 1) < 1e-9), key=lambda r: r.fun)
    gw = best.x @ g
    return best.x, best.fun, mean @ g + radius * gw / np.linalg.norm(gw)


def gradients():
    random = np.random.default_rng(SEED)
    cases = []
    for tasks, size, shift in ((2, 3, 0), (3, 4, 0), (3, 6, 2), (4, 5, 0), (6, 20, 0)):
        g = random.normal(size=(tasks, size)) + shift * np.ones(size)
        g *= random.uniform(0.3, 3, size=(tasks, 1))
        w, value, update = cagrad(g, 0.5)
        cases.append(dict(gradients=g.tolist(), pcgrad=pcgrad(g).tolist(), cagrad_w=w.tolist(),
                          cagrad_objective=value, cagrad=update.tolist()))
    a, b = random.normal(size=(3, 4)), random.normal(size=(3, 5))
    ortho = dict(a=a.tolist(), b=b.tolist(), update_a=pcgrad(a).tolist(),
                 update_b=pcgrad(b).tolist())
    path = OUT / "gradients.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    values = dict(script=SCRIPT, seed=SEED, c=0.5, cases=cases, ortho_lora=ortho)
    path.write_text(json.dumps(values, indent=1) + "\n")


def main():
    deterministic()
    gradients()
    experts()
    merges()
    steps()


if __name__ == "__main__":
    main()
