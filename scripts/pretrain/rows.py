"""Generated rows that teach skills (numbers, sums, calendar, letters, alphabet, named values).

None has the format of a demo task: the demo's fine-tuning has to bring skill and format together.
A row is a plain text, or a pair (question, answer) that is written in the chat format.
"""

import datetime
import random
import re

from bare_rows import BareRows
from lexicon import (
    SMALL,
    MONTHS,
    DAYS,
    NAMES,
    ROOMS,
    CITIES,
    COLOURS,
    THINGS,
    ONSETS,
    VOWELS,
    LONG,
    SHORT,
    CODAS,
    HEARD,
    words,
    ordinal,
    cap,
)


class Rows(BareRows):
    def __init__(self, seed, nouns, glosses, kinds, bare):
        """nouns: common words; glosses: (word, definition); kinds: (word, what it is a kind of).

        bare: also rows whose question is the bare input, without a word on what to do with it.
        """
        self.r = random.Random(seed)
        self.nouns, self.glosses, self.kinds = nouns, glosses, kinds
        self.makers = [
            (getattr(self, name), weight)
            for name, weight in (
                ("say_number", 6),
                ("read_number", 3),
                ("count", 5),
                ("places", 2),
                ("compare", 2),
                ("ordinals", 1),
                ("add", 8),
                ("add_steps", 4),
                ("take", 3),
                ("story", 2),
                ("times", 1),
                ("month_facts", 2),
                ("next_day", 3),
                ("dotted", 4),
                ("from_dotted", 3),
                ("date_parts", 3),
                ("padding", 1),
                ("clock", 3),
                ("weekday", 1),
                ("spell", 5),
                ("letters", 3),
                ("backwards", 2),
                ("sound", 6),
                ("which_first", 5),
                ("sort_letters", 3),
                ("dictionary", 4),
                ("then_order", 4),
                ("sort_numbers", 2),
                ("record", 4),
                ("lookup", 3),
                ("robot", 2),
                ("order_food", 2),
                ("house", 5),
                ("argument", 3),
                ("define", 8),
                ("kind", 3),
                ("repeat", 3),
                ("pick_word", 2),
                ("plural", 1),
                ("bare_number", 6 * bare),
                ("bare_sum", 14 * bare),
                ("bare_date", 5 * bare),
                ("bare_order", 15 * bare),
                ("bare_sound", 16 * bare),
                ("bare_spelling", 8 * bare),
                ("bare_command", 8 * bare),
            )
        ]

    def draw(self):
        maker = self.r.choices([m for m, _ in self.makers], [w for _, w in self.makers])[0]
        return maker()

    def one(self, *options):
        return self.r.choice(options)

    def number(self, most=6):
        digits = self.r.randint(1, most)
        return self.r.randrange(10 ** (digits - 1), 10**digits)

    def noun(self):
        return self.nouns[int(len(self.nouns) * self.r.random() ** 1.5)]

    def some(self, low, high):
        count = self.r.randint(low, high)
        out = []
        while len(out) < count:
            word = self.noun()
            if word not in out:
                out.append(word)
        return out

    # numbers
    def say_number(self):
        n = self.number()
        w = words(n)
        return self.one(
            (f"How do you say {n}?", f"{cap(w)}."),
            (f"Read {n} aloud.", f"It reads {w}."),
            f"No. {n}: {w}.",
            f"{n} is {w}.",
            (f"What is {n} in English?", f"In English that is {w}."),
        )

    def read_number(self):
        n = self.number()
        w = words(n)
        return self.one(
            (f"Write {w} in digits.", f"That is {n} in digits."),
            f"{cap(w)} is {n}.",
            (f"Which number is {w}?", f"The number {n}."),
        )

    def count(self):
        n, step = self.number(5), self.one(1, 1, 1, 2, 5, 10, 100)
        run = [n + step * i for i in range(self.r.randint(3, 6))]
        if self.r.random() < 0.5:
            return "Count: " + ", ".join(map(words, run)) + "."
        return f"Count by {step}: " + ", ".join(map(str, run)) + "."

    def places(self):
        n = self.number(4)
        names = ["ones", "tens", "hundreds", "thousands"]
        parts = [f"{d} {names[i]}" for i, d in enumerate(reversed(str(n)))]
        return (f"Which digits has {n}?", ", ".join(reversed(parts)) + ".")

    def compare(self):
        a, b = self.number(4), self.number(4)
        if a == b:
            b += 1
        return self.one(
            (f"Which is more, {a} or {b}?", f"{max(a, b)} is more than {min(a, b)}."),
            (f"Which is less, {a} or {b}?", f"{min(a, b)} is less than {max(a, b)}."),
        )

    def ordinals(self):
        n = self.r.randint(1, 99)
        return f"Number {n} comes {ordinal(n)}."

    # sums
    def pair(self):
        most = self.one(100, 500, 1000, 1000)
        return self.r.randrange(most), self.r.randrange(most)

    def add(self):
        a, b = self.pair()
        return self.one(
            (f"How much is {a} and {b}?", f"{a} and {b} make {a + b}."),
            f"{a} and {b} make {a + b}.",
            f"If you add {a} to {b} you get {a + b}.",
            (f"Put {a} and {b} together.", f"Together they are {a + b}."),
            f"{words(a)} plus {words(b)} is {words(a + b)}.",
            f"The sum of {a} and {b} is {a + b}.",
        )

    def add_steps(self):
        a, b = self.number(3), self.number(3)
        steps, carry, x, y = [], 0, a, b
        while x or y or carry:
            s = x % 10 + y % 10 + carry
            steps.append(f"{x % 10} and {y % 10}" + (" and 1" if carry else "") + f" is {s}")
            carry, x, y = s // 10, x // 10, y // 10
            if not (x or y):
                break
        return (f"Add {a} and {b} step by step.", "; ".join(steps) + f"; so {a + b}.")

    def take(self):
        b, a = sorted(self.pair())
        return self.one(
            (f"Take {b} from {a}.", f"{a - b} remain."), f"{a} less {b} leaves {a - b}."
        )

    def story(self):
        a, b = self.number(3), self.number(2)
        who, what, extra = (
            self.r.choice(NAMES),
            self.r.choice(THINGS),
            self.one("finds", "buys", "gets"),
        )
        return (
            f"{who} has {a} {what} and {extra} {b} more. How many is that?",
            f"{who} has {a + b} {what}.",
        )

    def times(self):
        a, b = self.r.randint(2, 12), self.r.randint(2, 12)
        return f"{a} times {b} is {a * b}."

    # calendar
    def date(self):
        return datetime.date(1900, 1, 1) + datetime.timedelta(self.r.randrange(55000))

    def written(self, d):
        month, brief = MONTHS[d.month - 1], MONTHS[d.month - 1][:3]
        return self.one(
            f"{d.day} {month} {d.year}",
            f"{month} {ordinal(d.day)}, {d.year}",
            f"the {ordinal(d.day)} of {month} {d.year}",
            f"{brief} {d.day} {d.year}",
            f"{month} {d.day}, {d.year}",
            f"{d.year}, {month} {d.day}",
        )

    def month_facts(self):
        m = self.r.randrange(12)
        return self.one(
            f"The {ordinal(m + 1)} month is {MONTHS[m]}.",
            f"Month {m + 1} of the year is {MONTHS[m]}, short {MONTHS[m][:3]}.",
            (f"Which month is {MONTHS[m]}?", f"Month {m + 1}."),
            (f"What comes after {MONTHS[m]}?", f"{MONTHS[(m + 1) % 12]}."),
            (f"Two digits for {MONTHS[m]}?", f"{m + 1:02d}, for it is month {m + 1}."),
        )

    def next_day(self):
        d = self.date()
        t = d + datetime.timedelta(1)
        return (
            f"Which day follows {d.day} {MONTHS[d.month - 1]} {d.year}?",
            f"{t.day} {MONTHS[t.month - 1]} {t.year} follows.",
        )

    def dotted(self):
        d = self.date()
        return self.one(
            (f"Write {self.written(d)} with dots.", f"{d.day}.{d.month}.{d.year}"),
            (f"Write {self.written(d)} with slashes.", f"{d.month:02d}/{d.day:02d}/{d.year}"),
            f"{cap(self.written(d))} is {d.day:02d}.{d.month:02d}.{d.year} in short.",
        )

    def from_dotted(self):
        d = self.date()
        return (
            f"Which date is {d.day}.{d.month}.{d.year}?",
            f"It is the {ordinal(d.day)} of {MONTHS[d.month - 1]} in {d.year}.",
        )

    def date_parts(self):
        d = self.date()
        w = self.written(d)
        return self.one(
            (f"Which year is in {w}?", f"The year {d.year}."),
            (f"Which month is in {w}?", f"{MONTHS[d.month - 1]}, month {d.month}."),
            (f"Which day is in {w}?", f"Day {d.day}."),
            (f"Split {w}.", f"year {d.year}, month {d.month}, day {d.day}"),
        )

    def padding(self):
        n = self.r.randint(1, 31)
        return f"{n} in two digits is {n:02d}, in three {n:03d}."

    def clock(self):
        h, q = self.r.randint(1, 12), self.r.randrange(4)
        morning = self.r.random() < 0.5
        hour = SMALL[h % 12 + 1 if q == 3 else h]
        said = [
            f"{hour} o'clock",
            f"quarter past {hour}",
            f"half past {hour}",
            f"quarter to {hour}",
        ][q]
        part = " in the morning" if morning else self.one(" at night", " in the evening")
        full = f"{h % 12 + (0 if morning else 12):02d}{15 * q:02d} hours"
        return self.one(
            (f"What time is {said}?", f"It is {h}.{15 * q:02d}."),
            f"{cap(said)} is {h} {15 * q:02d} on the clock.",
            (f"What is {said}{part} on the railway clock?", full),
        )

    def weekday(self):
        i = self.r.randrange(7)
        return f"After {DAYS[i]} comes {DAYS[(i + 1) % 7]}; before it {DAYS[i - 1]}."

    # letters
    def invented(self):
        parts = []
        for _ in range(self.r.randint(1, 2)):
            parts += [self.r.choice(ONSETS), self.r.choice(list(VOWELS))]
        if self.r.random() < 0.3:
            parts[-1] = self.r.choice("aeiou")
            return parts + [self.r.choice("bdkmnpt"), "e"]
        return parts + [self.r.choice(CODAS)]

    def word(self):
        return self.noun() if self.r.random() < 0.5 else "".join(self.invented())

    def heard(self, parts):
        """Pairs (letters as heard, whether a long vowel) of an invented word."""
        long = parts[-1] == "e"
        out = []
        for i, p in enumerate(parts[:-1] if long else parts):
            after = parts[i + 1][0] if i + 1 < len(parts) else ""
            if p == "c" and after in "ei" and after:
                out.append(("s", False))
            elif p in SHORT:
                lengthened = long and i == len(parts) - 3
                out.append((LONG[p] if lengthened else p, lengthened))
            else:
                out.append((HEARD.get(p) or VOWELS.get(p) or p, p in VOWELS))
        return out

    def spell(self):
        w = self.word()
        return self.one(
            (f"Spell {w}.", "-".join(w)),
            f"{w} is spelled {' '.join(w)}.",
            f"{', '.join(w)} spells {w}.",
        )

    def letters(self):
        w = self.word()
        k = self.r.randrange(len(w))
        return self.one(
            (f"How many letters has {w}?", f"{cap(w)} has {len(w)} letters."),
            (f"What is the last letter of {w}?", f"It ends in {w[-1]}."),
            (f"What is the first letter of {w}?", f"It begins with {w[0]}."),
            (f"What is letter {k + 1} of {w}?", f"Letter {k + 1} is {w[k]}."),
            (f"Which vowels are in {w}?", " ".join(c for c in w if c in "aeiou") or "None."),
        )

    def backwards(self):
        w = self.word()
        return (f"Turn {w} around.", f"{w[::-1]} is {w} backwards.")

    def sound(self):
        parts = self.invented()
        w = "".join(parts)
        heard = [h for h, _ in self.heard(parts)]
        said = []
        for h in heard:
            said += [h] if h in ("sh", "ch", "th", "ng") or h.isupper() else list(h)
        return self.one(
            (f"How does {w} sound?", f"It sounds like {'-'.join(said)}."),
            f"{cap(w)} (say {'-'.join(said)}).",
        )

    # alphabet
    def which_first(self):
        a, b = self.some(2, 2)
        first, last = sorted((a, b))
        return self.one(
            (f"Which comes first, {a} or {b}?", f"{cap(first)} comes before {last}."),
            f"{cap(first)} comes before {last} in a dictionary.",
            (f"Which comes later, {a} or {b}?", f"{cap(last)} comes after {first}."),
        )

    def sort_letters(self):
        cs = self.r.sample("abcdefghijklmnopqrstuvwxyz", self.r.randint(2, 5))
        return self.one(
            (f"Sort the letters {' '.join(cs)}.", f"The order is {', '.join(sorted(cs))}."),
            f"{cs[0]} is letter {ord(cs[0]) - 96} of the alphabet.",
        )

    def dictionary(self):
        ws = sorted(self.some(4, 8))
        return "In a dictionary: " + ", ".join(ws) + "."

    def then_order(self):
        ws = self.some(2, 4)
        return (f"Sort by letter: {', '.join(ws)}.", cap(", then ".join(sorted(ws))) + ".")

    def sort_numbers(self):
        ns = [self.number(3) for _ in range(self.r.randint(2, 4))]
        return (f"Sort by size: {', '.join(map(str, ns))}.", " < ".join(map(str, sorted(ns))))

    # named values
    def record(self):
        who, age, city = self.r.choice(NAMES), self.r.randint(4, 95), self.r.choice(CITIES)
        colour = self.r.choice(COLOURS)
        said, value = self.one((str(age), age), (words(age), age))
        fact, field = self.one(
            (f"is {said} years old", f"age: {value}"),
            (f"lives in {city}", f"city: {city}"),
            (f"likes {colour}", f"colour: {colour}"),
        )
        fact2, field2 = self.one(
            (f"has a {colour} hat", f"hat: {colour}"),
            (f"works in {city}", f"work: {city}"),
            (f"owns {said} {'books'}", f"books: {value}"),
        )
        return (f"{who} {fact} and {fact2}.", f"name: {who}; {field}; {field2}")

    def lookup(self):
        keys = self.r.sample(
            [
                "x",
                "y",
                "z",
                "width",
                "height",
                "size",
                "speed",
                "age",
                "name",
                "colour",
                "room",
                "level",
                "time",
            ],
            self.r.randint(2, 4),
        )
        values = [self.one(str(self.number(3)), self.noun()) for _ in keys]
        k = self.r.randrange(len(keys))
        listed = self.one(", ", "; ", " ").join(f"{a}={b}" for a, b in zip(keys, values))
        return (f"Given {listed}, what is {keys[k]}?", f"{cap(keys[k])} is {values[k]}.")

    def robot(self):
        n, way = self.r.randint(1, 60), self.one("north", "south", "east", "west")
        return (
            self.one(f"Walk {n} steps {way}.", f"Go {way} for {words(n)} steps."),
            f"<move way={way} steps={n}>",
        )

    def order_food(self):
        a, b = self.r.sample(["coffee", "tea", "soup", "cake", "bread", "rice", "milk", "pie"], 2)
        n, m = self.r.randint(1, 30), self.r.randint(1, 30)
        return (
            f"We take {words(n)} {a} and {self.one(words(m), str(m))} {b}.",
            f"{a}: {n}; {b}: {m}",
        )

    def house(self):
        room, n = self.r.choice(ROOMS), self.r.randint(1, 100)
        said = self.one(str(n), words(n))
        thing, unit = self.one(
            ("lamp", "percent"),
            ("light", "percent"),
            ("oven", "degrees"),
            ("heater", "degrees"),
            ("clock", "minutes"),
            ("radio", "percent"),
        )
        state = self.one("open", "closed")
        part = self.one("window", "door", "blinds", "curtain", "gate")
        who = self.r.choice(NAMES)
        return self.one(
            (
                f"The {thing} in the {room} goes to {said} {unit}.",
                f"Noted: {room} {thing} now {n} {unit}.",
            ),
            (
                f"Turn the {room} {thing} to {said} {unit}.",
                f"The {thing} is at {n} now, {room} only.",
            ),
            (f"The {part} of the {room} is {state}. What is {state}?", f"The {room} {part}."),
            (
                f"{cap('open' if state == 'open' else 'close')} the {room} {part}.",
                f"Noted: {room} {part} now {state}.",
            ),
            (f"{who} waits {said} minutes. Who, and how long?", f"{who}, {n} minutes."),
        )

    def argument(self):
        f = self.one("area", "draw", "send", "move", "print", "open", "mix", "fill")
        keys = self.r.sample(["x", "y", "width", "height", "name", "colour", "size", "count"], 2)
        values = [self.one(str(self.number(2)), self.noun()) for _ in keys]
        call = f"{f}({keys[0]}={values[0]}, {keys[1]}={values[1]})"
        return self.one(
            (f"What is {keys[1]} in {call}?", f"{cap(keys[1])} is {values[1]}."),
            (f"What does {call} call?", f"It calls {f} with {values[0]} and {values[1]}."),
            f"{call} runs {f} with {keys[0]} {values[0]} and {keys[1]} {values[1]}.",
        )

    # knowledge and copying
    def define(self):
        word, definition = self.r.choice(self.glosses)
        return self.one(
            (f"What does {word} mean?", f"{cap(definition)}."),
            (f'What is meant by "{word}"?', f"{cap(word)}: {definition}."),
        )

    def kind(self):
        word, up = self.r.choice(self.kinds)
        return (f"What kind of thing is {word}?", f"{cap(word)} is a kind of {up}.")

    def repeat(self):
        ws = self.some(2, 6)
        return (f"Repeat: {' '.join(ws)}.", f"You said {' '.join(ws)}.")

    def pick_word(self):
        ws = self.some(3, 6)
        k = self.r.randrange(len(ws))
        return (
            f"What is the {ordinal(k + 1)} word of: {' '.join(ws)}?",
            f"The {ordinal(k + 1)} is {ws[k]}.",
        )

    def plural(self):
        w = self.noun()
        if re.search(r"(s|x|sh|ch)$", w):
            many = w + "es"
        elif re.search(r"[^aeiou]y$", w):
            many = w[:-1] + "ies"
        else:
            many = w + "s"
        return f"One {w}, two {many}."
