"""Writes tiny random models that see images, and the values transformers and PEFT compute from them.

usage: make_vision.py

For each model, under src/test/resources/golden/vision/NAME:
  config.json, *.safetensors             the checkpoint, as transformers saves it
  adapter/                               a LoRA adapter as PEFT saves it, on all linear layers of
                                         tower, connector and decoder that the logits depend on
  expected.safetensors                   float32 unless said; i is the sequence: 0 has no image,
                                         1 has one and 2 has two
    ids_i, labels_i         (n) int64    labels are -100 up to behind the last image
    pixels_i_j              (tiles, 3, S, S)   image j of sequence i
    features_i              (image tokens, H)  what the connector gives for all of its images
    logits_i                (n, V)       the base model
    lora_logits_i, lora_loss             the same with the adapter
    grad.KEY                             d lora_loss / d KEY, KEY as in adapter_model.safetensors
    merged_logits_i                      after PEFT's merge_and_unload
"llava-legacy" has the weights of "llava" under the names of transformers before release 5, and a
configuration without what that leaves to its classes' defaults.
Float32 arithmetic, eager attention, evaluation mode, each sequence on its own without padding.
"""
import json
import shutil

import peft
import torch
from peft import LoraConfig, get_peft_model
from safetensors.torch import load_file, save_file
from transformers import (AutoModelForImageTextToText, CLIPVisionConfig, Idefics3Config,
                          Idefics3ForConditionalGeneration, LlamaConfig, LlavaConfig,
                          LlavaForConditionalGeneration, Qwen2Config, SiglipVisionConfig,
                          SmolVLMConfig, SmolVLMForConditionalGeneration)

from make_models import SHAPE, randomise, save, save_adapter
from reference import GOLDEN, deterministic, nll_sum, write

SEED = 20241126
IMAGE = 95
TOWER = dict(hidden_size=24, intermediate_size=40, num_hidden_layers=3, num_attention_heads=2)
TEXT = {**SHAPE, "hidden_size": 32, "num_hidden_layers": 2}
LINEARS = (r".*\.(q_proj|k_proj|v_proj|out_proj|o_proj|fc1|fc2|gate_proj|up_proj|down_proj|"
           r"linear_1|linear_2|proj)")


def llava():
    return LlavaForConditionalGeneration(LlavaConfig(
        vision_config=CLIPVisionConfig(**TOWER, image_size=18, patch_size=6),
        text_config=LlamaConfig(**TEXT), image_token_index=IMAGE, image_seq_length=9))


def llava_siglip():
    text = {**TEXT, "tie_word_embeddings": True}
    return LlavaForConditionalGeneration(LlavaConfig(
        vision_config=SiglipVisionConfig(**TOWER, image_size=18, patch_size=6, vision_use_head=False),
        text_config=Qwen2Config(**text), image_token_index=IMAGE, image_seq_length=9, vision_feature_layer=-1,
        vision_feature_select_strategy="full", tie_word_embeddings=True))


def smolvlm(config, model):
    vision = dict(TOWER, image_size=24, patch_size=6)
    text = dict(TEXT, model_type="llama", pad_token_id=0)
    return model(config(vision_config=vision, text_config=text, image_token_id=IMAGE, scale_factor=2,
                        pad_token_id=0))


def models():
    """Name to (builder, save options, tokens of a tile, tiles of each image of the three sequences,
    pattern of the linear layers that no logit depends on)."""
    return {
        "llava": (llava, {}, 9, [[], [1], [1, 1]], r".*vision_tower.*layers\.2\..*"),
        "llava-sharded": (llava, dict(shard="20KB"), 9, [[], [1], [1, 1]], r".*vision_tower.*layers\.2\..*"),
        "llava-siglip": (llava_siglip, {}, 9, [[], [1], [1, 1]], None),
        "smolvlm": (lambda: smolvlm(SmolVLMConfig, SmolVLMForConditionalGeneration), {}, 4,
                    [[], [1], [3, 5]], None),
        "idefics3": (lambda: smolvlm(Idefics3Config, Idefics3ForConditionalGeneration), {}, 4,
                     [[], [3], [1, 1]], None),
    }


def sequences(per_tile, tiles, size, generator):
    """Ids, labels and pixels: some text, then for each image its tokens with text behind."""
    draw = lambda n: torch.randint(3, IMAGE, (n,), generator=generator)
    for images in tiles:
        parts = [draw(4)]
        pixels = []
        for count in images:
            for _ in range(count):
                parts += [torch.full((per_tile,), IMAGE), draw(1)]
            pixels.append(torch.randn((count, 3, size, size), generator=generator))
        prompt = sum(map(len, parts))
        ids = torch.cat(parts + [draw(5)])
        labels = ids.clone()
        labels[:prompt] = -100
        yield ids, labels, pixels


def call(model, ids, pixels):
    inputs = dict(input_ids=ids[None], use_cache=False)
    if pixels:
        values = torch.cat(pixels)
        is_llava = model.config.model_type == "llava"
        inputs["pixel_values"] = values if is_llava else values[None]
    return model(**inputs).logits[0]


