"""English text out of Debian packages, as a list of documents (see README.md for the licences)."""

import html
import re
import struct
import zlib
from pathlib import Path

PLAIN = str.maketrans(
    {"‘": "'", "’": "'", "“": '"', "”": '"', "–": "-", "—": "-", "…": "...", "\u00a0": " ", "¶": ""}
)
# Glosses that WordNet itself marks so, and sexual ones, have no place in a demo.
UNWANTED = re.compile(r"slur|offensive|disparag|derogat|obscene|vulgar|sexual|genital|ethnic", re.I)


def bible(root):
    """Chapters; each verse loses its reference."""
    chapters, name = [], None
    for line in (root / "kjv.txt").read_text("latin-1").splitlines():
        reference, verse = line.split(" ", 1)
        chapter = reference.split(":")[0]
        if chapter != name:
            chapters.append([])
            name = chapter
        chapters[-1].append(verse.strip())
    return [" ".join(verses) for verses in chapters]


def austen(root):
    """Six novels, out of R's lazy-load database: zlib blocks of serialised character vectors."""
    data = (root / "usr/lib/R/site-library/janeaustenr/data/Rdata.rdb").read_bytes()
    novels, at = [], 0
    while at < len(data):
        size = struct.unpack(">I", data[at : at + 4])[0] if at + 4 <= len(data) else 0
        try:
            block = zlib.decompress(data[at + 4 :])
            used = zlib.decompressobj()
            used.decompress(data[at + 4 :])
            at = len(data) - len(used.unused_data)
        except zlib.error:
            break
        if len(block) < size // 2:
            continue
        lines, pos = [], 0
        while (pos := block.find(b"\0\x09", pos)) >= 0:
            (length,) = struct.unpack(">i", block[pos + 2 : pos + 6])
            if 0 <= length < 200:
                lines.append(block[pos + 6 : pos + 6 + length].decode("utf-8", "replace"))
                pos += 6 + length
            else:
                pos += 2
        text = re.sub(r"_", "", "\n".join(lines))
        for chapter in re.split(r"\n\s*(?:CHAPTER|Chapter|VOLUME)[^\n]*\n", text):
            chapter = re.sub(r"(?<!\n)\n(?!\n)", " ", chapter).strip()
            if len(chapter) > 1000:
                novels.append(re.sub(r"\n{2,}", "\n", chapter))
    return novels


def senses(root):
    """(lemmas, part, definition, examples, hypernym offset, offset) of every WordNet sense."""
    out = []
    for part in ("noun", "verb", "adj", "adv"):
        for line in (root / f"usr/share/wordnet/data.{part}").read_text("latin-1").splitlines():
            if line.startswith("  "):
                continue
            fields, gloss = line.split("|", 1)
            if UNWANTED.search(gloss):
                continue
            fields = fields.split()
            count = int(fields[3], 16)
            lemmas = [
                re.sub(r"\(.*\)", "", w).replace("_", " ") for w in fields[4 : 4 + 2 * count : 2]
            ]
            pointers = fields[5 + 2 * count :]
            up = next(
                (pointers[i + 1] for i in range(0, len(pointers) - 1) if pointers[i] == "@"), ""
            )
            definition, *examples = re.split(r"; (?=\")", gloss.strip())
            examples = [e.strip('"; ') for e in examples]
            out.append((lemmas, part, definition, examples, up, fields[0]))
    return out


def wordnet(root):
    kind = {"noun": "noun", "verb": "verb", "adj": "adjective", "adv": "adverb"}
    docs = []
    for lemmas, part, definition, examples, _, _ in senses(root):
        text = f"{lemmas[0]} ({kind[part]}): {definition}."
        if len(lemmas) > 1:
            text += f" Also {', '.join(lemmas[1:])}."
        for example in examples:
            text += " " + example[:1].upper() + example[1:] + ("" if example[-1:] in ".!?" else ".")
        docs.append(text)
    return docs


def manuals(root):
    """Paragraphs of HTML manuals; pages of reference tables give little and are left out."""
    docs = []
    for folder in ("sqlite3", "postgresql-doc-15/html", "python3.11/html"):
        for page in sorted((root / "usr/share/doc" / folder).rglob("*.html")):
            if re.search(r"genindex|changelog|whatsnew|/c3ref/|toc|release-|syntax/", str(page)):
                continue
            raw = page.read_text("utf-8", "replace")
            found = re.findall(r"<p[ >].*?(?=</p>|<p[ >])|<p>.*?(?=</p>|<p>)", raw, re.S)
            paragraphs = []
            for p in found:
                p = html.unescape(re.sub(r"<[^>]+>", "", p))
                p = re.sub(r"\s+", " ", p).strip()
                letters = sum(c.isalpha() or c == " " for c in p)
                if len(p) > 80 and letters > 0.9 * len(p):
                    paragraphs.append(p)
            if sum(map(len, paragraphs)) > 300:
                docs.append("\n".join(paragraphs))
    return docs


def documents(root):
    root = Path(root)
    parts = {
        "bible": bible(root),
        "austen": austen(root),
        "wordnet": wordnet(root),
        "manuals": manuals(root),
    }
    return {name: [d.translate(PLAIN) for d in docs] for name, docs in parts.items()}


if __name__ == "__main__":
    import sys

    for name, docs in documents(sys.argv[1]).items():
        print(name, len(docs), sum(map(len, docs)) / 1e6, "MB")
        for d in docs[len(docs) // 2 : len(docs) // 2 + 2]:
            print("   ", repr(d[:300]))
