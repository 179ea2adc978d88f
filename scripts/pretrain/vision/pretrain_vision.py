"""Pretrains tower and projector: pretrain_vision.py DECODER PICTURES.xz OUT SECONDS BATCH PEAK ROWS [TESTED].

DECODER is the folder of the text model, which stays as it is. The schedule runs on the clock:
warm-up, then a cosine to zero that ends after SECONDS, counted from the first step. ROWS scenes are
made first, by all processor cores; each is drawn anew whenever it is used. TESTED rows of each
held-out set are answered now and then.
"""

import math
import multiprocessing
import os
import sys
import time

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

import render
import scenes as made
import tower
from pack import Pack

TEXT, ANSWER = 40, 24  # tokens of a row with its image as one, tokens of an answer
DECAY, WARMUP, LOG_EVERY, SAVE_EVERY, CHUNK = 0.05, 0.03, 20, 60, 4000
USER, ASSISTANT, END = "<|user|>", "<|assistant|>", "<|endoftext|>"
MUON = 2.0  # rate of the layers' matrices, in rates of all else
HELP_FROM, HELP_TO, HELP_UNTIL = 1.0, 0.1, 0.5  # weight of the classes, and when it has fallen
FIELDS = ("sprite", "colour", "place", "background", "classes", "ids", "image", "answer", "length")


def load_tokenizer(folder):
    from tokenizers import AddedToken, Tokenizer

    tokenizer = Tokenizer.from_file(f"{folder}/tokenizer.json")
    tokenizer.add_special_tokens([AddedToken(tower.IMAGE_TOKEN, special=True, normalized=False)])
    assert tokenizer.token_to_id(tower.IMAGE_TOKEN) == tower.IMAGE_ID
    return tokenizer


def prompt(question, r):
    image = tower.IMAGE_TOKEN
    form = r.random()
    if form < 0.6:
        return f"{image}\n{question}"
    return f"{image}{question}" if form < 0.8 else f"{question}{image}"


def arrays_of(rows, tokenizer, r):
    """One array for each of FIELDS; rows that are too long are left out."""
    texts = [USER + prompt(question, r) + ASSISTANT for _, question, _ in rows]
    asked = tokenizer.encode_batch(texts)
    answers = tokenizer.encode_batch([answer + END for _, _, answer in rows])
    out = {name: [] for name in FIELDS}
    for (scene, _, _), question, answer in zip(rows, asked, answers):
        length = len(question.ids) + len(answer.ids)
        if length > TEXT or len(answer.ids) > ANSWER or len(scene.sprites) > made.SLOTS:
            continue
        ids = np.zeros(TEXT, np.int16)
        ids[:length] = question.ids + answer.ids
        sprite, colour = np.full(made.SLOTS, -1, np.int32), np.zeros((made.SLOTS, 4), np.uint8)
        place = np.zeros((made.SLOTS, 5), np.float32)
        for i, (number, paint, *geometry) in enumerate(scene.sprites):
            sprite[i], place[i] = number, geometry
            if paint is not None:
                colour[i] = (*paint, 1)
        classes = np.full(made.PLACES, -100, np.int16)
        classes[list(scene.classes)] = list(scene.classes.values())
        background = np.array([scene.background, scene.lower], np.uint8)
        image = question.ids.index(tower.IMAGE_ID)
        values = (sprite, colour, place, background, classes, ids, image, len(question.ids), length)
        for name, value in zip(FIELDS, values):
            out[name].append(value)
    return {name: np.array(values) for name, values in out.items()}


shared = None  # what forked workers find without its being sent to them


def work(job):
    seed, count, folder = job
    pack = shared
    maker = made.Scenes(seed, pack)
    return arrays_of([maker.draw() for _ in range(count)], load_tokenizer(folder), maker.r)


def generate(count, pack, folder):
    global shared
    shared = pack
    jobs = [(1000 + i, CHUNK, folder) for i in range(math.ceil(count / CHUNK))]
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    with multiprocessing.get_context("fork").Pool(os.cpu_count()) as pool:
        parts = pool.map(work, jobs, chunksize=1)
    return {name: np.concatenate([part[name] for part in parts]) for name in FIELDS}


