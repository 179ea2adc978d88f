"""Checks that the real PEFT, given our adapter, computes the logits we computed, with the adapter
beside the base and merged into it, and that it takes every key and tensor without a warning.

usage: check_peft.py BASE ADAPTER EXPECTED [--limit 1e-4]
BASE is a Hugging Face folder, ADAPTER a PEFT folder, EXPECTED a safetensors file with ids and
logits (see compare.sequences).
"""
import json
import sys
import warnings
from pathlib import Path

from peft import AutoPeftModel, LoraConfig, PeftModel

from compare import compare, load_base, parse


def faults(adapter, model, caught):
    """What PEFT or we find wrong with the files, a line each."""
    for warning in caught:
        yield f"PEFT warns: {warning.message}"
    known = set(LoraConfig.__dataclass_fields__)
    with open(Path(adapter) / "adapter_config.json", encoding="utf-8") as file:
        for key in sorted(set(json.load(file)) - known):
            yield f"adapter_config.json: PEFT has no key {key}"
    # PEFT only warns about tensors it did not find, and leaves B at zero
    zeros = [name for name, value in model.named_parameters()
             if "lora_B" in name and not value.detach().any()]
    if zeros:
        yield f"{len(zeros)} lora_B are all zero, the first is {zeros[0]}"


def main():
    options = parse(__doc__, "base", "adapter", "expected")
    base = load_base(options.base)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        warnings.simplefilter("ignore", FutureWarning)  # PEFT and transformers about each other
        model = PeftModel.from_pretrained(base, options.adapter, autocast_adapter_dtype=True)
    if not LoraConfig.from_pretrained(options.adapter).task_type:
        AutoPeftModel.from_pretrained(options.adapter)  # finds the base's class by what the adapter says of it
    found = list(faults(options.adapter, model, caught))
    for fault in found:
        print(fault)
    model = model.float().eval()
    good = compare("PEFT", model, options.expected, options.limit)
    merged = model.merge_and_unload()
    good &= compare("PEFT's merge_and_unload", merged, options.expected, options.limit)
    sys.exit(0 if good and not found else 1)


if __name__ == "__main__":
    main()
