"""Packs pictures with names, and glyphs: pictures.py ROOT OUT.

Writes OUT/pictures.xz, all that pretraining reads of pictures, and OUT/tasks, two tasks of real
pictures (fashion, things) whose test pictures pretraining never sees.
"""

import gzip
import io
import json
import lzma
import random
import re
import sys
import zlib
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

SIZE, MARGIN = 64, 2
FASHION = "T-shirt trousers pullover dress coat sandal shirt sneaker bag boot".split()
FASHION_TRAIN, FASHION_TEST = 32_000, 1000
MOST_OF_A_NAME = 40
MOST_PIXELS = 10_000_000
GLYPHS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
# WordNet's noun files of what can be drawn: animals, artefacts, body, food, objects, plants.
DRAWABLE = {5, 6, 8, 13, 17, 20}
PERSONS = (
    "man woman boy girl baby child king queen clown doctor nurse soldier bride dancer pirate cowboy "
    "chef angel witch knight farmer singer teacher pilot sailor princess prince mermaid"
).split()
# Common words of file names that name the drawing, not the thing drawn.
NOT_THINGS = set(
    "art bw color colour icon image md black white set line lines outline sign symbol part form "
    "style plain dark light base case pack version man-made net square circle a01 ganson mark page "
    "back front side end head center centre king nicu tux ms pd van di da del top bottom cap simple "
    "button line print drawing picture clip design logo lead link bill mimooh right left victor down "
    "up public domain cone decoration beverage dessert".split()
)
FLAT = Path("usr/share/openclipart/png")


