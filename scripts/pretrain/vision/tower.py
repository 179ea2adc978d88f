"""The vision tower, the projector and the whole LLaVA in plain PyTorch; names are those of transformers."""

import json
import shutil
import sys
from pathlib import Path

import torch
from torch import nn
from torch.nn import functional as F

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import model as text  # noqa: E402

IMAGE_TOKEN, IMAGE_ID = "<image>", 3072
WIDTH, INNER, LAYERS, HEADS, PATCH, SIDE = 160, 640, 6, 5, 8, 64
PATCHES = (SIDE // PATCH) ** 2
EPS = 1e-6
CONFIG = {
    "architectures": ["LlavaForConditionalGeneration"],
    "model_type": "llava",
    "image_token_index": IMAGE_ID,
    "image_seq_length": PATCHES,
    "projector_hidden_act": "gelu",
    "multimodal_projector_bias": True,
    "vision_feature_layer": -1,
    "vision_feature_select_strategy": "full",
    "tie_word_embeddings": True,
    "torch_dtype": "bfloat16",
    "text_config": {**text.CONFIG, "vocab_size": IMAGE_ID + 1},
    "vision_config": {
        "model_type": "siglip_vision_model",
        "image_size": SIDE,
        "patch_size": PATCH,
        "num_channels": 3,
        "hidden_size": WIDTH,
        "intermediate_size": INNER,
        "num_hidden_layers": LAYERS,
        "num_attention_heads": HEADS,
        "hidden_act": "gelu_pytorch_tanh",
        "layer_norm_eps": EPS,
        "attention_dropout": 0.0,
        "vision_use_head": False,
    },
}
PROCESSOR = {
    "image_processor_type": "SiglipImageProcessor",
    "processor_class": "LlavaProcessor",
    "do_convert_rgb": True,
    "do_resize": True,
    "size": {"height": SIDE, "width": SIDE},
    "resample": 3,
    "do_rescale": True,
    "rescale_factor": 1 / 255,
    "do_normalize": True,
    "image_mean": [0.5, 0.5, 0.5],
    "image_std": [0.5, 0.5, 0.5],
}


class Attention(nn.Module):
    def __init__(self):
        super().__init__()
        for name in ("q_proj", "k_proj", "v_proj", "out_proj"):
            setattr(self, name, nn.Linear(WIDTH, WIDTH))

    def forward(self, x):
        n, t, _ = x.shape
        q, k, v = (
            p(x).view(n, t, HEADS, -1).transpose(1, 2)
            for p in (self.q_proj, self.k_proj, self.v_proj)
        )
        y = F.scaled_dot_product_attention(q, k, v)
        return self.out_proj(y.transpose(1, 2).reshape(n, t, -1))


class Mlp(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1, self.fc2 = nn.Linear(WIDTH, INNER), nn.Linear(INNER, WIDTH)

    def forward(self, x):
        return self.fc2(F.gelu(self.fc1(x), approximate="tanh"))


class Layer(nn.Module):
    def __init__(self):
        super().__init__()
        self.self_attn, self.mlp = Attention(), Mlp()
        self.layer_norm1, self.layer_norm2 = nn.LayerNorm(WIDTH, EPS), nn.LayerNorm(WIDTH, EPS)

    def forward(self, x):
        x = x + self.self_attn(self.layer_norm1(x))
        return x + self.mlp(self.layer_norm2(x))


class Embeddings(nn.Module):
    def __init__(self):
        super().__init__()
        self.patch_embedding = nn.Conv2d(3, WIDTH, PATCH, PATCH)
        self.position_embedding = nn.Embedding(PATCHES, WIDTH)

    def forward(self, pixels):
        patches = self.patch_embedding(pixels).flatten(2).transpose(1, 2)
        return patches + self.position_embedding.weight


class Tower(nn.Module):
    """SigLIP's vision transformer up to its last layer; what follows it is stored and not used."""

    def __init__(self):
        super().__init__()
        self.embeddings = Embeddings()
        self.encoder = nn.Module()
        self.encoder.layers = nn.ModuleList(Layer() for _ in range(LAYERS))
        self.post_layernorm = nn.LayerNorm(WIDTH, EPS)
        for name, p in self.named_parameters():
            if p.dim() >= 2:
                deep = name.endswith(("out_proj.weight", "fc2.weight"))
                nn.init.normal_(p, std=0.04 / ((2 * LAYERS) ** 0.5 if deep else 1))
            elif name.endswith("bias"):
                nn.init.zeros_(p)

    def forward(self, pixels):
        x = self.embeddings(pixels)
        for layer in self.encoder.layers:
            x = layer(x)
        return x


class Projector(nn.Module):
    def __init__(self):
        super().__init__()
        self.linear_1 = nn.Linear(WIDTH, text.CONFIG["hidden_size"])
        self.linear_2 = nn.Linear(text.CONFIG["hidden_size"], text.CONFIG["hidden_size"])

    def forward(self, x):
        return self.linear_2(F.gelu(self.linear_1(x)))


class Llava(nn.Module):
    """The decoder is as it was pretrained and stays so."""

    def __init__(self, decoder_folder):
        super().__init__()
        self.vision_tower, self.multi_modal_projector = Tower(), Projector()
        self.decoder = text.load(decoder_folder)
        self.decoder.requires_grad_(False)
        rows = self.decoder.embed_tokens.weight
        # Vectors of an image begin as long as those of a word.
        with torch.no_grad():
            self.multi_modal_projector.linear_2.weight.normal_(std=rows.std().item() / 2)

    def features(self, pixels):
        return self.multi_modal_projector(self.vision_tower(pixels))

    def hidden(self, ids, image_at, features):
        """Hidden states of rows in which the one image token stands for PATCHES vectors."""
        n, t = ids.shape
        place = torch.arange(t + PATCHES - 1, device=ids.device).expand(n, -1)
        offset = place - image_at[:, None]
        source = torch.where(offset < PATCHES, place.minimum(image_at[:, None]), place - PATCHES + 1)
        words = self.decoder.embed_tokens(ids.gather(1, source).clamp(max=IMAGE_ID - 1))
        picture = features.gather(
            1, offset.clamp(0, PATCHES - 1)[..., None].expand(-1, -1, features.shape[-1])
        )
        inside = ((offset >= 0) & (offset < PATCHES))[..., None]
        x = torch.where(inside, picture.to(words.dtype), words)
        t = x.shape[1]
        for layer in self.decoder.layers:
            x = layer(x, self.decoder.cos[:t], self.decoder.sin[:t])
        return self.decoder.norm(x)

    def logits(self, hidden):
        return F.linear(hidden, self.decoder.embed_tokens.weight)


def save(llava, decoder_folder, folder):
    """A folder that transformers loads: config, processor, tokenizer and weights, in bfloat16."""
    from safetensors.torch import save_file

    folder, source = Path(folder), Path(decoder_folder)
    folder.mkdir(parents=True, exist_ok=True)
    tensors = {}
    for part, prefix in (("vision_tower", "vision_tower.vision_model."),
                         ("multi_modal_projector", "multi_modal_projector."),
                         ("decoder", "language_model.model.")):  # fmt: skip
        for name, p in getattr(llava, part).named_parameters():
            tensors[prefix + name] = p.detach().to("cpu", torch.bfloat16).contiguous()
    rows = tensors["language_model.model.embed_tokens.weight"]
    added = rows.float().mean(0, keepdim=True).bfloat16()
    tensors["language_model.model.embed_tokens.weight"] = torch.cat((rows, added))
    save_file(tensors, folder / "model.safetensors.part", metadata={"format": "pt"})
    (folder / "model.safetensors.part").replace(folder / "model.safetensors")
    write_json(folder / "config.json", CONFIG)
    write_json(folder / "preprocessor_config.json", PROCESSOR)
    shutil.copy(source / "generation_config.json", folder)
    write_tokenizer(source, folder)


def write_json(path, tree):
    path.write_text(json.dumps(tree, indent=2, ensure_ascii=False) + "\n")


def write_tokenizer(source, folder):
    tokenizer = json.loads((source / "tokenizer.json").read_text())
    token = dict(tokenizer["added_tokens"][-1], id=IMAGE_ID, content=IMAGE_TOKEN)
    tokenizer["added_tokens"].append(token)
    write_json(folder / "tokenizer.json", tokenizer)
    config = json.loads((source / "tokenizer_config.json").read_text())
    config["additional_special_tokens"].append(IMAGE_TOKEN)
    config["image_token"] = IMAGE_TOKEN
    config["processor_class"] = "LlavaProcessor"
    write_json(folder / "tokenizer_config.json", config)
    write_json(
        folder / "processor_config.json",
        {"processor_class": "LlavaProcessor", "patch_size": PATCH, "num_additional_image_tokens": 0,
         "vision_feature_select_strategy": "full", "image_token": IMAGE_TOKEN},
    )  # fmt: skip
