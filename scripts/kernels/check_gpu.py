"""Checks the kernels against float64, then times them at the shapes of Llama-2-7B and SmolLM2.

python scripts/kernels/check_gpu.py             on a GPU; needs torch alone
python scripts/kernels/check_gpu.py --emulate   on a CPU, values only; needs torch and g++
"""

import sys

import torch
import torch.nn.functional as F

from programs import Kernels

EMULATE = "--emulate" in sys.argv
DEVICE = "cpu" if EMULATE else "cuda"
EPS = 1e-5
kernels = Kernels(DEVICE)
failures = []


def random(rows, width, dtype, spare=0, scale=1.0, offset=0):
    """A tensor (rows, width) whose rows lie in a wider one."""
    whole = torch.randn(rows, offset + width + spare, device=DEVICE) * scale
    return whole.to(dtype)[:, offset:offset + width]


def guarded(what, tensor, call):
    """Calls; nothing beside the tensor's columns may change where its rows lie in wider ones."""
    whole, before = tensor._base, tensor._base.clone()
    call()
    after = whole.clone()
    for t in before, after:
        t.as_strided(tensor.shape, tensor.stride(), tensor.storage_offset()).zero_()
    if not torch.equal(before, after):
        failures.append(what)
        print(f"FAILS {what}: writes beside its columns")


def compare(what, got, want):
    """Rounding to the type once, and what float32 loses: half a unit in the last place, nearly."""
    unit = 2.0 ** (-8 if got.dtype == torch.bfloat16 else -11 if got.dtype == torch.float16 else -18)
    error = ((got.double() - want) / (want.abs() + 0.05 * want.abs().max() + 1e-6)).abs().max().item() / unit
    if not error <= 1.1:
        failures.append(what)
        print(f"FAILS {what}: {error:.3f} units")
    return error


def rms(x, weight):
    rstd = (x.pow(2).mean(-1, keepdim=True) + EPS).rsqrt()
    return x * rstd * weight, rstd[:, 0]


def check_norms(rows, width, dtype, spare, offset, wide):
    what = f"{rows}x{width} {dtype} spare {spare} offset {offset} {'float32 weight' if wide else ''}"
    x, dy, residual = (random(rows, width, dtype, spare, s, offset) for s in (2.0, 1.0, 1.0))
    weight = (torch.rand(width, device=DEVICE) + 0.5).to(torch.float32 if wide else dtype)
    y, total, dx = (random(rows, width, dtype, spare, offset=offset) for _ in range(3))
    rstd = torch.empty(rows, device=DEVICE)
    guarded("norm " + what, y, lambda: kernels.norm(x, weight, EPS, y, rstd))
    want, want_rstd = rms(x.double(), weight.double())
    errors = [compare("norm " + what, y, want), compare("rstd " + what, rstd, want_rstd)]
    y.zero_()
    kernels.norm_again(x, weight, rstd, y)
    errors += [compare("normAgain " + what, y, want)]

    leaf = x.double().requires_grad_()
    rms(leaf, weight.double())[0].backward(dy.double())
    guarded("normBackward " + what, dx, lambda: kernels.norm_backward(dy, x, weight, rstd, residual, dx))
    errors += [compare("normBackward " + what, dx, residual.double() + leaf.grad)]
    inplace = residual.clone()
    kernels.norm_backward(dy, x, weight, rstd, inplace, inplace)
    errors += [compare("normBackward in place " + what, inplace, dx.double())]

    guarded("addNorm " + what, total, lambda: kernels.add_norm(x, residual, weight, EPS, total, y, rstd))
    errors += [compare("sum " + what, total, x.double() + residual.double())]
    want, want_rstd = rms(total.double(), weight.double())
    errors += [compare("addNorm " + what, y, want), compare("addNorm rstd " + what, rstd, want_rstd)]
    kernels.add_norm(x, residual, weight, EPS, x, dy, rstd)
    errors += [compare("addNorm in place " + what, x, total.double()), compare("addNorm in place " + what, dy, want)]
    return max(errors)


