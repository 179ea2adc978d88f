"""Writes GGUF golden files: quantised blocks, and tiny models with the values they stand for.

usage: make_gguf.py        (after make_models.py, whose checkpoints it converts)

Under src/test/resources/golden/gguf:
  TYPE.safetensors     bytes (2, row bytes) uint8: random blocks with finite half-precision scales;
                       values (2, row) float32: what gguf-py makes of them
  encoded.safetensors  values (8, 64) float32 of many magnitudes, ties among them, and what gguf-py
                       makes of them as F16, BF16 and Q8_0, uint8
  tiny-llama.gguf      models/llama: q and k rows permuted as llama.cpp stores them; F32, F16, Q8_0
  tiny-llama3.gguf     models/llama3-rope: F16, the rope scaling as the tensor rope_freqs.weight
  tiny-qwen2.gguf      models/qwen2: not permuted; biases F32, weights Q4_0, Q4_1, Q5_0, Q5_1, BF16
  tiny-qwen3.gguf, tiny-smollm3.gguf, tiny-phi3.gguf, tiny-gemma2.gguf, tiny-gemma3.gguf
                       models/qwen3, smollm3 (every fourth layer without positions, which is all that a
                       file can say), phi3-longrope (rope factors as tensors), gemma2 and gemma3 (norms with
                       1 added; queries scaled by their width, as above); F16, Q8_0
  NAME.expected.safetensors   ids_i int64, logits_i float32 of transformers on the dequantised
                       weights, and tensor.KEY: those of layer 0 under their Hugging Face names
  NAME.tokens.json     texts and their ids (llama and qwen2 only); the vocabulary is a
                       byte-level BPE of 96 tokens without most bytes: those are left out
"""
import json
import math
from importlib.metadata import version

import gguf
import numpy as np
import torch
from gguf import GGMLQuantizationType as Type
from safetensors.torch import load_file
from tokenizers import AddedToken, Regex, Tokenizer, models, pre_tokenizers, trainers
from transformers import AutoConfig, AutoModelForCausalLM

from reference import GOLDEN, deterministic, write

SEED = 20240608
SCRIPT = "scripts/golden/make_gguf.py"
FOLDER = GOLDEN / "gguf"
# Type to (byte offsets of half-precision scales in a block, values in a block).
HALVES = {Type.Q4_0: [0], Type.Q4_1: [0, 2], Type.Q5_0: [0], Type.Q5_1: [0, 2], Type.Q8_0: [0],
          Type.Q4_K: [0, 2], Type.Q5_K: [0, 2], Type.Q6_K: [208]}
PLAIN = {Type.F32: np.float32, Type.F16: np.float16, Type.BF16: np.uint16}
SPECIAL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
TEXT = """the cat sat on the mat and the rat ran at the cat. in the end there are 12 hens
in the den, and the men send them tea at ten. "is this it?" she said; it's not, isn't
it: 3 + 40 = 43! (he won't read the other letter.) they lend their red sheets to the
other teachers and rest near the trees."""
SAMPLES = ["the cat", "The cat", " the  rat sat.", "12 hens", "in 1234  43 and   5", "it's isn't",
           "<|im_start|>the end<|im_end|>\n", "tea\n\n  at ten\n", "", " ", "\n",
           "Gr\u00fc\u00dfe the cat",
           "(3+40)=43!", "<|im_end|><|endoftext|>rest", "other others another"]
QWEN2_SPLIT = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}"
               r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+")


def random_bytes(kind, generator):
    """Two rows of valid data: any bits, but every float in it finite."""
    block, size = gguf.GGML_QUANT_SIZES[kind]
    blocks = 4 if block == 256 else 8 if block > 1 else 256
    data = generator.integers(0, 256, (blocks, size), dtype=np.uint8)
    if kind in PLAIN:
        exponent = {Type.F32: 0x7F80, Type.F16: 0x7C00, Type.BF16: 0x7F80}[kind]
        high = data[:, -2:].copy().view(np.uint16)[:, 0]
        bad = (high & exponent) == exponent
        data[bad, -1] &= 0x80  # an exponent near zero instead of infinity or NaN
    for offset in HALVES.get(kind, []):
        halves = data[:, offset:offset + 2].copy().view(np.uint16)[:, 0]
        halves[(halves & 0x7C00) == 0x7C00] &= 0x83FF
        halves[0] = 0x8001  # the smallest negative subnormal number
        data[:, offset:offset + 2] = halves[:, None].view(np.uint8)
    return data.reshape(2, -1)


