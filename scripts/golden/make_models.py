"""Writes tiny random checkpoints and the values transformers and PEFT compute from them.

usage: make_models.py [NAME ...]        (all of them without a name)

For each model, under src/test/resources/golden/models/NAME:
  config.json, *.safetensors             the checkpoint, as transformers saves it
  adapter/                               a LoRA adapter as PEFT saves it (r 4, alpha 8, all linears,
                                         A and B random so that no gradient is zero)
  expected.safetensors                   float32 unless said; i is the sequence, 0 to 2
    ids_i, labels_i         (n) int64    labels are -100 on the first half
    hidden_i_embed, hidden_i_layerL, hidden_i_norm   (n, H); see reference.forward
    logits_i                (n, V)       the base model
    loss                    ()           base model: NLL summed over all labels of the three
                                         sequences, divided by their number
    lora_logits_i, lora_loss             the same with the adapter
    grad.KEY                             d lora_loss / d KEY, KEY as in adapter_model.safetensors
    merged_logits_i                      after PEFT's merge_and_unload
The "-legacy" models have a config.json as transformers before release 5 wrote it (rope_theta and
rope_scaling at the top level, no layer_types, torch_dtype) and no adapter.
Float32 arithmetic, eager attention, evaluation mode, each sequence on its own without padding.
"""
import json
import shutil
import sys

import peft
import torch
from peft import LoraConfig, get_peft_model
from peft.utils import get_peft_model_state_dict
from transformers import (AutoModelForCausalLM, Gemma2Config, Gemma2ForCausalLM, Gemma3Config,
                          Gemma3ForCausalLM, Gemma3ForConditionalGeneration, Gemma3TextConfig,
                          LlamaConfig, LlamaForCausalLM, MistralConfig, MistralForCausalLM,
                          Phi3Config, Phi3ForCausalLM, Qwen2Config, Qwen2ForCausalLM, Qwen3Config,
                          Qwen3ForCausalLM, SmolLM3Config, SmolLM3ForCausalLM)

from reference import GOLDEN, deterministic, forward, last_half_labels, nll_sum, write

SEED = 20240607
LENGTHS = (5, 11, 8)
LINEARS = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
STACKED = ["qkv_proj", "o_proj", "gate_up_proj", "down_proj"]
GONE = object()
SHAPE = dict(vocab_size=96, hidden_size=32, intermediate_size=64, num_hidden_layers=2,
             num_attention_heads=4, num_key_value_heads=2, max_position_embeddings=512,
             rms_norm_eps=1e-5, bos_token_id=1, eos_token_id=2, tie_word_embeddings=False)
# Head size 8 and theta 10000 give wavelengths of 6, 63, 628 and 6283 positions. With an original
# length of 64 they fall into all three bands: kept (< 16), blended, and divided by 8 (> 64).
LLAMA3 = dict(rope_type="llama3", factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0,
              original_max_position_embeddings=64)


# Of rows of 5, 11 and 8 tokens the first is short and the second long; the third just fits.
LONGROPE = dict(short_factor=[1.0, 1.5, 3.0], long_factor=[1.2, 4.0, 9.0])
GEMMA2 = dict(SHAPE, num_hidden_layers=3, head_dim=16, tie_word_embeddings=True, query_pre_attn_scalar=24,
              sliding_window=4, attn_logit_softcapping=2.0, final_logit_softcapping=6.0)
GEMMA3 = dict(SHAPE, num_hidden_layers=4, head_dim=16, tie_word_embeddings=True, query_pre_attn_scalar=24,
              sliding_window=4, layer_types=["sliding_attention", "sliding_attention", "full_attention",
                                             "sliding_attention"],
              rope_parameters=dict(
                  full_attention=dict(rope_theta=5e4, rope_type="linear", factor=4.0),
                  sliding_attention=dict(rope_theta=1e3, rope_type="default")))


def llama(**changes):
    return LlamaForCausalLM(LlamaConfig(**{**SHAPE, **changes}))


def qwen2_windows():
    return Qwen2ForCausalLM(Qwen2Config(
        **{**SHAPE, "num_hidden_layers": 3}, use_sliding_window=True, sliding_window=4,
        max_window_layers=1, rope_parameters=dict(rope_theta=1e6, rope_type="default")))


