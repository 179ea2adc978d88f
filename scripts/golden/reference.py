"""What the golden-file scripts share: seeds, hooks into transformers, and the file format.

A golden file is a safetensors file whose metadata has one key, "golden", holding a JSON object
(one key only, since safetensors writes several in random order and the bytes would differ).
"""
import json
import platform
from pathlib import Path

import torch
import transformers
from safetensors.torch import save_file

GOLDEN = Path(__file__).resolve().parents[2] / "src/test/resources/golden"


def deterministic():
    """One thread and no progress bars, so that two runs write the same bytes."""
    torch.set_num_threads(1)
    transformers.utils.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()


def write(path, tensors, script, **facts):
    versions = {"torch": torch.__version__, "transformers": transformers.__version__,
                "python": platform.python_version()}
    meta = {"script": script, "versions": versions, **facts}
    path.parent.mkdir(parents=True, exist_ok=True)
    tensors = {name: tensor.detach().contiguous().clone() for name, tensor in tensors.items()}
    save_file(tensors, str(path), metadata={"golden": json.dumps(meta, sort_keys=True)})
    path.chmod(0o644)


def forward(model, ids):
    """Logits (n, V) and every hidden state (n, H) of one sequence, without a batch dimension.

    "embed" is the embedding's output, "layerL" the residual stream after layer L (before the final
    norm), "norm" the input of the head. Hooks, because transformers' own hidden_states leaves out
    the last layer's output before the norm.
    """
    base = getattr(model.model, "language_model", model.model)
    states = {}

    def keep(name):
        def hook(module, args, output):
            states[name] = (output[0] if isinstance(output, tuple) else output)[0]
        return hook

    named = [("embed", base.embed_tokens), ("norm", base.norm)]
    named += [(f"layer{index}", layer) for index, layer in enumerate(base.layers)]
    handles = [module.register_forward_hook(keep(name)) for name, module in named]
    logits = model(input_ids=ids[None], use_cache=False).logits[0]
    for handle in handles:
        handle.remove()
    return logits, states


def nll_sum(logits, labels):
    """Sum of next-token negative log-likelihoods; labels as in transformers, -100 is ignored."""
    return torch.nn.functional.cross_entropy(
        logits[:-1], labels[1:], ignore_index=-100, reduction="sum")


def last_half_labels(ids):
    labels = ids.clone()
    labels[: len(ids) // 2] = -100
    return labels
