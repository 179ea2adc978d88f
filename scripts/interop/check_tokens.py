"""Checks that our token ids of rows are those of AutoTokenizer and its chat template.

usage: check_tokens.py MODEL EXPECTED ROWS.jsonl...
MODEL is a Hugging Face folder, EXPECTED a safetensors file whose ids_0, ids_1, ... are some of the
rows of these files.
"""
import json
import sys

from transformers import AutoTokenizer

from compare import sequences

LEAST = 20


def expected_ids(tokenizer, row):
    """The prompt as a user's turn, then the completion and the end of its turn."""
    prompt = tokenizer.apply_chat_template(
        [{"role": "user", "content": row["prompt"]}], add_generation_prompt=True, tokenize=False)
    encode = lambda text: tokenizer(text, add_special_tokens=False).input_ids
    return encode(prompt) + encode(row["completion"]) + [tokenizer.eos_token_id]


def main():
    if len(sys.argv) < 4:
        print("usage: check_tokens.py MODEL EXPECTED ROWS.jsonl...", file=sys.stderr)
        sys.exit(2)
    tokenizer = AutoTokenizer.from_pretrained(sys.argv[1])
    known = set()
    for path in sys.argv[3:]:
        with open(path, encoding="utf-8") as file:
            known.update(tuple(expected_ids(tokenizer, json.loads(line))) for line in file)
    ours = [tuple(ids.tolist()) for _, ids, _, _ in sequences(sys.argv[2])]
    wrong = [ids for ids in ours if ids not in known]
    for ids in wrong[:3]:
        text = tokenizer.decode(ids)
        there = tokenizer(text, add_special_tokens=False).input_ids
        print(f"{text!r}: {list(ids)} here, {there} there")
    good = not wrong and len(set(ours)) >= LEAST
    print(f"AutoTokenizer: {len(ours) - len(wrong)} of {len(ours)} rows have the same ids "
          f"({LEAST} different rows or more): {'ok' if good else 'FAILED'}")
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