def phi3(**changes):
    return Phi3ForCausalLM(Phi3Config(**{**SHAPE, **changes}, pad_token_id=0, sliding_window=6))


def phi3_long():
    return phi3(max_position_embeddings=64, original_max_position_embeddings=8, rope_parameters=dict(
        rope_theta=10000.0, rope_type="longrope", partial_rotary_factor=0.75, **LONGROPE))


def gemma3_in_a_larger_model():
    vision = dict(model_type="siglip_vision_model", hidden_size=16, intermediate_size=16,
                  num_hidden_layers=1, num_attention_heads=2, image_size=28, patch_size=14)
    return Gemma3ForConditionalGeneration(Gemma3Config(
        text_config=Gemma3TextConfig(**GEMMA3), vision_config=vision, mm_tokens_per_image=4,
        boi_token_index=93, eoi_token_index=94, image_token_index=95))


def models():
    """Name to (builder, save options, changes for a legacy config.json or None, what must change the
    logits: one or several sets of changes of the configuration)."""
    plain = dict(rope_parameters=dict(rope_theta=10000.0, rope_type="default"))
    theta = dict(rope_theta=10000.0)
    llama3 = lambda: llama(rope_parameters={**theta, **LLAMA3})
    linear = lambda: llama(rope_parameters=dict(theta, rope_type="linear", factor=4.0))
    yarn = dict(rope_type="yarn", factor=4.0, original_max_position_embeddings=64)
    gemma2 = lambda: Gemma2ForCausalLM(Gemma2Config(**GEMMA2))
    gemma3 = lambda: Gemma3ForCausalLM(Gemma3TextConfig(**GEMMA3))
    caps = [dict(attn_logit_softcapping=None), dict(final_logit_softcapping=None)]
    scores = [dict(query_pre_attn_scalar=16), dict(sliding_window=5)]
    smollm3 = dict(SHAPE, num_hidden_layers=4, tie_word_embeddings=True, pad_token_id=0)
    return {
        "llama": (llama, {}, None, {}),
        "llama-tied-sharded": (lambda: llama(tie_word_embeddings=True), dict(shard="30KB"), None,
                               {}),
        "llama-bias": (lambda: llama(attention_bias=True, mlp_bias=True), {}, None, {}),
        "llama3-rope": (llama3, {}, None, plain),
        "llama3-rope-legacy": (llama3, {}, dict(rope_scaling=LLAMA3), plain),
        "llama-linear-rope": (linear, {}, None, plain),
        "llama-linear-rope-legacy": (
            linear, {}, dict(rope_scaling=dict(type="linear", factor=4.0)), plain),
        "mistral": (lambda: MistralForCausalLM(MistralConfig(**SHAPE, sliding_window=4)), {}, None,
                    dict(sliding_window=5)),
        "qwen2": (lambda: Qwen2ForCausalLM(Qwen2Config(
            **SHAPE, rope_parameters=dict(rope_theta=1e6, rope_type="default"))), {}, None, plain),
        "qwen3": (lambda: Qwen3ForCausalLM(Qwen3Config(
            **{**SHAPE, "tie_word_embeddings": True, "rms_norm_eps": 1e-6}, head_dim=16,
            rope_parameters=dict(rope_theta=1e6, rope_type="default"))), {}, None, plain),
        "smollm": (lambda: llama(
            tie_word_embeddings=True, num_hidden_layers=3, hidden_size=48, num_attention_heads=3,
            num_key_value_heads=1, rope_parameters=dict(rope_theta=100000.0, rope_type="default")),
            dict(dtype=torch.bfloat16), None, plain),
        "llama-yarn-rope": (lambda: llama(rope_parameters={**theta, **yarn}), {}, None, plain),
        "llama-yarn-rope-legacy": (
            lambda: llama(rope_parameters={**theta, **yarn}), {}, dict(rope_scaling=dict(
                type="yarn", factor=4.0, original_max_position_embeddings=64)), plain),
        "llama-dynamic-rope": (lambda: llama(rope_parameters=dict(
            theta, rope_type="dynamic", factor=4.0)), {}, None, {}),
        "qwen2-windows": (qwen2_windows, {}, None,
                          [dict(sliding_window=5), dict(layer_types=["sliding_attention"] * 3)]),
        "qwen2-windows-legacy": (qwen2_windows, {}, dict(layer_types=GONE, rope_scaling=None), {}),
        "phi3": (phi3, {}, None, dict(sliding_window=None)),
        "phi3-longrope": (phi3_long, {}, None, [
            dict(original_max_position_embeddings=16),
            dict(rope_parameters=dict(theta, rope_type="default", partial_rotary_factor=0.75))]),
        "phi3-longrope-legacy": (phi3_long, {}, dict(
            rope_scaling=dict(type="longrope", **LONGROPE), partial_rotary_factor=0.75), {}),
        "smollm3": (lambda: SmolLM3ForCausalLM(SmolLM3Config(
            **smollm3, no_rope_layers=[1, 0, 0, 1])), {}, None, dict(no_rope_layers=[1, 0, 1, 1])),
        "smollm3-windows-legacy": (lambda: SmolLM3ForCausalLM(SmolLM3Config(
            **smollm3, no_rope_layer_interval=2, use_sliding_window=True, sliding_window=4)), {},
            dict(layer_types=GONE, no_rope_layers=GONE, rope_scaling=None), dict(sliding_window=5)),
        "gemma2": (gemma2, {}, None, caps + scores),
        "gemma2-legacy": (gemma2, {}, dict(
            layer_types=GONE, tie_word_embeddings=GONE, hidden_act="gelu_pytorch_tanh",
            cache_implementation="hybrid"), {}),
        "gemma3": (gemma3, {}, None, scores + [plain_gemma3("full"), plain_gemma3("sliding")]),
        "gemma3-legacy": (gemma3, {}, dict(
            rope_theta=5e4, rope_local_base_freq=1e3, layer_types=GONE, sliding_window_pattern=3,
            tie_word_embeddings=GONE, rope_scaling=dict(rope_type="linear", factor=4.0)), {}),
        "gemma3-vision": (gemma3_in_a_larger_model, {}, None, {}),
    }


