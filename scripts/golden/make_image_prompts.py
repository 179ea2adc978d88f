"""Conversations with images, as ids, by the processors of transformers.

    python scripts/golden/make_image_prompts.py

Writes src/test/resources/golden/images/prompts.json: for LLaVA (a tokenizer like Llama's, whose texts begin with
a blank) and for Idefics3 and SmolVLM (one like GPT-2's) the files of a small processor and, by case, the
messages, the sizes of their images and the ids. Templates are those of make_templates.py.
"""

import json
import pathlib
import tempfile

from PIL import Image
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import CLIPImageProcessorPil, Idefics3ImageProcessorPil, Idefics3Processor, LlavaProcessor
from transformers import PreTrainedTokenizerFast

from make_templates import CHAT

OUT = pathlib.Path(__file__).resolve().parents[2] / "src/test/resources/golden/images/prompts.json"
TEXT = ["USER: What is this? ASSISTANT: A cat and a dog, what else. Be brief.\nUser: Why? Assistant: So. System"] * 4


def text(words):
    return {"type": "text", "text": words}


IMAGE = {"type": "image"}
CASES = [
    ([("user", [IMAGE, text("What is this?")]), ("assistant", [text("A cat.")])], [(30, 20)]),
    ([("system", [text("Be brief.")]), ("user", [text("A "), IMAGE, text(" and "), IMAGE, text("?")]),
      ("assistant", [text("So.")]), ("user", [text("Why?")]), ("assistant", [text("What else?")])], [(8, 60), (50, 50)]),
    ([("user", [text("What?")]), ("assistant", [text("A dog.")])], []),
]


def llama_like():
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>", byte_fallback=True, fuse_unk=True))
    tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    tokenizer.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(),
                                           decoders.Strip(" ", 1, 0)])
    trainer = trainers.BpeTrainer(vocab_size=400, special_tokens=["<unk>", "<s>", "</s>"] + [
        f"<0x{i:02X}>" for i in range(256)])
    tokenizer.pre_tokenizer = pre_tokenizers.Split("▁", "merged_with_next")  # as SentencePiece learns merges
    tokenizer.train_from_iterator(TEXT, trainer)
    tokenizer.pre_tokenizer = None
    tokenizer.post_processor = processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 1)])
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, bos_token="<s>", eos_token="</s>", unk_token="<unk>",
                                   extra_special_tokens={"image_token": "<image>"})


def gpt_like():
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tags = [f"<row_{r}_col_{c}>" for r in range(1, 7) for c in range(1, 7)]
    trainer = trainers.BpeTrainer(vocab_size=380, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), special_tokens=[
        "<|im_start|>", "<end_of_utterance>", "<fake_token_around_image>", "<global-img>", "<image>"] + tags)
    tokenizer.train_from_iterator(TEXT, trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, bos_token="<|im_start|>", eos_token="<end_of_utterance>", extra_special_tokens={
            "image_token": "<image>", "fake_image_token": "<fake_token_around_image>",
            "global_image_token": "<global-img>", "end_of_utterance_token": "<end_of_utterance>"})


def write(name, processor, config):
    with tempfile.TemporaryDirectory() as folder:
        processor.save_pretrained(folder)
        files = {file.name: json.loads(file.read_text()) for file in pathlib.Path(folder).glob("*.json")}
    config["image_token_id"] = processor.tokenizer.convert_tokens_to_ids("<image>")
    files["config.json"] = config
    cases = []
    for messages, sizes in CASES:
        images = iter([Image.new("RGB", size, (200, 30, 90)) for size in sizes])
        talk = [{"role": role, "content": [
            {**part, "image": next(images)} if part["type"] == "image" else part for part in parts]}
            for role, parts in messages]
        ids = processor.apply_chat_template(talk, tokenize=True, return_dict=True)["input_ids"]
        cases.append({"messages": [{"role": role, "content": parts} for role, parts in messages],
                      "sizes": sizes, "ids": ids[0] if isinstance(ids[0], list) else ids})
    return {"name": name, "template": processor.chat_template, "files": files, "cases": cases}


def main():
    llava = LlavaProcessor(
        CLIPImageProcessorPil(size={"shortest_edge": 8}, crop_size={"height": 8, "width": 8}), llama_like(), patch_size=4,
        vision_feature_select_strategy="default", num_additional_image_tokens=1, chat_template=CHAT["llava"])
    idefics = Idefics3Processor(
        Idefics3ImageProcessorPil(size={"longest_edge": 32}, max_image_size={"longest_edge": 16}), gpt_like(),
        image_seq_len=4, chat_template=CHAT["smolvlm"])
    made = [
        write("llava", llava, {"model_type": "llava", "vision_feature_select_strategy": "default", "vision_config": {
            "model_type": "clip_vision_model", "image_size": 8, "patch_size": 4}}),
        write("idefics3", idefics, {"model_type": "idefics3", "scale_factor": 2, "vision_config": {
            "model_type": "idefics3_vision", "image_size": 16, "patch_size": 4}})]
    OUT.write_text(json.dumps(made, ensure_ascii=False) + "\n", encoding="utf-8")
    print([(one["name"], [len(case["ids"]) for case in one["cases"]]) for one in made])


if __name__ == "__main__":
    main()