def features(model, pixels):
    values = torch.cat(pixels)
    is_llava = model.config.model_type == "llava"
    found = model.get_image_features(values if is_llava else values[None]).pooler_output
    return torch.cat(list(found)).reshape(-1, model.config.get_text_config().hidden_size)


def lora_values(model, batch, folder, ignored, generator):
    config = LoraConfig(r=4, lora_alpha=8, target_modules=LINEARS, exclude_modules=ignored,
                        lora_dropout=0.0, task_type="CAUSAL_LM")
    lora = get_peft_model(model, config).eval()
    parameters = {n.replace(".default.", "."): p for n, p in lora.named_parameters()
                  if p.requires_grad}
    with torch.no_grad():
        for parameter in parameters.values():
            parameter.copy_(0.1 * torch.randn(parameter.shape, generator=generator))
    out, total, count = {}, 0.0, 0
    for index, (ids, labels, pixels) in enumerate(batch):
        logits = call(lora, ids, pixels)
        total = total + nll_sum(logits, labels)
        count += int((labels[1:] != -100).sum())
        out[f"lora_logits_{index}"] = logits
    out["lora_loss"] = total / count
    out["lora_loss"].backward()
    for name, parameter in parameters.items():
        assert parameter.grad is not None and parameter.grad.abs().max() > 1e-6, name
        out["grad." + name] = parameter.grad
    save_adapter(lora, folder / "adapter")
    merged = lora.merge_and_unload()
    with torch.no_grad():
        for index, (ids, _, pixels) in enumerate(batch):
            out[f"merged_logits_{index}"] = call(merged, ids, pixels)
    return out


def make(number, name, builder, options, per_tile, tiles, ignored):
    folder = GOLDEN / "vision" / name
    shutil.rmtree(folder, ignore_errors=True)
    generator = torch.Generator().manual_seed(SEED + number)
    model = builder()
    randomise(model, generator)
    with torch.no_grad():  # embeddings of tower and class token are no matrices of linear layers
        for key, parameter in model.named_parameters():
            if "class_embedding" in key:
                parameter.copy_(torch.randn(parameter.shape, generator=generator))
    save(model, folder, **options)
    batch = list(sequences(per_tile, tiles, model.config.vision_config.image_size, generator))
    model = AutoModelForImageTextToText.from_pretrained(
        folder, dtype=torch.float32, attn_implementation="eager").eval()
    values = {}
    with torch.no_grad():
        for index, (ids, labels, pixels) in enumerate(batch):
            values |= {f"ids_{index}": ids, f"labels_{index}": labels,
                       f"logits_{index}": call(model, ids, pixels)}
            values |= {f"pixels_{index}_{j}": value for j, value in enumerate(pixels)}
            if pixels:
                values[f"features_{index}"] = features(model, pixels)
                other = call(model, ids, [value.roll(1, -1) for value in pixels])
                assert (other - values[f"logits_{index}"]).abs().max() > 1e-2, "the image does not matter"
    values |= lora_values(model, batch, folder, ignored, generator)
    write(folder / "expected.safetensors", values, "scripts/golden/make_vision.py",
          seed=SEED + number, peft=peft.__version__)
    print(f"{name}: loss {values['lora_loss'].item():.3f}, logits std {values['logits_1'].std().item():.2f}")


def make_legacy():
    source, folder = GOLDEN / "vision/llava", GOLDEN / "vision/llava-legacy"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    weights = {key.replace("vision_tower.", "vision_tower.vision_model."): value
               for key, value in load_file(source / "model.safetensors").items()}
    save_file(weights, str(folder / "model.safetensors"), metadata={"format": "pt"})
    (folder / "model.safetensors").chmod(0o644)
    config = json.loads((source / "config.json").read_text())
    for key in ["multimodal_projector_bias", "image_seq_length", "vision_feature_select_strategy",
                "vision_feature_layer", "projector_hidden_act", "tie_word_embeddings"]:
        del config[key]
    for key in ["hidden_act", "layer_norm_eps", "num_channels"]:
        del config["vision_config"][key]
    config["text_config"]["rope_theta"] = config["text_config"].pop("rope_parameters")["rope_theta"]
    config["torch_dtype"] = config.pop("dtype")
    (folder / "config.json").write_text(json.dumps(config, indent=2, sort_keys=True) + "\n")
    shutil.copy(source / "expected.safetensors", folder)
    loaded = AutoModelForImageTextToText.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager")
    expected = load_file(source / "expected.safetensors")
    with torch.no_grad():
        logits = call(loaded.eval(), expected["ids_1"], [expected["pixels_1_0"]])
    assert (logits - expected["logits_1"]).abs().max() < 1e-5


def main():
    deterministic()
    for number, (name, recipe) in enumerate(models().items()):
        make(number, name, *recipe)
    make_legacy()


if __name__ == "__main__":
    main()