def held_out(pack, tokenizer, count):
    """Rows by name of what was never seen: pictures, words, arrangements."""
    maker = made.Scenes(7, pack)

    def centred(sprite, name, half):
        scene = made.Scene((255, 255, 255), (255, 255, 255))
        scene.put(sprite, None, 32, 32, half)
        return scene, "What is shown here?", f"Here is {name}."

    def printed(word):
        scene = maker.scene()
        maker.print_text(scene, maker.cased(word))
        return scene, "What is printed?", f"Printed: {word}."

    sets = {
        "fashion": [centred(s, n, 32) for s, n in pack.held_fashion[:count]],
        "pictures": [centred(s, n, 32) for s, n in pack.held_pictures[:count]],
        "words": [printed(w) for w in pack.held_words[:count]],
    }
    for name in ("number", "shapes", "pair", "bars", "two", "copies", "claim"):
        sets[name] = [getattr(maker, name)() for _ in range(count)]
    sets["two"] = sets["two"][: count // 2]
    return {name: arrays_of(rows, tokenizer, maker.r) for name, rows in sets.items()}


def on_device(arrays, device):
    return {name: torch.from_numpy(array).to(device) for name, array in arrays.items()}


class Helper(nn.Module):
    """Reads classes off the projected features by one query a place; only for training."""

    def __init__(self, width, names):
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.queries = nn.Parameter(torch.randn(made.PLACES, width) / width**0.5)
        self.key, self.value = nn.Linear(width, width), nn.Linear(width, width)
        self.names = nn.Linear(width, names)
        self.small = nn.Parameter(torch.zeros(made.PLACES, width, 40))

    def forward(self, features, classes):
        x = self.norm(features)
        heads = 4
        n, t, width = x.shape
        split = (n, -1, heads, width // heads)
        q = self.queries.expand(n, -1, -1).reshape(split).transpose(1, 2)
        k, v = (f(x).view(split).transpose(1, 2) for f in (self.key, self.value))
        seen = F.scaled_dot_product_attention(q.to(k.dtype), k, v).transpose(1, 2).reshape(n, -1, width)
        names = self.names(seen[:, made.NAMES : made.COUNT])
        small = torch.einsum("npw,pwc->npc", seen, self.small.to(seen.dtype))
        of_small = classes.clone()
        of_small[:, made.NAMES : made.COUNT] = -100
        losses = [
            F.cross_entropy(names.float().flatten(0, 1), classes[:, made.NAMES : made.COUNT].flatten(),
                            reduction="sum"),
            F.cross_entropy(small.float().flatten(0, 1), of_small.flatten(), reduction="sum"),
        ]  # fmt: skip
        return sum(losses) / (classes >= 0).sum().clamp(min=1)


class Muon:
    """Steps along the orthogonal matrices that are next to the momenta (Jordan et al., 2024), as long as
    AdamW's (Liu et al., arXiv 2502.16982). Matrices of one shape go together."""

    def __init__(self, parameters, decay):
        self.parameters, self.decay = parameters, decay
        self.momenta = [torch.zeros_like(p) for p in parameters]
        shapes = {p.shape for p in parameters}
        self.groups = [[i for i, p in enumerate(parameters) if p.shape == shape] for shape in shapes]

    @torch.no_grad()
    def step(self, rate, momentum=0.95):
        gradients = [p.grad for p in self.parameters]
        torch._foreach_lerp_(self.momenta, gradients, 1 - momentum)
        ahead = torch._foreach_lerp(gradients, self.momenta, momentum)
        torch._foreach_mul_(self.parameters, 1 - rate * self.decay)
        for group in self.groups:
            along = orthogonal(torch.stack([ahead[i] for i in group]))
            length = -rate * 0.2 * max(along.shape[1:]) ** 0.5
            torch._foreach_add_([self.parameters[i] for i in group], list(along.unbind()), alpha=length)


def orthogonal(x):
    """Matrices (n, rows, columns) with all singular values near one, by Newton and Schulz's iteration."""
    turned = x.shape[1] > x.shape[2]
    x = x.mT if turned else x
    x = x / x.norm(dim=(1, 2), keepdim=True).clamp(min=1e-12)
    for _ in range(5):
        square = x @ x.mT
        x = 3.4445 * x + (2.0315 * square @ square - 4.7750 * square) @ x
    return x.mT if turned else x


def scene_of(rows):
    return (rows["sprite"], rows["colour"].float(), rows["place"], rows["background"].float())


def answer_loss(llava, rows, features):
    hidden = llava.hidden(rows["ids"].long(), rows["image"], features)
    first = rows["answer"] + tower.PATCHES - 2  # what stands there foretells the answer's first token
    steps = torch.arange(ANSWER, device=first.device)
    at = (first[:, None] + steps).clamp(max=hidden.shape[1] - 1)
    logits = llava.logits(hidden.gather(1, at[..., None].expand(-1, -1, hidden.shape[-1])))
    target_at = rows["answer"][:, None] + steps
    targets = rows["ids"].long().gather(1, target_at.clamp(max=TEXT - 1))
    targets = torch.where(target_at < rows["length"][:, None], targets, -100)
    return F.cross_entropy(logits.float().flatten(0, 1), targets.flatten(), ignore_index=-100)


@torch.no_grad()
def exact(llava, sheet, rows, device, amp):
    """Share of rows whose greedy answer is the right one, to the last token."""
    ids, at = rows["ids"].long().clone(), rows["answer"].clone()
    wanted = ids.clone()
    steps = torch.arange(TEXT, device=device)
    ids[steps >= at[:, None]] = 0
    with torch.autocast(device, torch.bfloat16, enabled=amp):
        features = llava.features(render.draw(sheet, scene_of(rows), False))
        for _ in range(int((rows["length"] - rows["answer"]).max())):
            hidden = llava.hidden(ids, rows["image"], features)
            last = (at + tower.PATCHES - 2)[:, None, None].expand(-1, 1, hidden.shape[-1])
            token = llava.logits(hidden.gather(1, last)[:, 0]).argmax(-1)
            ids.scatter_(1, at.clamp(max=TEXT - 1)[:, None], token[:, None])
            at += 1
    relevant = (steps >= rows["answer"][:, None]) & (steps < rows["length"][:, None])
    return ((ids == wanted) | ~relevant).all(1).float().mean().item()


def main():
    folder, path, out, seconds = sys.argv[1], sys.argv[2], sys.argv[3], float(sys.argv[4])
    batch, peak, count = int(sys.argv[5]), float(sys.argv[6]), int(sys.argv[7])
    tested = int(sys.argv[8]) if len(sys.argv) > 8 else 500
    device = "cuda" if torch.cuda.is_available() else "cpu"
    amp = device == "cuda"
    torch.manual_seed(0)
    torch.set_float32_matmul_precision("high")
    torch._dynamo.config.suppress_errors = True
    started = time.time()

    def note(*what):
        print(f"{time.time() - started:.0f}s", *what, flush=True)

    pack = Pack(path)
    note("pack read:", len(pack.pictures), "pictures", len(pack.name_classes), "names")
    rows = generate(count, pack, folder)  # before CUDA starts, for the workers are forks
    note(len(rows["ids"]), "rows made")
    data = on_device(rows, device)
    tests = {
        name: on_device(arrays, device)
        for name, arrays in held_out(pack, load_tokenizer(folder), tested).items()
    }
    sheet = render.sprites(pack, device)
    llava = tower.Llava(folder).to(device)
    helper = Helper(llava.decoder.embed_tokens.weight.shape[1], len(pack.name_classes)).to(device)
    trained = [p for p in [*llava.parameters(), *helper.parameters()] if p.requires_grad]
    note("on the device; tower and projector:", sum(p.numel() for p in llava.parameters() if p.requires_grad))
    muon = Muon([p for p in llava.vision_tower.encoder.parameters() if p.dim() == 2], DECAY)
    others = [p for p in trained if not any(p is q for q in muon.parameters)]
    optimiser = torch.optim.AdamW(
        [
            {"params": [p for p in others if p.dim() >= 2], "weight_decay": DECAY},
            {"params": [p for p in others if p.dim() < 2], "weight_decay": 0.0},
        ],
        lr=peak, betas=(0.9, 0.97), fused=amp,
    )  # fmt: skip

    def losses(rows, pixels):
        with torch.autocast(device, torch.bfloat16, enabled=amp):
            features = llava.features(pixels)
            return answer_loss(llava, rows, features), helper(features, rows["classes"].long())

    step_losses = torch.compile(losses) if amp else losses
    if amp:
        render.lay = torch.compile(render.lay)

    def score():
        return " ".join(f"{name} {exact(llava, sheet, t, device, amp):.3f}" for name, t in tests.items())

    step, begun, logged, saved = 0, None, 0.0, 0.0
    while True:
        picked = torch.randint(len(data["ids"]), (batch,), device=device)
        drawn = {name: values[picked] for name, values in data.items()}
        with torch.no_grad():
            pixels = render.draw(sheet, scene_of(drawn), True)
        answers, classes = step_losses(drawn, pixels)
        done = 0 if begun is None else (time.time() - begun) / seconds
        rate = peak * min(max(done, 1e-3) / WARMUP, 0.5 * (1 + math.cos(math.pi * min(done, 1))))
        help_now = HELP_FROM + (HELP_TO - HELP_FROM) * min(done / HELP_UNTIL, 1)
        (answers + help_now * classes).backward()
        torch.nn.utils.clip_grad_norm_(trained, 1.0)
        for group in optimiser.param_groups:
            group["lr"] = rate
        optimiser.step()
        muon.step(MUON * rate)
        for p in trained:
            p.grad = None
        if begun is None:  # the first step compiles
            answers.item()
            begun = time.time()
            note("first step done")
        passed = time.time() - begun
        if passed - logged >= LOG_EVERY or step == 0 or done >= 1:
            note(f"step {step} pictures {(step + 1) * batch / 1e6:.3f}M answers {answers.item():.4f} "
                 f"classes {classes.item():.4f} rate {rate:.2e}")  # fmt: skip
            logged = passed
        if done >= 1:
            break
        if passed - saved >= SAVE_EVERY:
            tower.save(llava, folder, out)
            note("exact on held-out rows:", score())
            saved = passed
        step += 1
    tower.save(llava, folder, out)
    note("saved; exact on held-out rows:", score())


if __name__ == "__main__":
    main()
