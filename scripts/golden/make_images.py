"""Images that this script draws, and what Pillow and transformers make of them.

    python scripts/golden/make_images.py

writes src/test/resources/golden/images/: files/ has the images; images.safetensors "decoded/FILE" (height,
width, 3) as transformers' load_image has it, "resized/FILTER/WxH" of the image "source", "PROCESSOR/FILE" the
pixel values (tiles, 3, size, size); cases.json the processors' fields, with SHA-256 of the pixel values, most of
which are too large to keep, and the ids of texts with images; tokenizer_*.json the tokenizers of these.

Image processors are those of Pillow (transformers' ...ImageProcessorPil).
"""

import hashlib
import io
import json
import struct
import zlib

import numpy as np
import torch
from PIL import Image, ImageDraw
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast
from transformers.image_utils import load_image
from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil
from transformers.models.idefics3.image_processing_pil_idefics3 import Idefics3ImageProcessorPil
from transformers.models.idefics3.processing_idefics3 import Idefics3Processor
from transformers.models.llava.image_processing_pil_llava import LlavaImageProcessorPil
from transformers.models.llava.processing_llava import LlavaProcessor
from transformers.models.siglip.image_processing_pil_siglip import SiglipImageProcessorPil
from transformers.models.smolvlm.image_processing_pil_smolvlm import SmolVLMImageProcessorPil
from transformers.models.smolvlm.processing_smolvlm import get_image_prompt_string

import reference

OUT = reference.GOLDEN / "images"
FILES = OUT / "files"
FILTERS = ["nearest", "lanczos", "bilinear", "bicubic", "box", "hamming"]


