"""Checks that llama.cpp answers images as transformers does: a merged model's two GGUF files against its folder.

usage: check_mmproj.py MODEL.gguf MERGED ROWS.jsonl [--limit 2e-2]
Beside MODEL.gguf lies mmproj-MODEL.gguf. Images of the rows are made as large as the tower's tiles first, since llama.cpp
resizes in its own way. Compared are the log probabilities of the token after the prompt; llama.cpp looks GELU up in a
table of half precision. A tower of CLIP may differ as github.com/ggml-org/llama.cpp/issues/25814 says, and only so.
"""
import base64
import io
import json
import sys
import urllib.request
from pathlib import Path

import torch
import xllamacpp
from PIL import Image
from transformers.models.clip.modeling_clip import CLIPVisionEmbeddings

from check_images import messages, processor
from compare import load_base, parse


class Server:
    """llama.cpp's server of both files."""

    def __init__(self, model, vocabulary):
        parameters = xllamacpp.CommonParams()
        parameters.model.path = str(model)
        parameters.mmproj.path = str(model.with_name(f"mmproj-{model.name}"))
        parameters.n_ctx, parameters.n_parallel, parameters.n_gpu_layers = 512, 1, 0
        parameters.cpuparams.n_threads = 1
        parameters.verbosity = 1  # errors
        self.server = xllamacpp.Server(parameters)
        self.marker = self.ask("/props")["media_marker"]
        self.vocabulary = vocabulary

    def ask(self, path, body=None):
        data = body and json.dumps(body).encode()
        request = urllib.request.Request(self.server.listening_address + path, data,
                                         {"Content-Type": "application/json"})
        with urllib.request.urlopen(request) as answer:
            return json.load(answer)

    def log_probabilities(self, text, images):
        """Of the token after a text with an <image> for each image."""
        files = []
        for image in images:
            file = io.BytesIO()
            image.save(file, "PNG")
            files.append(base64.b64encode(file.getvalue()).decode())
        prompt = {"prompt_string": text.replace("<image>", self.marker), "multimodal_data": files} if files else text
        # A letter is drawn, since a token that is no text has no probabilities beside it; they are as they were.
        answer = self.ask("/completion", {"prompt": prompt, "n_predict": 1, "logit_bias": [["a", 1000]],
                                          "n_probs": self.vocabulary, "cache_prompt": False})
        found = torch.full([self.vocabulary], float("nan"))
        for one in answer["completion_probabilities"][0]["top_logprobs"]:
            found[one["id"]] = one["logprob"]
        return found


def with_class_token_last(self, pixel_values, **_):
    """CLIP's embeddings as llama.cpp has them: the class token last, positions as if it were first."""
    patches = self.patch_embedding(pixel_values).flatten(2).transpose(1, 2)
    token = self.class_embedding.expand(len(patches), 1, -1)
    return torch.cat([patches, token], 1) + self.position_embedding(self.position_ids)


def expected(model, process, text, images):
    with torch.no_grad():
        logits = model(**process(text=text, images=images or None, return_tensors="pt")).logits[0, -1]
    return torch.log_softmax(logits, -1)


def main():
    options = parse(__doc__, "file", "folder", "rows")
    process, model = processor(options.folder), load_base(options.folder)
    edge = model.config.vision_config.image_size
    server = Server(Path(options.file), model.config.text_config.vocab_size)
    right, known, seen = 0.0, 0.0, 0
    for line in Path(options.rows).read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        images = [Image.open(Path(options.rows).parent / name).convert("RGB").resize((edge, edge))
                  for name in row.get("images", [])]
        text = process.apply_chat_template(messages(row), add_generation_prompt=True)
        found = server.log_probabilities(text, images)
        right = max(right, (found - expected(model, process, text, images)).abs().max().item())
        whole, CLIPVisionEmbeddings.forward = CLIPVisionEmbeddings.forward, with_class_token_last
        known = max(known, (found - expected(model, process, text, images)).abs().max().item())
        CLIPVisionEmbeddings.forward = whole
        seen += len(images)
    good = seen > 0 and min(right, known) <= options.limit
    print(f"{seen} images, largest difference of a log probability {min(right, known):.1e} (limit {options.limit:.0e})"
          f"{'' if right <= known else f' with the class token misplaced as there, else {right:.1e}'}: "
          f"{'ok' if good else 'FAILED'}")
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