def make_blocks():
    for number, kind in enumerate([*PLAIN, *HALVES]):
        data = random_bytes(kind, np.random.default_rng(SEED + number))
        values = gguf.quants.dequantize(data.view(np.float16) if kind == Type.F16 else
                                        data.view(np.float32) if kind == Type.F32 else data, kind)
        values = np.ascontiguousarray(values, dtype=np.float32)
        assert np.isfinite(values).all() and np.unique(values).size > 16, kind
        write(FOLDER / f"{kind.name}.safetensors",
              {"bytes": torch.from_numpy(data), "values": torch.from_numpy(values)}, SCRIPT,
              seed=SEED + number, gguf=version("gguf"))
        print(kind.name, data.shape, values.shape)


def make_encoded():
    generator = np.random.default_rng(SEED)
    values = generator.standard_normal((8, 64)).astype(np.float32)
    values[1] *= np.float32(2.0) ** generator.integers(-30, 17, 64).astype(np.float32)
    values[2] = np.arange(64, dtype=np.float32) / 2 - 16     # halves: ties of Q8_0
    values[2, 0] = values[2, 32] = 127
    values[3] = 1 + np.arange(64, dtype=np.float32) / 2 ** 12  # ties of F16
    values[4] = 1 + np.arange(64, dtype=np.float32) / 2 ** 9   # ties of BF16
    values[5] = 0
    values[6] = np.arange(-32, 32, dtype=np.float32) * np.float32(2 ** -26)  # F16's smallest
    out = {"values": torch.from_numpy(values)}
    for kind in [Type.F16, Type.BF16, Type.Q8_0]:
        data = gguf.quants.quantize(values, kind)
        out[kind.name] = torch.from_numpy(np.ascontiguousarray(data).view(np.uint8).copy())
    write(FOLDER / "encoded.safetensors", out, SCRIPT, seed=SEED, gguf=version("gguf"))


def permute(weight, heads):
    """llama.cpp's order of q and k rows: the two halves of each head interleaved."""
    half = weight.shape[0] // heads // 2
    return weight.reshape(heads, 2, half, -1).swapaxes(1, 2).reshape(weight.shape)


def unpermute(weight, heads):
    half = weight.shape[0] // heads // 2
    return weight.reshape(heads, half, 2, -1).swapaxes(1, 2).reshape(weight.shape)