def plain_gemma3(kind):
    """The configuration of Gemma 3 with other rotary frequencies in one kind of layer."""
    parameters = dict(GEMMA3["rope_parameters"])
    parameters[kind + "_attention"] = dict(rope_theta=10000.0, rope_type="default")
    return dict(rope_parameters=parameters)


def randomise(model, generator):
    """Weights so large that a wrong layout, mask or rotation changes the logits visibly."""
    draw = lambda shape: torch.randn(shape, generator=generator)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "norm" in name:
                one = 0 if model.config.model_type.startswith("gemma") else 1  # there 1 is implied
                parameter.copy_(one + 0.3 * draw(parameter.shape))
            elif name.endswith("bias"):
                parameter.copy_(0.3 * draw(parameter.shape))
            elif "embed_tokens" in name:
                parameter.copy_(0.3 * draw(parameter.shape))
            else:
                parameter.copy_(0.2 * draw(parameter.shape))


def save(model, folder, shard=None, dtype=None):
    model = model.to(dtype) if dtype else model
    model.save_pretrained(folder, **({"max_shard_size": shard} if shard else {}))
    for path in folder.glob("*.safetensors"):
        path.chmod(0o644)


def make_legacy(folder, changes):
    path = folder / "config.json"
    config = json.loads(path.read_text())
    config["rope_theta"] = config.pop("rope_parameters").get("rope_theta")
    config["torch_dtype"] = config.pop("dtype")
    config.pop("head_dim" if config["model_type"] == "llama" else None, None)
    config["transformers_version"] = "4.44.0"
    config = {key: value for key, value in {**config, **changes}.items() if value is not GONE}
    path.write_text(json.dumps(config, indent=2, sort_keys=True) + "\n")


def load(folder, **changes):
    return AutoModelForCausalLM.from_pretrained(
        folder, dtype=torch.float32, attn_implementation="eager", **changes).eval()


def check_matters(folder, changes, values):
    """The feature the model is there for must change the logits, or its test could not fail."""
    if isinstance(changes, list):
        for change in changes:
            check_matters(folder, change, values)
        return
    with torch.no_grad():
        other = load(folder, **changes)(input_ids=values["ids_1"][None]).logits[0]
    difference = (other - values["logits_1"]).abs().max().item()
    assert difference > 1e-2, f"{folder.name}: {changes} changes the logits by {difference} only"


