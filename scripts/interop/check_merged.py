"""Checks that plain transformers, given our merged folder, computes the logits we computed.

usage: check_merged.py MERGED EXPECTED [--limit 1e-4] [--same 0] [--stored]
MERGED is a Hugging Face folder, EXPECTED a safetensors file with ids and logits (see
compare.sequences). With --stored the model runs in the type of its files, else in float32.
"""
import sys

from compare import compare, load_base, parse


def main():
    stored = "--stored" in sys.argv
    if stored:
        sys.argv.remove("--stored")
    options = parse(__doc__, "merged", "expected")
    model = load_base(options.merged, **({"dtype": "auto"} if stored else {}))
    what = f"transformers in {str(model.dtype).removeprefix('torch.')}"
    sys.exit(0 if compare(what, model, options.expected, options.limit, options.same) else 1)


if __name__ == "__main__":
    main()
