"""Writes texts and the ids SmolLM2's tokenizer gives them, to tokens/smollm2.json.

usage: make_tokens.py FOLDER        (a Hugging Face folder of SmolLM2-135M-Instruct)

A list of {"text", "ids", "decoded"}; special tokens in a text are recognised, none is added.
"ids" are those of the tokenizer the model was trained with: every digit a piece of its own, then
the byte-level split (llama.cpp calls this pre-tokenizer "smollm"). A folder that transformers made
from a GGUF file has lost the digit split, so it is put back here; where that matters,
"ids_without_digit_split" holds what such a folder gives.
"""
import json
import sys
from pathlib import Path

from tokenizers import Tokenizer, pre_tokenizers

from reference import GOLDEN

TEXTS = [
    "", " ", "  ", "\n", "\t", "\n\n\n", "a", "Hello, world!", " leading and trailing ",
    "The quick brown fox jumps over the lazy dog.",
    "0", "7", "42", "1234567890", "3.14159", "1,000,000 dollars", "In 1999  2000   2001",
    "x1 = 12; y22 = 0x1F", "   5", "2024-06-07T12:34:56Z", "\u0663\u0664 \u00bd \u00b2",
    "don't won't it's we'll I'VE you're", "\u2019quoted\u2019 \u201cwords\u201d \u2014 dash",
    "Gr\u00fc\u00dfe aus M\u00fcnchen, \u00d6l & \u00c4pfel", "na\u00efve caf\u00e9 e\u0301",
    "\u65e5\u672c\u8a9e\u306e\u6587\u7ae0",
    "\u041f\u0440\u0438\u0432\u0435\u0442, \u043c\u0438\u0440",
    "\u0645\u0631\u062d\u0628\u0627",
    "emoji \U0001f600 \U0001f468\u200d\U0001f469\u200d\U0001f467 \U0001f1e9\U0001f1ea",
    "\U0001d54f math and \ufeffbom \u00a0nbsp\u3000wide",
    "def f(x):\n    return x ** 2  # square\n",
    "for (int i = 0; i < n; i++) {\n\ta[i] += b[i];\n}\n",
    '{"name": "get_weather", "arguments": {"city": "Oslo", "days": 3}}',
    "https://example.org/a?b=c&d=%20#top", "C:\\temp\\new\r\nline", "a\r\n\r\nb  \n c",
    "<|im_start|>user\nWhat is 2+2?<|im_end|>\n<|im_start|>assistant\n",
    "<|endoftext|><|im_end|>", "not <|im_start a token|> <|im_start|", "x<|im_end|> y <|im_end|>z",
    "<repo_name>a/b<file_sep>c.py", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "!!??..--==##__",
    "Supercalifragilisticexpialidocious pneumonoultramicroscopic",
]


def with_digit_split(folder):
    """The tokenizer as trained, and, if the folder has lost the split, the tokenizer as found."""
    found = json.loads((folder / "tokenizer.json").read_text(encoding="utf-8"))
    tokenizer = Tokenizer.from_str(json.dumps(found))
    if found["pre_tokenizer"]["type"] == "Sequence":
        return tokenizer, tokenizer
    trained = Tokenizer.from_str(json.dumps(found))
    trained.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Digits(individual_digits=True),
        pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)])
    return trained, tokenizer


def main():
    trained, found = with_digit_split(Path(sys.argv[1]))
    rows = []
    for text in TEXTS:
        ids = trained.encode(text, add_special_tokens=False).ids
        row = {"text": text, "ids": ids, "decoded": trained.decode(ids, skip_special_tokens=False)}
        plain = found.encode(text, add_special_tokens=False).ids
        if plain != ids:
            row["ids_without_digit_split"] = plain
        rows.append(row)
    path = GOLDEN / "tokens/smollm2.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = ",\n".join(json.dumps(row) for row in rows)
    path.write_text(f"[\n{lines}\n]\n")
    print(len(rows), "texts,", sum("ids_without_digit_split" in row for row in rows),
          "depend on the digit split;", sum(row["decoded"] != row["text"] for row in rows),
          "do not decode back")


if __name__ == "__main__":
    main()