def base_values(model, batch):
    out, total, count = {}, 0.0, 0
    for index, ids in enumerate(batch):
        labels = last_half_labels(ids)
        with torch.no_grad():
            logits, states = forward(model, ids)
            total += nll_sum(logits, labels)
        count += int((labels[1:] != -100).sum())
        out |= {f"ids_{index}": ids, f"labels_{index}": labels, f"logits_{index}": logits}
        out |= {f"hidden_{index}_{name}": state for name, state in states.items()}
    out["loss"] = total / count
    return out


def lora_values(model, batch, folder, generator):
    targets = STACKED if model.config.model_type == "phi3" else LINEARS
    if model.config.model_type == "gemma3":
        targets = rf".*language_model.*\.({'|'.join(LINEARS)})"
    config = LoraConfig(r=4, lora_alpha=8, target_modules=targets, lora_dropout=0.0,
                        task_type="CAUSAL_LM")
    lora = get_peft_model(model, config).eval()
    parameters = {n.replace(".default.", "."): p for n, p in lora.named_parameters()
                  if p.requires_grad}
    with torch.no_grad():
        for parameter in parameters.values():
            parameter.copy_(0.1 * torch.randn(parameter.shape, generator=generator))
    out, total, count = {}, 0.0, 0
    for index, ids in enumerate(batch):
        labels = last_half_labels(ids)
        logits = lora(input_ids=ids[None], use_cache=False).logits[0]
        total = total + nll_sum(logits, labels)
        count += int((labels[1:] != -100).sum())
        out[f"lora_logits_{index}"] = logits
    out["lora_loss"] = total / count
    out["lora_loss"].backward()
    assert parameters.keys() == get_peft_model_state_dict(lora).keys()
    for name, parameter in parameters.items():
        assert parameter.grad.abs().max() > 1e-4, name
        out["grad." + name] = parameter.grad
    save_adapter(lora, folder / "adapter")
    merged = lora.merge_and_unload()
    for index, ids in enumerate(batch):
        with torch.no_grad():
            out[f"merged_logits_{index}"] = merged(input_ids=ids[None]).logits[0]
    return out


def save_adapter(lora, folder):
    lora.save_pretrained(folder)
    (folder / "adapter_model.safetensors").chmod(0o644)
    (folder / "README.md").unlink(missing_ok=True)
    path = folder / "adapter_config.json"
    config = json.loads(path.read_text())
    config["base_model_name_or_path"] = folder.parent.name
    if isinstance(config["target_modules"], list):  # PEFT writes a set: random order
        config["target_modules"] = sorted(config["target_modules"])
    path.write_text(json.dumps(config, indent=2, sort_keys=True) + "\n")


def make(number, name, builder, options, legacy, matters):
    folder = GOLDEN / "models" / name
    shutil.rmtree(folder, ignore_errors=True)
    generator = torch.Generator().manual_seed(SEED + number)
    model = builder()
    randomise(model, generator)
    save(model, folder, **options)
    if legacy:
        make_legacy(folder, legacy)
    vocabulary = model.config.get_text_config().vocab_size
    batch = [torch.randint(3, vocabulary, (n,), generator=generator) for n in LENGTHS]
    model = load(folder)
    values = base_values(model, batch)
    if matters:
        check_matters(folder, matters, values)
    if not legacy:
        values |= lora_values(model, batch, folder, generator)
    write(folder / "expected.safetensors", values, "scripts/golden/make_models.py",
          seed=SEED + number, peft=peft.__version__)
    spread = values["logits_1"].std().item()
    print(f"{name}: loss {values['loss'].item():.3f}, logits std {spread:.2f}")
    return values


def main():
    deterministic()
    wanted = sys.argv[1:]
    unknown = set(wanted) - set(models())
    if unknown:
        sys.exit(f"unknown model {sorted(unknown)}; known: {', '.join(models())}")
    for number, (name, recipe) in enumerate(models().items()):
        if not wanted or name in wanted:
            make(number, name, *recipe)


if __name__ == "__main__":
    main()
