"""Rows whose question is the bare input, without a word on what to do with it."""

from lexicon import SMALL, NAMES, ROOMS, SHORT, cap, words


class BareRows:
    """Part of Rows, which brings the draws."""

    def bare_number(self):
        n = self.number()
        return self.one(
            (f"{n}", f"{cap(words(n))}."),
            f"{n} is also written {n:,}.",
            (f"{n:,} is", f"{words(n)}."),
            (f"{n:,}", f"{n:,} or {words(n)}"),
        )

    def bare_sum(self):
        a, b = self.pair()
        return self.one(
            (f"{a} + {b}", f"{a} + {b} = {a + b}"),
            (f"{a}+{b}=?", f"It is {a + b}."),
            (f"{a} plus {b}", f"{a + b} in all."),
            (f"{a}+{b}", f"= {a + b} (sum)"),
            (f"{a} & {b}", f"<{a + b}>"),
            f"{a}+{b}={a + b}.",
        )

    def bare_date(self):
        d = self.date()
        w = self.written(d)
        return self.one(
            (w, f"{d.day}.{d.month}.{d.year}"),
            (w, f"y{d.year} m{d.month} d{d.day}"),
            (w, f"{d.day:02d} {d.month:02d} {d.year}"),
        )

    def bare_order(self):
        ws = self.some(2, 5)
        before, after = self.one(
            (" ", " < "),
            (", ", " / "),
            (" / ", ", "),
            ("; ", " then "),
            (" ", ", "),
            (" and ", " < "),
        )
        return (before.join(ws), after.join(sorted(ws)))

    def bare_sound(self):
        parts = self.invented()
        w = "".join(parts)
        said = []
        for h, long in self.heard(parts):
            if h == "ks" or h == "kw":
                said += list(h)
            elif h in ("sh", "ch", "th", "ng") or long:
                said.append(h.lower())
            else:
                said += [SHORT.get(c, c) for c in h]
        return self.one(
            (w, ".".join(said)),
            (w, "/" + " ".join(said) + "/"),
            (f"{w}?", "".join(f"[{x}]" for x in said)),
        )

    def bare_spelling(self):
        w = "".join(self.invented()) if self.r.random() < 0.8 else self.noun()
        return self.one(
            (f"Letters of {w}", " ".join(w)),
            f"{w}: {' '.join(w)}.",
            (f"{w}!", ".".join(w)),
            (f"Spell {w}.", "-".join(w)),
        )

    def bare_command(self):
        room, n, who = self.r.choice(ROOMS), self.r.randint(1, 100), self.r.choice(NAMES)
        said = self.one(str(n), words(n))
        thing = self.one("lamp", "oven", "heater", "radio", "fan", "light")
        h, q = self.r.randint(1, 11), self.r.randrange(4)
        hour = SMALL[h + 1 if q == 3 else h]
        time = [
            f"{hour} o'clock",
            f"quarter past {hour}",
            f"half past {hour}",
            f"quarter to {hour}",
        ][q]
        late = self.r.random() < 0.5
        part = self.one("at night", "in the evening") if late else "in the morning"
        return self.one(
            (
                f"{self.one('put', 'turn', 'set')} the {room} {thing} {self.one('to', 'at', 'on')} {said}",
                f"{thing}: {room} {n}",
            ),
            (f"{said} for the {thing} in the {room}", f"<{thing} in={room} to={n}>"),
            (
                f"{self.one('open', 'shut', 'lock')} the {self.one('door', 'window', 'gate')} of the {room}",
                f"noted, {room}",
            ),
            (
                f"meet {who} at {time} {part}",
                f"<meet who={who.lower()} at={h + 12 * late:02d}.{15 * q:02d}>",
            ),
            (
                f"{self.one('write to', 'ask', 'thank', 'invite')} {who} {self.one('now', 'today', 'please')}",
                f"to: {who.lower()}",
            ),
        )
