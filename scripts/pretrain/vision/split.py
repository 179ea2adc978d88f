"""Takes from a LLaVA folder what demo/model does not have: split.py LLAVA OUT.

OUT gets vision.safetensors (tower, projector, the row of the image token) and the small files. The
decoder is left out; thanora.demo.ImageModel puts both together again.
"""

import shutil
import sys
from pathlib import Path

from safetensors import safe_open
from safetensors.torch import save_file

ROWS = "language_model.model.embed_tokens.weight"
ADDED = "language_model.model.embed_tokens.added"


def main():
    source, out = Path(sys.argv[1]), Path(sys.argv[2])
    out.mkdir(parents=True, exist_ok=True)
    tensors = {}
    with safe_open(source / "model.safetensors", "pt") as weights:
        for name in weights.keys():
            if not name.startswith("language_model."):
                tensors[name] = weights.get_tensor(name)
        tensors[ADDED] = weights.get_tensor(ROWS)[-1:].contiguous()
    save_file(tensors, out / "vision.safetensors", metadata={"format": "pt"})
    for path in source.glob("*.json"):
        shutil.copy(path, out)


if __name__ == "__main__":
    main()
