"""Generated pictures with a question and an answer: what is on them is drawn later, by render.py.

None has the format of a demo task, as with rows.py: answers are sentences, questions other ones.
"""

import math
import random
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from lexicon import words, cap  # noqa: E402
from pack import BLOCK, COLOURS, SHAPES  # noqa: E402

SLOTS = 10  # sprites of a picture
SIDE = 64
# Classes that help the tower to begin with, by place: letters of a text, two names, a count, kinds,
# colours and levels from left to right.
LETTERS, NAMES, COUNT, KINDS, HUES, LEVELS, PLACES = 0, 10, 12, 13, 19, 25, 31
LETTER_CLASS = {c: i + 1 for i, c in enumerate("abcdefghijklmnopqrstuvwxyz0123456789")}


class Scene:
    def __init__(self, background, lower):
        self.background, self.lower = background, lower
        self.sprites = []  # (sprite, colour or None, x, y, half width, half height, angle)
        self.classes = {}

    def put(self, sprite, colour, x, y, half, half_height=None, angle=0.0):
        self.sprites.append(
            (sprite, colour, x, y, half, half if half_height is None else half_height, angle)
        )


class Scenes:
    def __init__(self, seed, pack):
        self.r, self.pack = random.Random(seed), pack
        self.makers = {
            "picture": 22, "fashion": 6, "two": 10, "copies": 8, "text": 28, "number": 8,
            "lines": 4, "shapes": 20, "pair": 12, "claim": 16, "bars": 18,
        }  # fmt: skip

    def draw(self):
        maker = self.r.choices(list(self.makers), self.makers.values())[0]
        return getattr(self, maker)()

    def one(self, *options):
        return self.r.choice(options)

    # backgrounds and colours
    def scene(self, dark=0.15):
        kind = self.r.random()
        if kind < 0.4:
            colour = (255, 255, 255)
        elif kind < 1 - dark:
            colour = tuple(self.r.randint(185, 255) for _ in range(3))
        else:
            colour = tuple(self.r.randint(0, 80) for _ in range(3))
        shade = self.r.randint(-30, 30) if self.r.random() < 0.3 else 0
        return Scene(colour, tuple(min(255, max(0, c + shade)) for c in colour))

    def shade(self, name):
        return tuple(min(255, max(0, c + self.r.randint(-22, 22))) for c in COLOURS[name])

    def visible(self, scene):
        return [
            name for name, rgb in COLOURS.items()
            if math.dist(rgb, scene.background) > 90 and math.dist(rgb, scene.lower) > 90
        ]  # fmt: skip

    # real pictures
    def picture(self):
        scene = self.scene()
        sprite, name = self.r.choice(self.pack.pictures)
        half = self.r.uniform(20, 33)
        colour = hue = None
        if sprite < self.pack.first_fashion and self.r.random() < 0.12:
            hue = self.r.choice(self.visible(scene))
            colour = self.shade(hue)
            scene.classes[HUES] = list(COLOURS).index(hue)
        room = max(0, 33 - half)
        scene.put(sprite, colour, 32 + self.r.uniform(-room, room), 32 + self.r.uniform(-room, room),
                  half, angle=self.r.uniform(-0.12, 0.12))  # fmt: skip
        scene.classes[NAMES] = self.pack.name_classes[name]
        if hue:
            return scene, "Which thing, and in what colour?", f"{cap(name)}, in {hue}."
        return scene, *self.name_it(name)

    def name_it(self, name):
        return self.one(
            ("What do you see?", f"I see {name}."),
            ("Describe the picture.", f"A picture of {name}."),
            ("What is shown here?", f"Here is {name}."),
            ("Which thing is drawn?", f"The thing is {name}."),
        )

    def fashion(self):
        scene = self.scene(0.4)
        sprite, name = self.r.choice(self.pack.fashion)
        self.put_fashion(scene, sprite, name)
        return scene, *self.name_it(name)

    def put_fashion(self, scene, sprite, name, half=None):
        half = self.r.uniform(24, 35) if half is None else half
        room = max(0, 34 - half)
        scene.put(sprite, None, 32 + self.r.uniform(-room, room), 32 + self.r.uniform(-room, room), half)
        scene.classes[NAMES] = self.pack.name_classes[name]

    def two(self):
        scene = self.scene()
        (a, first), (b, second) = self.r.sample(self.pack.pictures, 2)
        if self.r.random() < 0.15:
            b, second = self.r.choice(self.pack.fashion)
        while first == second:
            b, second = self.r.choice(self.pack.pictures)
        across = self.r.random() < 0.6
        for sprite, at in ((a, 17), (b, 47)):
            along, aside = at + self.r.uniform(-2, 2), 32 + self.r.uniform(-14, 14)
            x, y = (along, aside) if across else (aside, along)
            scene.put(sprite, None, x, y, self.r.uniform(12, 16), angle=self.r.uniform(-0.1, 0.1))
        for i, name in enumerate((first, second)):
            scene.classes[NAMES + i] = self.pack.name_classes[name]
        near, far = ("left", "right") if across else ("top", "bottom")
        side, name = self.one((near, first), (far, second))
        other = self.r.choice(self.pack.pictures)[1]
        found = (f"Found: {name}, {side}." if self.r.random() < 0.5 else None)
        return scene, *self.one(
            (f"What do you see at the {side}?", f"At the {side} I see {name}."),
            ("Which two things are drawn?", f"First {first}, then {second}."),
            (f"At which side is the {name}?", f"The {name} is at the {side}."),
            (f"Try to find {name}.", found) if found else
            (f"Try to find {other}.", "Not found." if other not in (first, second) else
             f"Found: {other}, {near if other == first else far}."),
        )  # fmt: skip

    def copies(self):
        scene = self.scene()
        sprite, name = self.r.choice(self.pack.pictures)
        count = self.r.randint(1, 9)
        for x, y, half in self.places(count, 10.5):
            scene.put(sprite, None, x, y, half * self.r.uniform(0.85, 1), angle=self.r.uniform(-0.2, 0.2))
        scene.classes[NAMES] = self.pack.name_classes[name]
        scene.classes[COUNT] = count
        return scene, *self.one(
            ("Count them.", f"I count {words(count)} of {name}."),
            (f"How often does {name} appear?", f"It appears {words(count)} times."),
            ("What appears how often?", f"{cap(name)}, {count} times."),
        )

    def places(self, count, half):
        """Centres that do not overlap, at random; on a grid if luck fails."""
        for _ in range(30):
            found = []
            for _ in range(40):
                x, y = self.r.uniform(half, SIDE - half), self.r.uniform(half, SIDE - half)
                if all(max(abs(x - a), abs(y - b)) > 1.85 * half for a, b, _ in found):
                    found.append((x, y, half))
                    if len(found) == count:
                        return found
        cells = [(11 + 21 * i, 11 + 21 * j, min(half, 10)) for i in range(3) for j in range(3)]
        return self.r.sample(cells, count)

    # printed texts
    def ink(self, scene):
        return self.shade(self.r.choice(
            [n for n in self.visible(scene) if math.dist(COLOURS[n], scene.background) > 150] or ["black"]))

    def print_text(self, scene, text, y=None, height=0.9, width=0.97):
        """Every glyph its own sprite, along a line that may be turned."""
        font = self.r.randrange(len(self.pack.advances))
        advance = [self.pack.advances[font, self.pack.glyph_at[c]] for c in text]
        loose = self.r.uniform(0, 3) if self.r.random() < 0.3 else 0
        total = sum(advance) + loose * (len(text) - 1)
        scale = min(self.r.uniform(0.62, width) * SIDE / total, self.r.uniform(0.35, height))
        angle = self.r.uniform(-0.2, 0.2) if self.r.random() < 0.5 else 0.0
        room = max(0, 31 - total * scale / 2)
        x = 32 + self.r.uniform(-room, room)
        if y is None:
            y = 32 + self.r.uniform(-1, 1) * max(0, 28 - 20 * scale - abs(angle) * 20)
        ink, pen = self.ink(scene), -total / 2
        for character, wide in zip(text, advance):
            u, v = (pen + 20) * scale, 0.0  # the mask begins 12 before the pen and is 64 wide
            scene.put(self.pack.glyph(font, character), ink,
                      x + u * math.cos(angle) - v * math.sin(angle),
                      y + u * math.sin(angle) + v * math.cos(angle), 32 * scale, angle=angle)  # fmt: skip
            pen += wide + loose

    def cased(self, word):
        return self.one(word, word, word.capitalize(), word.upper())

    def spell_classes(self, scene, word):
        for i, c in enumerate(word[:10]):
            scene.classes[LETTERS + i] = LETTER_CLASS[c]
        if len(word) < 10:
            scene.classes[LETTERS + len(word)] = 0

    def text(self):
        scene = self.scene()
        if self.r.random() < 0.8:
            word = self.r.choice(self.pack.seen_words)
        else:
            word = "".join(self.r.choices("abcdefghijklmnopqrstuvwxyz", k=self.r.randint(1, 5)))
        self.print_text(scene, self.cased(word))
        self.spell_classes(scene, word)
        k = self.r.randrange(len(word))
        return scene, *self.one(
            ("What is printed?", f"Printed: {word}."),
            ("Read it aloud.", f"It reads {word}."),
            ("What does it say?", f"It says {word}."),
            ("Spell what is printed.", "-".join(word)),
            ("How does it begin, how does it end?", f"It begins with {word[0]} and ends with {word[-1]}."),
            (f"Which letter is at place {k + 1}?", f"At place {k + 1} is {word[k]}."),
        )  # fmt: skip

    def number(self):
        scene = self.scene()
        digits = self.r.randint(1, 5)
        n = self.r.randrange(10 ** (digits - 1) if digits > 1 else 0, 10**digits)
        self.print_text(scene, str(n))
        self.spell_classes(scene, str(n))
        return scene, *self.one(
            ("Which figures are printed?", f"The figures are {n}."),
            ("Which figures are printed?", f"The figures are {n}."),
            ("Say the figures one by one.", "-".join(str(n))),
            ("Say the figures as words.", f"It says {words(n)}." if n < 1000 else f"It says {n}."),
        )

    def lines(self):
        scene = self.scene()
        first = self.r.choice([w for w in self.r.sample(self.pack.seen_words, 20) if len(w) <= 6] or ["cat"])
        second = str(self.r.randrange(1, 1000))
        if self.r.random() < 0.5:
            first, second = second, first
        self.print_text(scene, first, 18 + self.r.uniform(-4, 4), 0.6)
        self.print_text(scene, second, 46 + self.r.uniform(-4, 4), 0.6)
        return scene, *self.one(
            ("What is in the upper line?", f"The upper line says {first}."),
            ("What is in the lower line?", f"The lower line says {second}."),
            ("Read both lines.", f"{first}, then {second}."),
        )

    # shapes
    def shapes(self):
        scene = self.scene()
        kinds = self.r.sample(SHAPES, self.r.randint(1, 4))
        hues = self.r.sample(self.visible(scene), self.r.randint(1, 4))
        count = self.r.randint(1, 9)
        half = self.r.uniform(6, 9) if count > 5 else self.r.uniform(6, 13)
        found = [
            (x, y, self.r.choice(kinds), self.r.choice(hues), h * self.r.uniform(0.75, 1))
            for x, y, h in self.places(count, half)
        ]
        found.sort()
        self.put_shapes(scene, found)
        return scene, *self.ask_shapes(found, kinds, hues)

    def put_shapes(self, scene, found):
        for i, (x, y, kind, hue, half) in enumerate(found):
            turn = self.r.uniform(-0.25, 0.25) if self.r.random() < 0.5 else 0.0
            scene.put(self.pack.shape(kind), self.shade(hue), x, y, half, angle=turn)
            if i < 6:
                scene.classes[KINDS + i] = SHAPES.index(kind)
                scene.classes[HUES + i] = list(COLOURS).index(hue)
        scene.classes[COUNT] = len(found)

    def ask_shapes(self, found, kinds, hues):
        kind, hue = self.one(*kinds, self.r.choice(SHAPES)), self.one(*hues, self.r.choice(list(COLOURS)))
        of_kind = [f for f in found if f[2] == kind]
        of_hue = [f for f in found if f[3] == hue]
        many = plural(kind)
        other = self.r.choice([k for k in (*kinds, *SHAPES) if k != kind])
        others = sum(f[2] == other for f in found)
        biggest = max(found, key=lambda f: f[4])
        more = many if len(of_kind) > others else plural(other)
        asked = [
            ("Count all shapes.", f"I count {words(len(found))} in all."),
            (f"Count the {many}.", f"I count {words(len(of_kind))} {many}."),
            (f"Count what is {hue}.", f"I count {words(len(of_hue))} in {hue}."),
            (f"Compare {many} with {plural(other)}.",
             f"{len(of_kind)} against {others}, " + ("a tie." if others == len(of_kind) else f"{more} win.")),
            ("What is at the far left?", f"At the far left: {found[0][3]} {found[0][2]}."),
            ("What is at the far right?", f"At the far right: {found[-1][3]} {found[-1][2]}."),
            ("Which one is biggest?", f"The biggest is a {biggest[3]} {biggest[2]}."),
            (f"Try to find a {hue} {kind}.",
             "Found." if any(f in of_hue for f in of_kind) else "Not found."),
        ]  # fmt: skip
        if len(found) <= 4:
            listed = ", ".join(f"{f[3]} {f[2]}" for f in found)
            asked += [("List the shapes from the left.", cap(listed) + ".")] * 2
        if len({f[3] for f in of_kind}) == 1:
            asked.append((f"In what colour is the {kind}?", f"The {kind} is in {of_kind[0][3]}."))
        if len({f[2] for f in of_hue}) == 1:
            asked.append((f"What shape is {hue}?", f"In {hue} there is a {of_hue[0][2]}."))
        return self.r.choice(asked)

    def pair(self):
        """Two or three different shapes, and how they lie to each other."""
        scene = self.scene()
        kinds = self.r.sample(SHAPES, self.r.randint(2, 3))
        found = [
            (x, y, kind, self.r.choice(self.visible(scene)), h * self.r.uniform(0.75, 1))
            for kind, (x, y, h) in zip(kinds, self.places(len(kinds), self.r.uniform(7, 12)))
        ]
        found.sort()
        self.put_shapes(scene, found)
        a, b = self.r.sample(found, 2)
        across, down = a[0] - b[0], a[1] - b[1]
        if abs(across) > abs(down):
            side = "right" if across > 0 else "left"
        else:
            side = "under" if down > 0 else "over"
        return scene, *self.one(
            (f"Where is the {a[2]}, seen from the {b[2]}?", f"The {a[2]} is {side}."),
            (f"How do {a[2]} and {b[2]} lie?",
             f"The {a[2]} is further {'right' if across > 0 else 'left'} and {'lower' if down > 0 else 'higher'}."),
            (f"Which is larger, {a[2]} or {b[2]}?", f"The larger is the {a[2] if a[4] > b[4] else b[2]}."),
        )  # fmt: skip

    def claim(self):
        """Shapes of different kinds, and a sentence about them that holds or fails."""
        scene = self.scene()
        kinds = self.r.sample(SHAPES, self.r.randint(2, 4))
        hues = self.r.sample(self.visible(scene), self.r.randint(2, 4))
        found = [
            (x, y, kind, self.r.choice(hues), h * self.r.uniform(0.75, 1))
            for kind, (x, y, h) in zip(kinds, self.places(len(kinds), self.r.uniform(7, 12)))
        ]
        found.sort()
        self.put_shapes(scene, found)
        holds = self.r.random() < 0.5
        a, b = self.r.sample(found, 2)
        if self.r.random() < 0.4:
            others = [h for h in hues if h != a[3]]
            hue = a[3] if holds else self.r.choice(others)
            claimed, truth = f"one {a[2]} has {hue} paint", f"{a[3]} paint"
        else:
            if abs(a[0] - b[0]) > abs(a[1] - b[1]):
                sides = ("left", "right") if a[0] < b[0] else ("right", "left")
            else:
                sides = ("over", "under") if a[1] < b[1] else ("under", "over")
            claimed, truth = f"the {a[2]} lies {sides[not holds]} beside the {b[2]}", sides[0]
        return scene, f"Claim: {claimed}.", "It holds." if holds else f"It fails: {truth}."

    # bars
    def bars(self):
        scene = self.scene(0.1)
        count = self.r.randint(2, 6)
        hues = self.r.sample(self.visible(scene), count)
        values = [self.r.randint(1, 10) for _ in range(count)]
        flat = self.r.random() < 0.3
        low, high = self.r.uniform(54, 61), self.r.uniform(2, 6)
        unit, step = (low - high) / 10, (SIDE - 12) / count
        thick = step * self.r.uniform(0.25, 0.47)
        line = self.shade("black" if sum(scene.background) > 380 else "white")

        def block(colour, along, up, half_along, half_up):
            x, y = (SIDE - up, along) if flat else (along, up)
            hx, hy = (half_up, half_along) if flat else (half_along, half_up)
            scene.put(self.pack.shape(BLOCK), colour, x, y, hx, hy)

        for i, (hue, value) in enumerate(zip(hues, values)):
            block(self.shade(hue), 8 + step * (i + 0.5), low - unit * value / 2, thick, unit * value / 2)
            scene.classes[HUES + i] = list(COLOURS).index(hue)
            scene.classes[LEVELS + i] = value
        block(line, 34, low + 0.5, 27, 0.6)
        if self.r.random() < 0.8:
            block(line, 6.5, (low + high) / 2, 0.6, (low - high) / 2)
        scene.classes[COUNT] = count
        k = self.r.randrange(count)
        by_size = sorted(range(count), key=lambda i: values[i])
        asked = [
            (f"How far does {hues[k]} go?", f"{cap(hues[k])} goes to {values[k]}."),
            (f"How far does {hues[k]} go?", f"{cap(hues[k])} goes to {values[k]}."),
            ("Which colours are the bars?", cap(", ".join(hues)) + "."),
            ("Count the bars.", f"I count {words(count)} bars."),
        ]
        if values[by_size[-1]] > values[by_size[-2]]:
            best = by_size[-1]
            asked += [("Which colour goes furthest?", f"Furthest goes {hues[best]}, to {values[best]}.")] * 2
        if values[by_size[0]] < values[by_size[1]]:
            asked.append(("Which colour is shortest?", f"Shortest of all is {hues[by_size[0]]}."))
        if count <= 4:
            asked.append(("List bars and values.",
                          cap(", ".join(f"{h} {v}" for h, v in zip(hues, values))) + "."))  # fmt: skip
        return scene, *self.r.choice(asked)


def plural(kind):
    return {"cross": "crosses"}.get(kind, kind + "s")