def split_for(pre):
    if pre == "qwen2":
        return pre_tokenizers.Sequence([
            pre_tokenizers.Split(Regex(QWEN2_SPLIT), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
    digits = [pre_tokenizers.Digits(individual_digits=True)] if pre == "smollm" else []
    return pre_tokenizers.Sequence(digits + [pre_tokenizers.ByteLevel(add_prefix_space=False)])


def tiny_tokenizer(pre):
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = split_for(pre)
    tokenizer.train_from_iterator([TEXT], trainers.BpeTrainer(
        vocab_size=96, show_progress=False,
        special_tokens=[AddedToken(t, special=True, normalized=False) for t in SPECIAL]))
    assert tokenizer.get_vocab_size() == 96
    return tokenizer


def architecture(config):
    return config.model_type.removesuffix("_text")


def gguf_name(name, config):
    arch = next(k for k, v in gguf.MODEL_ARCH_NAMES.items() if v == architecture(config))
    tensors = gguf.get_tensor_name_map(arch, 8)
    stem, suffix = name.rsplit(".", 1)
    return tensors.get_name(stem) + "." + suffix


def heads_of(name, config):
    if config.model_type not in ("llama", "smollm3"):
        return None
    return {"q_proj": config.num_attention_heads,
            "k_proj": config.num_key_value_heads}.get(name.split(".")[-2])


def rope_freqs(config):
    """Divisors of the rotation frequencies for llama3 scaling, as llama.cpp's converter writes."""
    rope = config.rope_parameters
    low, high, factor = rope["low_freq_factor"], rope["high_freq_factor"], rope["factor"]
    old = rope["original_max_position_embeddings"]
    out = []
    for index in range(0, config.head_dim, 2):
        turns = old / (2 * math.pi * rope["rope_theta"] ** (index / config.head_dim))
        smooth = min(1.0, max(0.0, (turns - low) / (high - low)))
        out.append(1 / ((1 - smooth) / factor + smooth))
    return np.array(out, dtype=np.float32)


def changed(values, name, config):
    """What llama.cpp's converter makes of a weight."""
    heads = heads_of(name, config)
    if heads:
        return permute(values, heads)
    return values + 1 if config.model_type.startswith("gemma") and "norm" in name else values


def unchanged(values, name, config):
    heads = heads_of(name, config)
    if heads:
        return unpermute(values, heads).copy()
    return values - 1 if config.model_type.startswith("gemma") and "norm" in name else values


def add_family(writer, config):
    """Keys that only some architectures have."""
    if config.model_type == "phi3":
        rope = config.rope_parameters
        old = rope["original_max_position_embeddings"]
        writer.add_rope_freq_base(rope["rope_theta"])
        writer.add_rope_dimension_count(int(rope["partial_rotary_factor"] * 8))
        writer.add_rope_scaling_orig_ctx_len(old)
        writer.add_rope_scaling_attn_factors(
            math.sqrt(1 + math.log(config.max_position_embeddings / old) / math.log(old)))
        writer.add_tensor("rope_factors_long.weight", np.array(rope["long_factor"], np.float32))
        writer.add_tensor("rope_factors_short.weight", np.array(rope["short_factor"], np.float32))
        writer.add_sliding_window(config.sliding_window)
    elif config.model_type.startswith("gemma"):
        writer.add_key_length(config.head_dim)
        writer.add_value_length(config.head_dim)
        writer.add_sliding_window(config.sliding_window)
    if config.model_type == "gemma2":
        writer.add_rope_freq_base(config.rope_parameters["rope_theta"])
        writer.add_attn_logit_softcapping(config.attn_logit_softcapping)
        writer.add_final_logit_softcapping(config.final_logit_softcapping)
    if config.model_type == "gemma3_text":
        rope = config.rope_parameters["full_attention"]
        writer.add_rope_freq_base(rope["rope_theta"])
        writer.add_rope_scaling_type(gguf.RopeScalingType.LINEAR)
        writer.add_rope_scaling_factor(rope["factor"])
        writer.add_rope_freq_base_swa(config.rope_parameters["sliding_attention"]["rope_theta"])
        writer.add_sliding_window_pattern(3)
    if config.model_type in ("llama", "qwen2", "qwen3", "smollm3"):
        writer.add_rope_freq_base(config.rope_parameters["rope_theta"])
    if config.model_type == "qwen3":
        writer.add_key_length(config.head_dim)
        writer.add_value_length(config.head_dim)


def add_metadata(writer, config, name, tokenizer, pre):
    writer.add_type("model")
    writer.add_name(name)
    writer.add_block_count(config.num_hidden_layers)
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    add_family(writer, config)
    writer.add_file_type(gguf.LlamaFileType.MOSTLY_Q8_0)
    writer.add_quantization_version(2)
    if config.model_type == "llama":
        writer.add_vocab_size(config.vocab_size)
        writer.add_rope_dimension_count(config.hidden_size // config.num_attention_heads)
    model = json.loads(tokenizer.to_str())["model"]
    tokens = sorted(model["vocab"], key=model["vocab"].get)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre(pre)
    writer.add_token_list(tokens)
    writer.add_token_types([gguf.TokenType.CONTROL if t in SPECIAL else gguf.TokenType.NORMAL
                            for t in tokens])
    writer.add_token_merges([m if isinstance(m, str) else " ".join(m) for m in model["merges"]])
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_add_bos_token(False)


def make_model(source, name, pre, kinds, tokens=False, **changes):
    """kinds: the last part of a weight's name to its type; F32 for all others. changes: of the
    configuration, for what a file cannot say."""
    folder = GOLDEN / "models" / source
    config = AutoConfig.from_pretrained(folder, **changes)
    weights = load_file(folder / "model.safetensors")
    tokenizer = tiny_tokenizer(pre)
    path = FOLDER / f"{name}.gguf"
    writer = gguf.GGUFWriter(path, architecture(config))
    add_metadata(writer, config, name, tokenizer, pre)
    if config.rope_parameters.get("rope_type") == "llama3":
        writer.add_tensor("rope_freqs.weight", rope_freqs(config))
    stored = {}
    for key, tensor in weights.items():
        values = changed(tensor.numpy(), key, config)
        kind = kinds.get(key.split(".")[-2], Type.F32) if tensor.dim() == 2 else Type.F32
        data = gguf.quants.quantize(values, kind)
        writer.add_tensor(gguf_name(key, config), data, raw_dtype=kind)
        back = np.array(gguf.quants.dequantize(data, kind), dtype=np.float32)
        stored[key] = torch.from_numpy(unchanged(back, key, config))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    expect(folder, name, stored, config)
    if not tokens:  # the same tokenizer as tiny-llama
        return
    rows = [{"text": text, "ids": tokenizer.encode(text).ids} for text in SAMPLES]
    (FOLDER / f"{name}.tokens.json").write_text(
        json.dumps(rows, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def expect(folder, name, stored, config):
    model = AutoModelForCausalLM.from_pretrained(
        folder, config=config, dtype=torch.float32, attn_implementation="eager").eval()
    if config.tie_word_embeddings:
        stored["lm_head.weight"] = stored["model.embed_tokens.weight"]
    model.load_state_dict(stored, strict=True)
    golden = load_file(folder / "expected.safetensors")
    out = {f"tensor.{key}": value for key, value in stored.items() if ".layers.0." in key}
    for index in range(3):
        ids = golden[f"ids_{index}"]
        with torch.no_grad():
            out |= {f"ids_{index}": ids, f"logits_{index}": model(input_ids=ids[None]).logits[0]}
    write(FOLDER / f"{name}.expected.safetensors", out, SCRIPT, gguf=version("gguf"))
    drift = (out["logits_1"] - golden["logits_1"]).abs().max()
    print(f"{name}: quantisation changes the logits by at most {drift:.3f}")
    if config.rope_parameters.get("rope_type") == "llama3":
        rotary, size = model.model.rotary_emb.inv_freq, config.head_dim
        plain = config.rope_parameters["rope_theta"] ** (-torch.arange(0, size, 2) / size)
        assert torch.allclose(plain / rotary, torch.from_numpy(rope_freqs(config)), rtol=1e-5)
    if config.model_type == "llama" and config.rope_parameters["rope_type"] != "default":
        return  # transformers ignores rope_freqs.weight
    if config.model_type in ("llama", "qwen2"):  # of the others it ignores too much
        other = AutoModelForCausalLM.from_pretrained(
            FOLDER, gguf_file=f"{name}.gguf", dtype=torch.float32, attn_implementation="eager")
        with torch.no_grad():
            logits = other.eval()(input_ids=out["ids_1"][None]).logits[0]
        assert torch.allclose(logits, out["logits_1"], rtol=1e-5, atol=1e-5), name


def main():
    deterministic()
    FOLDER.mkdir(parents=True, exist_ok=True)
    make_blocks()
    make_encoded()
    make_model("llama", "tiny-llama", "smollm", dict(
        embed_tokens=Type.Q8_0, lm_head=Type.F16, q_proj=Type.Q8_0, k_proj=Type.F16,
        o_proj=Type.F16, gate_proj=Type.Q8_0, up_proj=Type.F16, down_proj=Type.Q8_0), tokens=True)
    linears = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
    make_model("llama3-rope", "tiny-llama3", "smollm",
               dict.fromkeys(linears + ["embed_tokens", "lm_head"], Type.F16))
    make_model("qwen2", "tiny-qwen2", "qwen2", dict(
        embed_tokens=Type.Q5_1, lm_head=Type.Q8_0, q_proj=Type.Q4_0, k_proj=Type.Q4_1,
        v_proj=Type.Q5_0, o_proj=Type.BF16, gate_proj=Type.Q5_1, up_proj=Type.Q4_1,
        down_proj=Type.Q5_0), tokens=True)
    few = dict.fromkeys(linears + ["qkv_proj", "gate_up_proj"], Type.Q8_0) | dict(embed_tokens=Type.F16)
    make_model("qwen3", "tiny-qwen3", "smollm", few)
    make_model("smollm3", "tiny-smollm3", "smollm", few, no_rope_layers=[1, 1, 1, 0])
    make_model("phi3-longrope", "tiny-phi3", "smollm", few)
    make_model("gemma2", "tiny-gemma2", "smollm", few, query_pre_attn_scalar=16)
    make_model("gemma3", "tiny-gemma3", "smollm", few, query_pre_attn_scalar=16)


if __name__ == "__main__":
    main()