def fit(image):
    """Cut to what is not transparent, centred in a square of SIZE with a margin."""
    image = image.convert("RGBA")
    box = image.getchannel("A").point(lambda a: 255 * (a > 8)).getbbox()
    if box is None:
        return None
    image = image.crop(box)
    scale = (SIZE - 2 * MARGIN) / max(image.size)
    size = [max(1, round(side * scale)) for side in image.size]
    # Colours weigh as much as they are opaque, or what is behind transparency shines through.
    image = image.convert("RGBa").resize(size, Image.Resampling.LANCZOS).convert("RGBA")
    square = Image.new("RGBA", (SIZE, SIZE), (255, 255, 255, 0))
    square.paste(image, ((SIZE - size[0]) // 2, (SIZE - size[1]) // 2))
    pixels = np.array(square)
    pixels[pixels[..., 3] == 0] = (255, 255, 255, 0)
    # 64 steps of a channel: half the size when packed, and no eye sees it here.
    return np.minimum(pixels // 4 * 4 + 2 * (pixels > 127), 255).astype(np.uint8)


def things(root):
    """Nouns whose most frequent sense can be drawn, with how often they are used."""
    senses = {}
    for line in (root / "usr/share/wordnet/cntlist.rev").read_text().splitlines():
        key, _, count = line.split()
        lemma, rest = key.split("%")
        if rest[0] == "1" and re.fullmatch(r"[a-z]{3,12}", lemma):
            senses.setdefault(lemma, []).append((int(count), int(rest.split(":")[1])))
    drawable = {}
    for lemma, found in senses.items():
        if max(found)[1] in DRAWABLE:
            drawable[lemma] = sum(count for count, _ in found)
    for line in (root / "usr/share/wordnet/index.noun").read_text().splitlines():
        if line[:1] != " ":
            lemma = line.split()[0]
            if re.fullmatch(r"[a-z]{3,12}", lemma) and lemma not in senses:
                drawable.setdefault(lemma, 0)
    for person in PERSONS:
        drawable[person] = sum(count for count, _ in senses.get(person, [])) + 1
    return {word: n for word, n in drawable.items() if word not in NOT_THINGS}


def singular(word, nouns):
    for ending, other in (("ies", "y"), ("es", ""), ("s", "")):
        if word.endswith(ending) and word[: -len(ending)] + other in nouns:
            return word[: -len(ending)] + other
    return word


def noun_of(path, counts):
    """The thing a file of clip art is named after; failing that, its folder."""
    words = re.findall(r"[a-z]+", path.stem.lower())
    for word in words[:3]:  # the author's name comes last
        word = singular(word, counts)
        if counts.get(word, 0) > 0:
            return word
    folder = singular(path.parent.name.lower(), counts)
    return folder if counts.get(folder, 0) > 0 and folder != path.parent.name.lower() else None


def clip_art(root, counts):
    for path in sorted((root / FLAT).rglob("*.png")):
        kind = path.relative_to(root / FLAT).parts[0]
        if kind not in ("computer", "special", "shapes", "logos", "buttons") and "flag" not in str(path):
            name = noun_of(path, counts)
            if name:
                yield path, name


def stamps(root):
    for path in sorted((root / "usr/share/tuxpaint/stamps").rglob("*.png")):
        text = path.with_suffix(".txt")
        if text.exists() and "flags" not in path.parts:
            line = text.read_text(errors="ignore").splitlines()[0].lower()
            name = re.sub(r"^(an?|the|some|a pair of) ", "", re.split(r"[.,(!?]", line)[0].strip())
            yield path, name


def emoji(root):
    for entry in json.loads((root / "package/emoji.json").read_text()):
        if entry["category"] != "Flags" and entry["has_img_twitter"]:
            name = re.sub(r"( sign| symbol|squared )", "", entry["name"].lower())
            yield root / "package/img/twitter/64" / entry["image"], name


def named_pictures(root, counts):
    seen, found_of = set(), {}
    sources = (stamps(root), emoji(root), clip_art(root, counts))
    for source, found in zip(("stamps", "emoji", "clip art"), sources):
        for path, name in found:
            if not re.fullmatch(r"[a-z]+([ -][a-z]+){0,2}", name) or len(name) > 24:
                continue
            if found_of.get(name, 0) == MOST_OF_A_NAME:
                continue
            try:
                image = Image.open(path)
                pixels = fit(image) if image.width * image.height < MOST_PIXELS else None
            except (OSError, ValueError, SyntaxError):
                continue
            if pixels is not None and pixels.tobytes() not in seen:
                seen.add(pixels.tobytes())
                held = zlib.crc32(str(path.name).encode()) % 10 == 0
                found_of[name] = found_of.get(name, 0) + 1
                yield source, name, pixels, held


def idx(path):
    raw = gzip.decompress(path.read_bytes())
    axes = raw[3]
    shape = np.frombuffer(raw, ">u4", axes, 4)
    return np.frombuffer(raw, np.uint8, -1, 4 + 4 * axes).reshape(shape)


def fashion(root):
    folder = root / "usr/share/datasets/fashion-mnist"
    sets = []
    for name, count in (("train", FASHION_TRAIN), ("t10k", FASHION_TEST)):
        sets.append(
            (
                idx(folder / f"{name}-images-idx3-ubyte.gz")[:count],
                idx(folder / f"{name}-labels-idx1-ubyte.gz")[:count],
            )
        )
    return sets


def glyphs(root):
    """A mask and an advance of every glyph in every font, at one height for a font."""
    masks, advances = [], []
    files = sorted((root / "usr/share/fonts").rglob("*.?tf"))
    for path in files:
        font = ImageFont.truetype(str(path), 40)
        left = 12
        for glyph in GLYPHS:
            mask = Image.new("L", (SIZE, SIZE))
            ImageDraw.Draw(mask).text((left, 46), glyph, 255, font, anchor="ls")
            masks.append(np.array(mask) // 32 * 36)
            advances.append(font.getlength(glyph))
    count = len(files)
    return (
        np.array(masks, np.uint8).reshape(count, len(GLYPHS), SIZE, SIZE),
        np.array(advances, np.float32).reshape(count, len(GLYPHS)),
    )


def write_task(folder, rows, prompt):
    """rows: {train, test} to (RGB pixels, completion)."""
    for part, pictures in rows.items():
        (folder / part).mkdir(parents=True, exist_ok=True)
        with open(folder / f"{part}.jsonl", "w") as out:
            for i, (pixels, name) in enumerate(pictures):
                Image.fromarray(pixels).save(folder / part / f"{i}.png")
                row = {"prompt": prompt, "completion": name, "images": [f"{part}/{i}.png"]}
                out.write(json.dumps(row) + "\n")


def on_white(rgba):
    alpha = rgba[..., 3:].astype(np.float32) / 255
    return np.round(rgba[..., :3] * alpha + 255 * (1 - alpha)).astype(np.uint8)


def tasks(out, named, sets):
    r = random.Random(0)
    by_name = {}
    for source, name, pixels, held in named:
        if source != "stamps":
            by_name.setdefault(name, ([], []))[held].append(on_white(pixels))
    rows = {"train": [], "test": []}
    for name, (train, test) in sorted(by_name.items()):
        if len(train) >= 6 and test:
            rows["train"] += [(p, name) for p in train[:60]]
            rows["test"] += [(p, name) for p in test[:12]]
    names = {name for _, name in rows["train"]}
    for part in rows.values():
        r.shuffle(part)
    print("things:", len(names), "names", {part: len(found) for part, found in rows.items()})
    write_task(out / "things", rows, "<image>\nthing?")
    parts = {}
    for part, (images, labels), count in zip(("train", "test"), sets, (2000, 500)):
        parts[part] = [
            (np.array(Image.fromarray(255 - p).resize((SIZE, SIZE), Image.Resampling.BICUBIC).convert("RGB")),
             FASHION[n].lower())
            for p, n in zip(images[:count], labels[:count])
        ]
    write_task(out / "fashion", parts, "<image>\ngarment?")


def main():
    root, out = Path(sys.argv[1]), Path(sys.argv[2])
    counts = things(root)
    named = list(named_pictures(root, counts))
    sets = fashion(root)
    masks, advances = glyphs(root)
    frequent = sorted(counts, key=lambda w: (-counts[w], w))
    nouns = [w for w in frequent if len(w) <= 8][:1500]
    for source in ("stamps", "emoji", "clip art"):
        print(source, sum(n[0] == source for n in named))
    arrays = {
        # Channels first: rows of one channel repeat more.
        "pictures": np.stack([p for _, _, p, _ in named]).transpose(0, 3, 1, 2),
        "held": np.array([held for *_, held in named]),
        "fashion": np.concatenate([images for images, _ in sets]),
        "labels": np.concatenate([labels for _, labels in sets]),
        "glyphs": masks,
        "advances": advances,
        "texts": np.frombuffer(
            json.dumps(
                {"names": [name for _, name, _, _ in named], "fashion": FASHION, "glyphs": GLYPHS,
                 "words": nouns, "fashion_train": FASHION_TRAIN}
            ).encode(),
            np.uint8,
        ),
    }
    for name, array in arrays.items():
        print(name, array.shape, "packed", len(lzma.compress(array.tobytes(), preset=1)))
    packed = io.BytesIO()
    np.savez(packed, **{k: np.ascontiguousarray(v) for k, v in arrays.items()})
    out.mkdir(parents=True, exist_ok=True)
    (out / "pictures.xz").write_bytes(lzma.compress(packed.getvalue(), preset=6))
    tasks(out, named, sets)


if __name__ == "__main__":
    main()
