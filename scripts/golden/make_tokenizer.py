"""Trains a tiny byte-level BPE tokenizer and writes what it makes of some strings.

    python scripts/golden/make_tokenizer.py
    python scripts/golden/make_tokenizer.py --tokenizer FOLDER --out FILE

The first form writes src/test/resources/golden/tokenizer/; the second only the expectations of a
given tokenizer, for one that is not ours to commit. Needs tokenizers (made with 0.23) and no network.
"""

import argparse
import json
import pathlib

import tokenizers
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers

TEXT = [
    "The river ran past the old mill, and the miller counted forty-two sacks of flour.",
    "Seven times eight is fifty-six; nine times nine is eighty-one.",
    "She said: the train to the north leaves at 10:45, not at 12:30!",
    "Grüße aus Zürich. Ça va? El niño está aquí. Привет, мир.",
    "user: what is the capital of the country? assistant: the capital is by the sea.",
    "if (x > 0) { return x + 1; } else { return -x; }",
    "one two three four five six seven eight nine ten eleven twelve thirteen fourteen",
]

STRINGS = [
    "", " ", "  ", "\n", "\n\n", "\t\t x", "a", "Hello, world!", " leading", "trailing ", "a  b   c",
    "The river ran past the old mill.", "the the the", "UPPER lower MiXeD", "12345 67,890.12",
    "don't can't we'll I'm", "x = f(y) + 2*z;", "\r\n windows\r\n", "é", "e\u0301", "Zürich Straße",
    "Привет, мир", "日本語のテキスト", "한국어", "العربية", "हिन्दी", "👍", "👍🏽 ok", "👨‍👩‍👧‍👦", "🇨🇭a",
    "a👍b👍c", "\u0000", "\u00a0nbsp", "\u200bzero", "\ufeffbom", "𝒳𝒴", "a\u2028b", "<|im_start|>",
    "<|im_start|>user\nHi 👍<|im_end|>\n", "x<|endoftext|>y", "<|im_end|><|im_end|>", "<|im_end|",
    " <|im_end|> ", "<tool> is plain </tool>", "word " * 150,
]


def train():
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    special = [AddedToken(t, special=True, normalized=False)
               for t in ("<|endoftext|>", "<|im_start|>", "<|im_end|>")]
    trainer = trainers.BpeTrainer(
        vocab_size=330, special_tokens=special, show_progress=False,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet())
    tokenizer.train_from_iterator(TEXT, trainer)
    tokenizer.add_tokens([AddedToken("<tool>", normalized=False)])
    return tokenizer


def expectations(tokenizer):
    rows = []
    for text in STRINGS:
        encoding = tokenizer.encode(text, add_special_tokens=False)
        rows.append({
            "text": text, "ids": encoding.ids, "spans": [list(o) for o in encoding.offsets],
            "with_specials": tokenizer.encode(text).ids,
            "decoded": tokenizer.decode(encoding.ids, skip_special_tokens=False),
            "decoded_plain": tokenizer.decode(encoding.ids, skip_special_tokens=True)})
    return {"tokenizers": tokenizers.__version__, "rows": rows}


def write(path, value):
    path.write_text(json.dumps(value, ensure_ascii=False) + "\n", encoding="utf-8")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--tokenizer", type=pathlib.Path)
    parser.add_argument("--out", type=pathlib.Path)
    options = parser.parse_args()
    if options.tokenizer:
        tokenizer = Tokenizer.from_file(str(options.tokenizer / "tokenizer.json"))
        tokenizer.no_truncation()
        tokenizer.no_padding()
        write(options.out, expectations(tokenizer))
        return
    root = pathlib.Path(__file__).resolve().parents[2]
    out = root / "src/test/resources/golden/tokenizer"
    out.mkdir(parents=True, exist_ok=True)
    tokenizer = train()
    rows = expectations(tokenizer)
    # A file that asks to cut and to pad: the reader must do neither.
    tokenizer.enable_truncation(max_length=16)
    tokenizer.enable_padding(length=16, pad_id=0, pad_token="<|endoftext|>")
    tokenizer.save(str(out / "tokenizer.json"), pretty=False)
    write(out / "expected.json", rows)
    write(out / "tokenizer_config.json", {
        "bos_token": {"content": "<|im_start|>", "special": True}, "eos_token": "<|im_end|>",
        "pad_token": "<|endoftext|>", "model_max_length": 16, "chat_template": [
            {"name": "tool_use", "template": "unused"},
            {"name": "default", "template":
                "{% for m in messages %}{{ '<|im_start|>' + m.role + '\n' + m.content + '<|im_end|>\n' }}"
                "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"}]})
    write(out / "generation_config.json", {"eos_token_id": [2, 0]})


if __name__ == "__main__":
    main()