def drawing(width, height, channels=3):
    """A gradient with noise under sharp shapes: both what filters blur and what they ring at."""
    rng = np.random.default_rng(width * 1000 + height)
    y, x = np.mgrid[0:height, 0:width]
    planes = [(x * (3 + c) + y * (7 - c)) % 256 for c in range(channels)]
    image = np.stack(planes, axis=-1) // 2 + rng.integers(0, 64, (height, width, channels))
    image = Image.fromarray(image.astype(np.uint8), {1: None, 3: "RGB", 4: "RGBA"}[channels]) if channels > 1 else \
        Image.fromarray(image[:, :, 0].astype(np.uint8))
    pen = ImageDraw.Draw(image)
    red, blue = ((255, 0, 0, 128)[:channels], (0, 30, 255, 255)[:channels]) if channels > 1 else (255, 0)
    pen.rectangle([width // 5, height // 5, width // 2, height // 2], fill=red)
    pen.ellipse([width // 2, height // 3, width - 2, height - 2], outline=blue)
    return image


def smooth(width, height):
    """What JPEG and WebP keep well."""
    y, x = np.mgrid[0:height, 0:width]
    planes = [128 + 100 * np.sin(x / 9 + c) * np.cos(y / 7 - c) for c in range(3)]
    return Image.fromarray(np.stack(planes, axis=-1).astype(np.uint8), "RGB")


def png16(image):
    """A PNG of 16 bits a value, which Pillow cannot write."""
    high = np.asarray(image).astype(np.uint16) * 256 + 77
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in high)

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", image.width, image.height, 16, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def save(name, image, **options):
    FILES.mkdir(parents=True, exist_ok=True)
    image.save(FILES / name, **options)


def exif(orientation):
    tags = Image.Exif()
    tags[0x0112] = orientation
    return tags


def draw_files():
    save("rgb.png", drawing(23, 31))
    save("alpha.png", drawing(37, 19, 4))
    save("grey.png", drawing(17, 9, 1))
    save("grey_alpha.png", drawing(17, 9, 1).convert("LA"))
    save("one_bit.png", drawing(19, 11, 1).convert("1"))
    save("palette.png", drawing(21, 13).quantize(11), transparency=3)
    save("palette256.png", drawing(21, 13).quantize(200))
    deep = np.array([[0, 1, 255, 256, 300, 4660, 65535], [7, 90, 99, 32768, 254, 128, 2]], np.uint16)
    save("grey16.png", Image.fromarray(deep))
    (FILES / "rgb16.png").write_bytes(png16(drawing(13, 7)))
    save("turned.png", drawing(11, 7), exif=exif(6))
    for number in range(1, 9):
        save(f"orientation{number}.jpg", smooth(29, 17), quality=90, exif=exif(number))
    xmp = b'<x:xmpmeta><rdf:Description tiff:Orientation="8"/></x:xmpmeta>'
    save("xmp.jpg", smooth(29, 17), quality=90, xmp=xmp)
    save("xmp_exif.jpg", smooth(29, 17), quality=90, xmp=xmp, exif=exif(1))
    for name, subsampling in [("444", 0), ("422", 1), ("420", 2)]:
        save(f"colour{name}.jpg", smooth(45, 31), quality=85, subsampling=subsampling)
    save("progressive.jpg", smooth(45, 31), quality=85, progressive=True)
    save("noise.jpg", drawing(45, 31), quality=60)
    save("grey.jpg", smooth(25, 27).convert("L"), quality=85)
    save("cmyk.jpg", smooth(25, 27).convert("CMYK"), quality=85)
    save("rgb.jpg", smooth(25, 27), quality=85, keep_rgb=True)
    # The same file, its values said to be YCCK.
    cmyk = bytearray((FILES / "cmyk.jpg").read_bytes())
    cmyk[cmyk.index(b"Adobe") + 11] = 2
    (FILES / "ycck.jpg").write_bytes(cmyk)
    save("lossy.webp", smooth(45, 31), quality=80)
    save("noise.webp", drawing(45, 31), quality=60)
    save("lossless.webp", drawing(23, 31), lossless=True)
    save("alpha.webp", drawing(37, 19, 4), lossless=True, exact=True)
    save("alpha_lossy.webp", smooth(37, 19).convert("RGBA"), quality=80)
    save("turned.webp", drawing(11, 7), lossless=True, exif=exif(8))
    frames = [drawing(21, 13).quantize(16), drawing(13, 21).quantize(16).resize((21, 13))]
    save("moving.gif", frames[0], save_all=True, append_images=frames[1:], duration=100)
    save("transparent.gif", frames[0], transparency=2)
    # A frame smaller than the screen: its place and size are in the image descriptor.
    small = io.BytesIO()
    frames[0].save(small, "GIF")
    gif = bytearray(small.getvalue())
    gif[6:10] = struct.pack("<HH", 30, 20)
    at = gif.index(struct.pack("<BHHHH", 0x2c, 0, 0, 21, 13))
    gif[at + 1:at + 5] = struct.pack("<HH", 4, 5)
    (FILES / "frame.gif").write_bytes(gif)
    save("rgb.bmp", drawing(13, 7))
    save("palette.bmp", drawing(13, 7).quantize(16))
    save("alpha.bmp", drawing(13, 7, 4))
    save("large.png", smooth(80, 60).resize((400, 300), Image.Resampling.NEAREST), compress_level=9)
    save("long.png", drawing(61, 9))
    save("high.jpg", smooth(33, 70), quality=90, exif=exif(1))


CLIP_SMALL = {"image_processor_type": "CLIPImageProcessor", "size": {"shortest_edge": 12},
              "crop_size": {"height": 12, "width": 12}}
TILES = {"size": {"longest_edge": 36}, "max_image_size": {"longest_edge": 12}}
PROCESSORS = {
    "clip": CLIP_SMALL,
    "clip_old": {"feature_extractor_type": "CLIPFeatureExtractor", "size": 10, "crop_size": 13, "resample": 2,
                 "image_mean": [0.1, 0.2, 0.3], "image_std": [1, 2, 0.5], "do_convert_rgb": False},
    "clip_crop": {**CLIP_SMALL, "do_resize": False, "do_normalize": False, "crop_size": 20},
    "clip_plain": {**CLIP_SMALL, "do_rescale": False, "do_normalize": False, "size": {"height": 9, "width": 14}},
    "clip_edges": {**CLIP_SMALL, "size": {"shortest_edge": 14, "longest_edge": 20}, "crop_size": 15},
    "clip_within": {**CLIP_SMALL, "size": {"max_height": 14, "max_width": 20}, "rescale_factor": 0.01},
    "llava": {**CLIP_SMALL, "image_processor_type": "LlavaImageProcessor"},
    "llava_square": {**CLIP_SMALL, "image_processor_type": "LlavaImageProcessor", "do_pad": True},
    "siglip": {"image_processor_type": "SiglipImageProcessorFast", "size": {"height": 12, "width": 12}, "resample": 3},
    "idefics3": {"image_processor_type": "Idefics3ImageProcessor", **TILES},
    "idefics3_whole": {"image_processor_type": "Idefics3ImageProcessor", **TILES, "do_image_splitting": False},
    "smolvlm": {"image_processor_type": "SmolVLMImageProcessor", "size": {"longest_edge": 20}, "resample": 1,
                "max_image_size": {"longest_edge": 10}, "do_pad": True},
    "smolvlm_fixed": {"image_processor_type": "SmolVLMImageProcessor", "size": {"height": 9, "width": 25},
                      "max_image_size": {"longest_edge": 12}},
    "smolvlm_unsized": {"image_processor_type": "SmolVLMImageProcessor", "do_resize": False,
                        "max_image_size": {"longest_edge": 20}},
}
DEFAULTS = {
    "clip_default": {"image_processor_type": "CLIPImageProcessor"},
    "llava15": {"image_processor_type": "CLIPImageProcessor", "size": {"shortest_edge": 336}, "crop_size": 336},
    "siglip_default": {"image_processor_type": "SiglipImageProcessor"},
    "idefics3_default": {"image_processor_type": "Idefics3ImageProcessor"},
    "smolvlm_256": {"image_processor_type": "SmolVLMImageProcessor", "size": {"longest_edge": 2048},
                    "max_image_size": {"longest_edge": 512}},
}
CLASSES = {"CLIP": CLIPImageProcessorPil, "Llava": LlavaImageProcessorPil, "Siglip": SiglipImageProcessorPil,
           "Idefics3": Idefics3ImageProcessorPil, "SmolVLM": SmolVLMImageProcessorPil}
SHOWN = ["rgb.png", "alpha.png", "long.png", "orientation6.jpg"]


def processor(fields):
    kind = fields.get("image_processor_type", fields.get("feature_extractor_type"))
    name = next(name for name in CLASSES if kind.startswith(name))
    fields = {key: value for key, value in fields.items() if not key.endswith("_type")}
    return CLASSES[name](**fields)


def pixels(processor, name):
    """Pixel values (tiles, 3, size, size), rows and columns of tiles."""
    more = {"return_row_col_info": True} if hasattr(processor, "max_image_size") else {}
    made = processor(str(FILES / name), **more)
    values = np.asarray(made["pixel_values"])
    values = values.reshape(-1, *values.shape[-3:]).astype(np.float32)
    return values, (made["rows"][0][0], made["cols"][0][0]) if more else (0, 0)


def process(tensors):
    cases = []
    for name, fields in {**PROCESSORS, **DEFAULTS}.items():
        made = processor(fields)
        images = []
        for file in SHOWN if name in PROCESSORS else ["large.png", "high.jpg"]:
            values, (rows, columns) = pixels(made, file)
            images.append({"file": file, "rows": rows, "columns": columns,
                           "sha256": hashlib.sha256(values.tobytes()).hexdigest()})
            if name in PROCESSORS and file == "alpha.png":
                tensors[f"{name}/{file}"] = torch.from_numpy(values)
        cases.append({"name": name, "fields": fields, "images": images})
    return cases


def tokenizer(tags):
    """Bytes, with one merge of two newlines, and the tokens of images; the tags of tiles are tokens or plain text."""
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {letter: index for index, letter in enumerate(letters)}
    newline = pre_tokenizers.ByteLevel(add_prefix_space=False).pre_tokenize_str("\n")[0][0]
    vocabulary[newline * 2] = len(vocabulary)
    made = Tokenizer(models.BPE(vocabulary, [(newline, newline)]))
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    special = ["<image>", "<fake_token_around_image>", "<end_of_utterance>"]
    if tags:
        special += ["<global-img>"] + [f"<row_{row}_col_{column}>" for row in (1, 2, 3) for column in (1, 2, 3)]
    made.add_special_tokens([AddedToken(text, normalized=False, special=True) for text in special])
    return made


TEXT = "Look: <image>\nWhat is it? <image>And?"


def expand():
    """The ids of a text with two images, one of which is cut where the processor cuts."""
    cases = []
    for tags in (True, False):
        fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer(tags), pad_token="<end_of_utterance>")
        image_id = fast.convert_tokens_to_ids("<image>")
        name = "tags" if tags else "texts"
        (OUT / f"tokenizer_{name}.json").write_text(tokenizer(tags).to_str())
        images = [str(FILES / "rgb.png"), str(FILES / "long.png")]

        def case(kind, fields, written, config, ids):
            cases.append({"tokenizer": name, "processor": fields, "processor_config": written,
                          "config": {"model_type": kind, "image_token_id": image_id, **config}, "text": TEXT,
                          "images": ["rgb.png", "long.png"], "ids": ids})

        for strategy, others in [("default", 1), ("full", 1), ("default", 0)]:
            written = {"patch_size": 4, "vision_feature_select_strategy": strategy, "num_additional_image_tokens": others}
            made = LlavaProcessor(processor(CLIP_SMALL), fast, **written)
            tower = {"image_size": 12, "patch_size": 4,
                     "model_type": "clip_vision_model" if others else "siglip_vision_model"}
            config = {"vision_config": tower, "vision_feature_select_strategy": strategy}
            ids = made(images=images, text=TEXT)["input_ids"][0]
            case("llava", CLIP_SMALL, written, config, ids)
            case("llava", CLIP_SMALL, {}, config, ids)
        for splits in (True, False):
            fields = {**PROCESSORS["idefics3"], "size": {"longest_edge": 24}, "do_image_splitting": splits}
            config = {"vision_config": {"image_size": 12, "patch_size": 3}, "scale_factor": 2}
            made = Idefics3Processor(processor(fields), fast, image_seq_len=4)
            ids = made(images=[images], text=TEXT)["input_ids"][0]
            case("idefics3", fields, {"image_seq_len": 4}, config, ids)
            # SmolVLMProcessor needs a processor of videos; its texts of images stand alone.
            laid = [pixels(processor(fields), file)[1] for file in ("rgb.png", "long.png")]
            parts = TEXT.split("<image>")
            text = parts[0] + "".join(
                get_image_prompt_string(rows, columns, 4, "<fake_token_around_image>", "<image>", "<global-img>") + part
                for (rows, columns), part in zip(laid, parts[1:]))
            case("smolvlm", fields, {}, config, fast(text)["input_ids"])
    return cases


def main():
    reference.deterministic()
    draw_files()
    tensors = {}
    for file in sorted(FILES.iterdir()):
        if file.name not in ("large.png",):
            tensors["decoded/" + file.name] = torch.from_numpy(np.array(load_image(str(file))))
    source = drawing(37, 91)
    tensors["source"] = torch.from_numpy(np.array(source))
    for number, name in enumerate(FILTERS):
        for width, height in [(12, 9), (20, 30), (37, 20), (12, 91), (5, 95), (41, 39)]:
            resized = source.resize((width, height), resample=number)
            tensors[f"resized/{name}/{width}x{height}"] = torch.from_numpy(np.array(resized))
    cases = {"processors": process(tensors), "texts": expand()}
    (OUT / "cases.json").write_text(json.dumps(cases) + "\n")
    reference.write(OUT / "images.safetensors", tensors, "make_images.py", pillow=Image.__version__)


if __name__ == "__main__":
    main()