def turned(x, head_dim, cos, sin):
    rows, half = cos.shape
    heads = x.view(rows, -1, head_dim)
    first, second, rest = heads[..., :half], heads[..., half:2 * half], heads[..., 2 * half:]
    c, s = cos[:, None], sin[:, None]
    return torch.cat([first * c - second * s, second * c + first * s, rest], -1).view(rows, -1)


def check_turn(rows, heads, head_dim, half, dtype, spare, wide):
    what = f"turn {rows}x{heads}x{head_dim} half {half} {dtype} spare {spare}"
    x = random(rows, heads * head_dim, dtype, spare)
    to = random(rows, heads * head_dim, dtype, spare)
    angles = torch.rand(rows, half, device=DEVICE) * 6
    cos, sin = (f(angles).to(torch.float32 if wide else dtype) for f in (torch.cos, torch.sin))
    errors = []
    for back in False, True:
        want = turned(x.double(), head_dim, cos.double(), sin.double() * (-1 if back else 1))
        guarded(what, to, lambda: kernels.turn(x, head_dim, cos, sin, back, to))
        errors += [compare(what, to, want)]
    kernels.turn(x, head_dim, cos, sin, True, x)
    errors += [compare(what + " in place", x, want)]
    return max(errors)


def check_attend_next(heads, key_heads, head_dim, half, dtype, spare, window, wide):
    what = f"attendNext {heads} {key_heads} {head_dim} half {half} {dtype} spare {spare} window {window}"
    lengths = [0, 1, 7, 39, 150]
    rows, width = len(lengths), key_heads * head_dim
    qkv = random(rows, heads * head_dim + 2 * width, dtype, spare)
    to = random(rows, heads * head_dim, dtype, spare)
    layers = [[random(rows * 160, width, dtype) for _ in "kv"] for _ in range(2)]
    addresses = torch.tensor([[[side.data_ptr() + row * 160 * width * side.element_size() for row in range(rows)]
                               for side in layer] for layer in layers], device=DEVICE)
    angles = torch.rand(rows, half, device=DEVICE) * 6
    cos, sin = (f(angles).to(torch.float32 if wide else dtype) for f in (torch.cos, torch.sin))
    turned_width = heads * head_dim + width
    new = turned(qkv[:, :turned_width].double(), head_dim, cos.double(), sin.double()).to(dtype)
    want, scale = [], head_dim ** -0.5
    expected = [[side.clone() for side in layer] for layer in layers]
    for row, length in enumerate(lengths):
        keys, values = (side.view(rows, 160, key_heads, head_dim)[row] for side in expected[1])
        keys[length] = new[row, heads * head_dim:].view(key_heads, head_dim)
        values[length] = qkv[row, turned_width:].view(key_heads, head_dim)
        first = max(0, length + 1 - window) if window else 0
        k, v = (side[first:length + 1].double().repeat_interleave(heads // key_heads, 1) for side in (keys, values))
        q = new[row, :heads * head_dim].view(heads, head_dim).double()
        weights = torch.softmax(scale * torch.einsum("hd,shd->hs", q, k), -1)
        want.append(torch.einsum("hs,shd->hd", weights, v).flatten())
    guarded(what, to, lambda: kernels.attend_next(
        qkv, *((cos, sin) if half else (None, None)), addresses, 1, torch.tensor(lengths, device=DEVICE), heads,
        key_heads, head_dim, window, scale, to))
    for got, after in zip(sum(layers, []), sum(expected, [])):
        compare(what + " cache", got, after.double())
    return compare(what, to, torch.stack(want))


def check_gated(rows, width, dtype, spare, gelu):
    what = f"{rows}x{width} {dtype} spare {spare} {'gelu' if gelu else 'silu'}"
    both = random(rows, 2 * width, dtype, spare, 3.0)
    gate, up = both[:, :width], both[:, width:]
    dy, y = random(rows, width, dtype, spare), random(rows, width, dtype, spare)
    leaf, leaf_up = (t.double().clone().requires_grad_() for t in (gate, up))
    want = (F.gelu(leaf, approximate="tanh") if gelu else F.silu(leaf)) * leaf_up
    want.backward(dy.double())
    guarded("copy " + what, y, lambda: kernels.copy(gate, y))
    errors_of_copy = compare("copy " + what, y, gate.double())
    guarded("gated " + what, y, lambda: kernels.gated(gelu, gate, up, y))
    errors = [errors_of_copy, compare("gated " + what, y, want.detach())]
    y.zero_()
    dgate, dup = random(rows, width, dtype, spare), random(rows, width, dtype, spare)
    guarded("dup " + what, dup, lambda: kernels.gated_backward(gelu, gate, up, dy, dgate, dup))
    errors += [compare("dgate " + what, dgate, leaf.grad), compare("dup " + what, dup, leaf_up.grad)]
    kernels.gated_backward(gelu, gate, up, dy, gate, up, y)
    errors += [compare("y " + what, y, want.detach()), compare("dgate in place " + what, gate, dgate.double()),
               compare("dup in place " + what, up, dup.double())]
    return max(errors)


def check_cross_entropy(rows, vocabulary, dtype, cap):
    what = f"crossEntropy {rows}x{vocabulary} {dtype} cap {cap}"
    logits = random(rows, vocabulary, dtype, scale=4.0)
    targets = torch.randint(vocabulary, (rows,), device=DEVICE)
    factors = torch.rand(rows, 1, device=DEVICE) + 0.5
    before = logits.clone()
    nll = torch.empty(rows, device=DEVICE)
    kernels.cross_entropy(logits, targets, None, cap, nll)
    leaf = before.double().requires_grad_()
    want = F.cross_entropy(leaf, targets, reduction="none")
    # a loss is a difference: it is as exact as its parts
    parts = before.double().gather(1, targets[:, None])[:, 0].abs() + want.detach() + 1
    errors = [compare("nll " + what, nll / parts.float() + 1, want.detach() / parts + 1)]
    if not torch.equal(before, logits):
        failures.append(what)
        print(f"FAILS {what}: writes logits without factors")
    (want * factors[:, 0].double()).sum().backward()
    slope = 1 if cap == 0 else 1 - (before.double() / cap) ** 2
    kernels.cross_entropy(logits, targets, factors, cap, nll)
    return max(errors + [compare("gradient " + what, logits, leaf.grad * slope)])


def check_values():
    many = 5 if EMULATE else 4097
    for dtype in torch.bfloat16, torch.float16, torch.float32:
        errors = []
        for shape in (9, 3, 64, 32), (4, 4, 80, 16), (6, 2, 128, 64), (3, 1, 256, 128), (4, 2, 20, 10), (2, 1, 8, 0):
            errors += [check_attend_next(*shape, dtype, spare, window, wide)
                       for spare, window, wide in ((0, 0, False), (16, 5, True), (3, 40, False))]
        for rows in 1, many:
            for width, spare, offset in (576, 0, 0), (576, 16, 0), (4096, 48, 0), (4100, 3, 1), (4096, 8, 1), (16384, 0, 0), (7, 0, 0):
                errors += [check_norms(rows, width, dtype, spare, offset, wide) for wide in (False, True)]
            for heads, head_dim, half in (9, 64, 32), (32, 128, 64), (4, 80, 16), (3, 20, 10), (2, 96, 24):
                errors += [check_turn(rows, heads, head_dim, half, dtype, spare, wide)
                           for spare in (0, 16, 3) for wide in (False, True)]
            for width, spare in (1536, 0), (1536, 16), (11008, 16), (1100, 3), (5, 0):
                errors += [check_gated(rows, width, dtype, spare, gelu) for gelu in (False, True)]
            for vocabulary in (32000, 49152, 64, 8) if dtype != torch.float32 else ():  # of 16 bits only
                errors += [check_cross_entropy(rows, vocabulary, dtype, cap) for cap in (0.0, 30.0)]
        print(f"{dtype}: largest error {max(errors):.3f} units in the last place")


def microseconds(call, repeats=20, sets=1):
    """A call's time on the GPU: the best of five runs of many calls each."""
    for i in range(sets):
        call(i)
    torch.cuda.synchronize()
    best = float("inf")
    for _ in range(5):
        start, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
        torch.cuda._sleep(20_000_000)  # so that the launches are queued before the first one runs
        start.record()
        for i in range(repeats):
            call(i % sets)
        end.record()
        torch.cuda.synchronize()
        best = min(best, start.elapsed_time(end) * 1000 / repeats)
    return best


def time_shape(name, rows, dim, ffn, heads, kv_heads, head_dim, dtype=torch.bfloat16):
    print(f"{name}: {rows} tokens, {dtype}")
    width = (heads + 2 * kv_heads) * head_dim
    sets = max(4, min(8, 400_000_000 // (rows * ffn * 2 * 5)))  # tensors that take turns, so the cache does not help

    class Set:
        def __init__(self):
            self.x, self.b, self.sum = (random(rows, dim, dtype) for _ in range(3))
            self.n = random(rows, dim, dtype, 48)
            self.qkv = random(rows, width, dtype)
            both = random(rows, 2 * ffn, dtype)
            self.gate, self.up = both[:, :ffn], both[:, ffn:]
            both = random(rows, 2 * ffn, dtype, 32)
            self.dgate, self.dup = both[:, :ffn], both[:, ffn:2 * ffn]
            self.g, self.dg = random(rows, ffn, dtype, 16), random(rows, ffn, dtype)

    tensors = [Set() for _ in range(sets)]
    weight = torch.ones(dim, device=DEVICE, dtype=dtype)
    rstd = torch.ones(rows, device=DEVICE)
    cos = torch.rand(rows, head_dim // 2, device=DEVICE).to(dtype)
    logits = random(rows, 32000, dtype)
    targets = torch.randint(32000, (rows,), device=DEVICE)
    ones, nll = torch.ones(rows, 1, device=DEVICE), torch.empty(rows, device=DEVICE)
    turned_width = (heads + kv_heads) * head_dim
    d, f = rows * dim * 2, rows * ffn * 2
    calls = {
        "norm": (2 * d, lambda s: kernels.norm(s.x, weight, EPS, s.n, rstd)),
        "normAgain": (2 * d, lambda s: kernels.norm_again(s.x, weight, rstd, s.n)),
        "addNorm": (4 * d, lambda s: kernels.add_norm(s.x, s.b, weight, EPS, s.sum, s.n, rstd)),
        "normBackward": (4 * d, lambda s: kernels.norm_backward(s.n, s.x, weight, rstd, s.b, s.b)),
        "turn q, k": (4 * rows * turned_width,
                      lambda s: kernels.turn(s.qkv[:, :turned_width], head_dim, cos, cos, False, s.qkv[:, :turned_width])),
        "copy": (2 * d, lambda s: kernels.copy(s.x, s.n)),
        "gated": (3 * f, lambda s: kernels.gated(False, s.gate, s.up, s.g)),
        "gatedBackward": (5 * f, lambda s: kernels.gated_backward(False, s.gate, s.up, s.dg, s.dgate, s.dup)),
        "gatedBackward, y": (6 * f, lambda s: kernels.gated_backward(False, s.gate, s.up, s.dg, s.dgate, s.dup, s.g)),
        "gated, gelu": (3 * f, lambda s: kernels.gated(True, s.gate, s.up, s.g)),
        "crossEntropy": (6 * rows * 32000, lambda s: kernels.cross_entropy(logits, targets, ones, 0.0, nll)),
        "torch: copy": (2 * f, lambda s: s.g.copy_(s.dg)),
        "torch: rms_norm": (2 * d, lambda s: F.rms_norm(s.x, (dim,), weight, EPS)),
        "torch: silu, mul": (5 * f, lambda s: F.silu(s.gate) * s.up),
    }
    for what, (count, call) in calls.items():
        t = microseconds(lambda i, call=call: call(tensors[i]), sets=sets)
        print(f"  {what:18} {t:8.1f} us {count / t / 1000:8.0f} GB/s")


check_values()
if not EMULATE:
    print(torch.cuda.get_device_name())
    time_shape("Llama-2-7B", 4096, 4096, 11008, 32, 32, 128)
    time_shape("SmolLM2-135M", 1700, 576, 1536, 9, 3, 64)
sys.exit(f"{len(failures)} checks fail" if failures else 0)
