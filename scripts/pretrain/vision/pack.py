"""What pictures.py packed, and the numbers by which sprites are called."""

import io
import json
import lzma
import zlib

import numpy as np

SHAPES = (
    "circle", "square", "triangle", "star", "cross", "diamond", "ring", "heart", "moon", "hexagon"
)
COLOURS = {
    "red": (220, 40, 40), "blue": (45, 80, 220), "green": (40, 160, 60), "yellow": (240, 215, 40),
    "orange": (245, 140, 30), "purple": (140, 50, 170), "pink": (245, 140, 185),
    "brown": (125, 80, 40), "black": (20, 20, 20), "white": (245, 245, 245), "grey": (135, 135, 135),
}  # fmt: skip
BLOCK = "block"  # a sprite that is all filled, for bars and lines


class Pack:
    """Sprites in the order pictures, fashion, glyphs, shapes, block."""

    def __init__(self, path):
        with np.load(io.BytesIO(lzma.decompress(open(path, "rb").read()))) as arrays:
            self.arrays = {name: arrays[name] for name in arrays.files}
        texts = json.loads(bytes(self.arrays["texts"]))
        self.fashion_names = [name.lower() for name in texts["fashion"]]
        self.glyph_at = {glyph: i for i, glyph in enumerate(texts["glyphs"])}
        self.words = texts["words"]
        self.advances = self.arrays["advances"]
        pictures, fashion = len(texts["names"]), len(self.arrays["labels"])
        self.first_fashion = pictures
        self.first_glyph = pictures + fashion
        self.first_shape = self.first_glyph + self.advances.size
        names = texts["names"]
        held = self.arrays["held"]
        labels = self.arrays["labels"]
        cut = pictures + texts["fashion_train"]
        fashion_rows = [
            (pictures + i, self.fashion_names[label]) for i, label in enumerate(labels)
        ]
        self.pictures = [(i, n) for i, n in enumerate(names) if not held[i]]
        known = {name for _, name in self.pictures}
        self.held_pictures = [(i, n) for i, n in enumerate(names) if held[i] and n in known]
        self.fashion = [row for row in fashion_rows if row[0] < cut]
        self.held_fashion = [row for row in fashion_rows if row[0] >= cut]
        self.name_classes = {n: i for i, n in enumerate(sorted(known | set(self.fashion_names)))}
        self.seen_words = [w for w in self.words if not is_held(w)]
        self.held_words = [w for w in self.words if is_held(w)]

    def glyph(self, font, character):
        return self.first_glyph + font * self.advances.shape[1] + self.glyph_at[character]

    def shape(self, name):
        return self.first_shape + (len(SHAPES) if name == BLOCK else SHAPES.index(name))


def is_held(word):
    """Words that pretraining never prints."""
    return zlib.crc32(word.encode()) % 10 == 0


def shape_masks(size):
    """(shapes + block, size, size): coverage of the shapes, by 4 x 4 points a pixel."""
    n = 4 * size
    y, x = np.mgrid[0:n, 0:n].astype(np.float32)
    x, y = (x + 0.5) / n * 2 - 1, (y + 0.5) / n * 2 - 1
    r, angle = np.hypot(x, y), np.arctan2(x, -y)
    arm = 0.36
    fifth = np.abs((angle + np.pi / 5) % (2 * np.pi / 5) - np.pi / 5)
    # Edge of a star between a tip (radius 1) and a notch (radius 0.42).
    tip, notch = 1.0, 0.42
    star = r * (tip * np.sin(fifth) + notch * np.sin(np.pi / 5 - fifth)) <= tip * notch * np.sin(np.pi / 5)
    up = 0.15 - y * 1.15
    heart = (x * 1.2) ** 2 + (up - np.sqrt(np.abs(x * 1.2)) * 0.75) ** 2 <= 0.95
    masks = [
        r <= 0.95,
        (np.abs(x) <= 0.85) & (np.abs(y) <= 0.85),
        (y <= 0.8) & (y >= -0.9) & (np.abs(x) <= (y + 0.9) / 1.7 * 0.95),
        star,
        (np.minimum(np.abs(x), np.abs(y)) <= arm * 0.8) & (np.maximum(np.abs(x), np.abs(y)) <= 0.92),
        np.abs(x) * 1.25 + np.abs(y) <= 0.98,
        (r <= 0.95) & (r >= 0.55),
        heart,
        (r <= 0.95) & (np.hypot(x - 0.45, y + 0.1) >= 0.75),
        np.maximum(np.abs(y), np.abs(x) * 0.866 + np.abs(y) * 0.5) <= 0.83,
        np.ones_like(r, bool),
    ]
    masks = np.stack(masks).reshape(len(masks), size, 4, size, 4).mean((2, 4))
    return np.round(masks * 255).astype(np.uint8)
