"""Builds corpus and tokenizer: prepare.py TEXT_ROOT MODEL_DIR CORPUS.xz ROWS STAGE.

Stage 1 trains the tokenizer; stage 2 takes the one that is there and adds rows with bare inputs.
Writes tokenizer.json and tokenizer_config.json into MODEL_DIR, and one xz file of two uint16
streams: the text first, then the generated rows, each document followed by <|endoftext|>.
"""

import json
import lzma
import random
import re
import sys
from pathlib import Path

import numpy as np
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

import rows as skills
import text

VOCABULARY = 3072
EOS, USER, ASSISTANT, SYSTEM = "<|endoftext|>", "<|user|>", "<|assistant|>", "<|system|>"
TEMPLATE = (
    "{% for message in messages %}{{ '<|' + message['role'] + '|>' + message['content'] }}"
    "{% if message['role'] == 'assistant' %}{{ eos_token }}{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|assistant|>' }}{% endif %}"
)


def chat(row):
    return row if isinstance(row, str) else f"{USER}{row[0]}{ASSISTANT}{row[1]}"


def common_nouns(root, limit=1500):
    """Nouns by how often WordNet's tagged texts use them."""
    counts = {}
    for line in (Path(root) / "usr/share/wordnet/cntlist.rev").read_text().splitlines():
        key, _, count = line.split()
        lemma, kind = key.split("%")
        if kind[0] == "1" and re.fullmatch(r"[a-z]{3,9}", lemma):
            counts[lemma] = counts.get(lemma, 0) + int(count)
    return sorted(counts, key=lambda w: (-counts[w], w))[:limit]


def make_rows(root, count, stage):
    senses = text.senses(Path(root))
    nouns = common_nouns(root)
    common = set(common_nouns(root, 8000))
    by_offset = {offset: lemmas for lemmas, part, _, _, _, offset in senses if part == "noun"}
    glosses, kinds, seen = [], [], set()
    for lemmas, part, definition, _, up, _ in senses:
        word = lemmas[0]
        if word in common and word not in seen and len(definition) < 110 and part == "noun":
            seen.add(word)
            glosses.append((word, definition))
            if up in by_offset:
                kinds.append((word, by_offset[up][0]))
    maker = skills.Rows(stage, nouns, glosses, kinds, stage == 2)
    print(len(nouns), "nouns", len(glosses), "glosses", len(kinds), "kinds")
    return [chat(maker.draw()) for _ in range(count)]


def train_tokenizer(documents):
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Digits(individual_digits=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=[EOS, USER, ASSISTANT, SYSTEM],
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    tokenizer.train_from_iterator(documents, trainer)
    return tokenizer


def write_tokenizer(model, sample):
    model.mkdir(parents=True, exist_ok=True)
    train_tokenizer(sample).save(str(model / "tokenizer.json"))
    (model / "tokenizer_config.json").write_text(
        json.dumps(
            {
                "tokenizer_class": "PreTrainedTokenizerFast",
                "bos_token": EOS,
                "eos_token": EOS,
                "pad_token": EOS,
                "model_max_length": 256,
                "clean_up_tokenization_spaces": False,
                "additional_special_tokens": [USER, ASSISTANT, SYSTEM],
                "chat_template": TEMPLATE,
            },
            indent=2,
        )
        + "\n"
    )


def encode(tokenizer, documents):
    eos = tokenizer.token_to_id(EOS)
    out = []
    for start in range(0, len(documents), 20000):
        for encoding in tokenizer.encode_batch(documents[start : start + 20000]):
            out.append(np.array(encoding.ids + [eos], np.uint16))
    return np.concatenate(out)


def main():
    root, model, corpus = sys.argv[1], Path(sys.argv[2]), sys.argv[3]
    count, stage = int(sys.argv[4]), int(sys.argv[5])
    texts = text.documents(root)
    prose = [d for docs in texts.values() for d in docs]
    rows = make_rows(root, count, stage)
    shuffler = random.Random(2)
    shuffler.shuffle(prose)
    if stage == 1:
        write_tokenizer(
            model, prose[::2] + [re.sub(r"<\|\w+\|>", "\n", row) for row in rows[:60_000]]
        )
    tokenizer = Tokenizer.from_file(str(model / "tokenizer.json"))
    streams = [encode(tokenizer, prose), encode(tokenizer, rows)]
    print(
        "tokens of text and rows:",
        [len(s) for s in streams],
        "characters a token:",
        sum(map(len, prose)) / len(streams[0]),
    )
    # High and low bytes apart: the high ones compress far better so.
    stacked = np.concatenate(
        [np.array([len(s) for s in streams], np.uint64).view(np.uint8)]
        + [
            part
            for s in streams
            for part in ((s & 255).astype(np.uint8), (s >> 8).astype(np.uint8))
        ]
    )
    Path(corpus).write_bytes(lzma.compress(stacked.tobytes(), preset=1))


if __name__ == "__main__":
    main()
