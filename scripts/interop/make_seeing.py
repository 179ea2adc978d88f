"""Writes small random models that see images, and rows with images, for run.sh.

usage: make_seeing.py DIR
DIR/llava, DIR/siglip and DIR/smolvlm are models with tokenizer and processor, DIR/data two tasks of rows with images and
without, DIR/NAME.yaml a recipe for each model: LoRA in tower, connector and decoder.
"""
import json
import sys
from pathlib import Path

import torch
from PIL import Image, ImageDraw
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
from transformers import (CLIPVisionConfig, LlamaConfig, LlavaConfig, LlavaForConditionalGeneration,
                          PreTrainedTokenizerFast, SiglipVisionConfig, SmolVLMConfig, SmolVLMForConditionalGeneration)
from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil
from transformers.models.llava.processing_llava import LlavaProcessor
from transformers.models.smolvlm.image_processing_pil_smolvlm import SmolVLMImageProcessorPil

SPECIAL = ["<s>", "</s>", "<image>", "<fake_token_around_image>", "<global-img>", "<end_of_utterance>"] + [
    f"<row_{row}_col_{column}>" for row in range(1, 4) for column in range(1, 4)]
LINE_END = "\u010a"  # a line end, as byte-level tokenizers write it
# Images first, as LLaVA's template has them, and where they stand, as SmolVLM's has them.
LLAVA = """{% for m in messages %}{{ m.role | upper }}: {% for part in m.content if part.type == 'image' %}<image>
{% endfor %}{% for part in m.content if part.type == 'text' %}{{ part.text }} {% endfor %}{% endfor -%}
{% if add_generation_prompt %}ASSISTANT:{% endif %}"""
SMOLVLM = """<s>{% for m in messages %}{{ m.role | capitalize }}:{% if m.content[0].type == 'text' %} {% endif -%}
{% for part in m.content %}{{ '<image>' if part.type == 'image' else part.text }}{% endfor %}<end_of_utterance>
{% endfor %}{% if add_generation_prompt %}Assistant:{% endif %}"""
TOWER = dict(hidden_size=48, intermediate_size=80, num_hidden_layers=3, num_attention_heads=4)
QUESTIONS = ["What colour is it?", "How wide is it?", "Is it round?"]
COLOURS = {"red": (220, 30, 20), "green": (20, 180, 60), "blue": (30, 60, 230)}


def tokenizer(eos, template):
    """Bytes, two line ends in one, since llama.cpp looks for that of SmolVLM, and special tokens."""
    letters = {letter: i for i, letter in enumerate(sorted(pre_tokenizers.ByteLevel.alphabet()))}
    letters[2 * LINE_END] = len(letters)
    made = Tokenizer(models.BPE(letters, [(LINE_END, LINE_END)]))
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    made.add_special_tokens([AddedToken(text, special=True, normalized=False) for text in SPECIAL])
    return PreTrainedTokenizerFast(tokenizer_object=made, bos_token="<s>", eos_token=eos, pad_token="</s>",
                                   chat_template=template)


def randomised(model, seed):
    """Weights so large that the image matters."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            noise = torch.randn(parameter.shape, generator=generator)
            parameter.copy_(1 + 0.2 * noise if "norm" in name and name.endswith("weight") else 0.15 * noise)
    return model


def text_config(tokens):
    return LlamaConfig(vocab_size=len(tokens), hidden_size=64, intermediate_size=96, num_hidden_layers=3,
                       num_attention_heads=4, num_key_value_heads=2, max_position_embeddings=512,
                       bos_token_id=tokens.bos_token_id, eos_token_id=tokens.eos_token_id,
                       pad_token_id=tokens.pad_token_id)


def llava(folder, tower=CLIPVisionConfig, select="default", extra=1):
    tokens = tokenizer("</s>", LLAVA)
    model = LlavaForConditionalGeneration(LlavaConfig(
        vision_config=tower(**TOWER, image_size=32, patch_size=8), text_config=text_config(tokens),
        image_token_index=tokens.convert_tokens_to_ids("<image>"), image_seq_length=16,
        vision_feature_select_strategy=select))
    randomised(model, 1).save_pretrained(folder)
    processor = CLIPImageProcessorPil(size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32})
    LlavaProcessor(processor, tokens, patch_size=8, vision_feature_select_strategy=select,
                   num_additional_image_tokens=extra, chat_template=LLAVA).save_pretrained(folder)


def siglip(folder):
    """LLaVA with the tower of SigLIP, which has no class token."""
    llava(folder, SiglipVisionConfig, "full", 0)


def smolvlm(folder):
    tokens = tokenizer("<end_of_utterance>", SMOLVLM)
    model = SmolVLMForConditionalGeneration(SmolVLMConfig(
        vision_config=dict(TOWER, image_size=32, patch_size=8), text_config=text_config(tokens).to_dict(),
        image_token_id=tokens.convert_tokens_to_ids("<image>"), scale_factor=2, pad_token_id=tokens.pad_token_id))
    randomised(model, 2).save_pretrained(folder)
    tokens.save_pretrained(folder)
    # SmolVLMProcessor itself wants a processor of videos, which wants torchvision.
    SmolVLMImageProcessorPil(size={"longest_edge": 64}, max_image_size={"longest_edge": 32}).save_pretrained(folder)
    (folder / "processor_config.json").write_text(json.dumps(
        {"processor_class": "SmolVLMProcessor", "image_seq_len": 4}))


def picture(index):
    """One of a few sizes and colours."""
    name = list(COLOURS)[index % 3]
    image = Image.new("RGB", (40 + 7 * (index % 5), 36 + 11 * (index % 4)), (250, 245, 230))
    box = [4 + index % 6, 5, 24 + index % 9, 28]
    draw = ImageDraw.Draw(image)
    (draw.ellipse if index % 2 else draw.rectangle)(box, fill=COLOURS[name])
    return image, [name, str(box[2] - box[0]), "yes" if index % 2 else "no"]


def rows(folder, task):
    (folder / task).mkdir(parents=True)
    for split, first, count in [("train", 0, 12), ("test", 100, 6)]:
        lines = []
        for index in range(first, first + count):
            image, answers = picture(index + len(task))
            image.save(folder / task / f"{index}.png")
            kind = index % 3
            row = {"prompt": "<image>\n" + QUESTIONS[kind], "completion": answers[kind], "images": [f"{index}.png"]}
            if index == first + 1:
                row = {"prompt": "Say nothing of images.", "completion": "nothing"}
            if index == first + 2:
                row = {"prompt": "<image><image>Alike?", "completion": "no", "images": [f"{first}.png", f"{index}.png"]}
            lines.append(json.dumps(row))
        (folder / task / f"{split}.jsonl").write_text("\n".join(lines) + "\n")


def main():
    folder = Path(sys.argv[1])
    for make in [llava, siglip, smolvlm]:
        make(folder / make.__name__)
        (folder / f"{make.__name__}.yaml").write_text(json.dumps({
            "model": str(folder / make.__name__), "data": str(folder / "data"), "device": "cpu",
            "tasks": [{"name": "one"}, {"name": "other"}], "lora": {"r": 4},
            "images": {"freeze_vision_tower": False, "freeze_multi_modal_projector": False, "cache": "off"},
            "hasi": {"preview_rows": 6},
            "train": {"max_steps": 6, "batch_size": 4, "learning_rate": 5e-3, "max_length": 400},
            "eval": {"max_new_tokens": 6}, "merge": {"dtype": "float32", "probe_rows": 6}}))
    rows(folder / "data", "one")
    rows(folder / "data", "other")


if __name__ == "__main__":
    main()
