"""Conversations, their ids, and which of them are the assistant's, by transformers.

    python scripts/golden/make_masks.py
    python scripts/golden/make_masks.py --templates DIR --out DIR

The first form takes the templates below and writes src/test/resources/golden/masks/. The second
takes the chat templates of a folder that are there twice, as NAME.jinja and, with generation blocks,
as NAME_training.jinja (TRL ships such pairs), for templates that are not ours to commit; the test
MaskGoldenTest reads its output (-Dmasks=DIR).

The mask is that of apply_chat_template(return_assistant_tokens_mask=True), which needs generation
blocks. A file holds the template twice: "marked" with the blocks and "plain" without; a case whose
two texts are the same has the same mask for both. Where they differ (a template of TRL that was
changed for training) only the ids of "plain" are kept. {"name", "ends", "marked", "plain", "cases":
[{"messages", "tools", "variables", "ids", "trained", "plain_ids"}]}; "trained" are runs [start, end).
"""

import argparse
import datetime
import json
import pathlib
import re

from tokenizers import AddedToken, Tokenizer
from transformers import PreTrainedTokenizerFast
from transformers.utils import chat_template_utils

from make_templates import ASSISTANT, CALL, NOW, RESULT, TOOL, USER

ROOT = pathlib.Path(__file__).resolve().parents[2] / "src/test/resources/golden"
SPECIAL = re.compile(
    r"<\|[^|<>\s]{1,40}\|>|<｜[^｜]{1,40}｜>|</s>|<s>|<eos>|<bos>|<(?:start|end)_of_(?:turn|utterance)>"
    r"|<turn\|>|<\|turn>|\[/?INST\]|\[TOOL_CALLS\]|\[/?TOOL_RESULTS\]|\[/?AVAILABLE_TOOLS\]")
BLOCK = re.compile(r"\{%-?\s*(?:end)?generation\s*-?%\}")

SYSTEM = {"role": "system", "content": "Be brief."}
MORE = {"role": "user", "content": "Thanks 👍\nand é?"}
THOUGHT = {"role": "assistant", "reasoning_content": "hmm\nwell", "content": "Five."}

CONVERSATIONS = {
    "answered": [USER, ASSISTANT],
    "system": [SYSTEM, USER, ASSISTANT],
    "turns": [USER, ASSISTANT, MORE, {"role": "assistant", "content": " 👍 yes \n"},
              {"role": "user", "content": "5"}, {"role": "assistant", "content": "It is 5."}],
    "tools": [SYSTEM, USER, CALL, RESULT, {"role": "assistant", "content": "Cold."}],
    "tools_turns": [SYSTEM, USER, CALL, RESULT, {"role": "assistant", "content": "Cold."}, MORE, CALL,
                    RESULT, {"role": "assistant", "content": "Still cold."}],
    "thinking": [USER, THOUGHT],
    "thinking_turns": [USER, THOUGHT, MORE, {**THOUGHT, "content": "Yes."}, MORE, ASSISTANT],
    "thinking_tools": [USER, {**CALL, "reasoning_content": "call it"}, RESULT,
                       {"role": "assistant", "reasoning_content": "cold", "content": "Cold."}, MORE,
                       ASSISTANT],
}

TEMPLATES = {}
TEMPLATES["chatml"] = """\
{%- for m in messages %}
{{- '<|im_start|>' + m.role + '\\n' }}
{%- if m.role == 'assistant' %}{% generation %}{{- m.content + '<|im_end|>' }}{% endgeneration %}{{- '\\n' }}
{%- else %}{{- m.content + '<|im_end|>\\n' }}{% endif %}
{%- endfor %}
{%- if add_generation_prompt %}{{- '<|im_start|>assistant\\n' }}{% endif %}
"""
TEMPLATES["headers"] = """\
{{- bos_token }}
{%- for m in messages %}
{{- '<|start_header_id|>' + m.role + '<|end_header_id|>\\n\\n' }}
{%- if m.role == 'assistant' %}{% generation %}{{- m.content | trim }}
{%- for c in m.tool_calls or [] %}{{- c.function | tojson }}{% endfor %}{{- '<|eot_id|>' }}{% endgeneration %}
{%- else %}{{- m.content | trim + '<|eot_id|>' }}{% endif %}
{%- endfor %}
{%- if add_generation_prompt %}{{- '<|start_header_id|>assistant<|end_header_id|>\\n\\n' }}{% endif %}
"""
TEMPLATES["inst"] = """\
{{- bos_token }}
{%- if messages[0].role == 'system' %}{% set system = messages[0].content + '\\n\\n' %}{% set messages = messages[1:] %}
{%- else %}{% set system = '' %}{% endif %}
{%- for m in messages %}
{%- if m.role == 'user' %}{{- '[INST] ' + (system if loop.first else '') + m.content + ' [/INST]' }}
{%- elif m.role == 'tool' %}{{- '[TOOL_RESULTS] ' + m.content + '[/TOOL_RESULTS]' }}
{%- elif m.tool_calls %}{% generation %}{{- '[TOOL_CALLS] ' + (m.tool_calls | map(attribute='function') | list | tojson) + eos_token }}{% endgeneration %}
{%- elif m.role == 'assistant' %}{% generation %}{{- ' ' + m.content + eos_token }}{% endgeneration %}
{%- else %}{{- raise_exception('unknown role') }}{% endif %}
{%- endfor %}
"""
TEMPLATES["forgets_thoughts"] = """\
{%- set ns = namespace(last=-1) %}
{%- for m in messages %}{% if m.role == 'user' %}{% set ns.last = loop.index0 %}{% endif %}{% endfor %}
{%- if tools %}{{- '<|im_start|>tools\\n' }}{% for t in tools %}{{- t | tojson + '\\n' }}{% endfor %}{{- '<|im_end|>\\n' }}{% endif %}
{%- for m in messages %}
{{- '<|im_start|>' + m.role + '\\n' }}
{%- if m.role != 'assistant' %}{{- m.content + '<|im_end|>\\n' }}
{%- else %}{% generation %}
{%- if loop.index0 > ns.last and (loop.last or m.reasoning_content) %}{{- '<think>\\n' + (m.reasoning_content or '') + '\\n</think>\\n\\n' }}{% endif %}
{{- m.content }}
{%- for c in m.tool_calls or [] %}{{- '<tool_call>\\n' + (c.function | tojson) + '\\n</tool_call>' }}{% endfor %}
{{- '<|im_end|>' }}{% endgeneration %}{{- '\\n' }}{% endif %}
{%- endfor %}
{%- if add_generation_prompt %}{{- '<|im_start|>assistant\\n' }}{% endif %}
"""


# What ends a turn of the models that a template is of, by the beginning of its name: their end ids.
ENDS = {
    "chatml": ["<|im_end|>"], "headers": ["<|eot_id|>"], "inst": ["</s>"],
    "forgets_thoughts": ["<|im_end|>"],
    "cohere": ["<|END_OF_TURN_TOKEN|>"], "deepseek": ["<｜end▁of▁sentence｜>"],
    "diffusion_gemma": ["<turn|>"], "gemma": ["<eos>", "<end_of_turn>"],
    "glm4moe": ["<|user|>", "<|observation|>", "<|endoftext|>"], "gptoss": ["<|return|>", "<|call|>"],
    "idefics3": ["<end_of_utterance>"], "lfm2": ["<|im_end|>"], "llama3": ["<|eot_id|>"],
    "muse": ["<|eot|>"], "nemotron": ["<|im_end|>"], "phi3": ["<|end|>", "<|endoftext|>"],
    "qwen": ["<|im_end|>"], "smolvlm": ["<end_of_utterance>"],
}


class Noon(datetime.datetime):
    """Templates that print the date print that of the goldens."""

    @classmethod
    def now(cls, tz=None):
        return NOW


chat_template_utils.datetime = Noon


def tokenizer(templates, out):
    """The goldens' tokenizer with every special token that a template names."""
    made = Tokenizer.from_file(str(ROOT / "tokenizer/tokenizer.json"))
    found = sorted({token for text in templates for token in SPECIAL.findall(text)} | {"<s>", "</s>"})
    made.add_special_tokens([AddedToken(token, special=True, normalized=False) for token in found])
    made.save(str(out / "tokenizer.json"))
    return PreTrainedTokenizerFast(tokenizer_object=made, bos_token="<s>", eos_token="</s>")


def encode(tok, template, messages, tools, mask, variables):
    return tok.apply_chat_template(
        messages, tools=tools, chat_template=template, return_dict=True, tokenize=True,
        return_assistant_tokens_mask=mask, **variables)


def runs(mask):
    marks = [0, *mask, 0]
    starts = [i for i in range(len(mask)) if marks[i + 1] and not marks[i]]
    ends = [i + 1 for i in range(len(mask)) if marks[i + 1] and not marks[i + 2]]
    return [list(run) for run in zip(starts, ends)]


def case(tok, marked, plain, messages, variables):
    tools = [TOOL] if any(m.get("tool_calls") for m in messages) else None
    made = {"messages": messages, "tools": tools, "variables": variables}
    try:
        one = encode(tok, marked, messages, tools, True, variables)
        two = encode(tok, plain, messages, tools, False, variables)
    except Exception:  # the template refuses such messages; ours has to as well, see make_templates.py
        return None
    made["ids"], made["trained"] = one["input_ids"], runs(one["assistant_masks"])
    made["plain_ids"] = None if two["input_ids"] == one["input_ids"] else two["input_ids"]
    return made


def write(tok, out, name, marked, plain):
    cases = [case(tok, marked, plain, messages, variables)
             for messages in CONVERSATIONS.values()
             for variables in ({}, *([{"enable_thinking": False}] if "enable_thinking" in plain else []))]
    cases = [c for c in cases if c]
    same = sum(c["plain_ids"] is None for c in cases)
    print(f"{name}: {len(cases)} cases, {same} with one text for both")
    ends = next((ENDS[n] for n in sorted(ENDS, reverse=True) if name.startswith(n)), ["</s>"])
    text = {"name": name, "ends": ends, "marked": marked, "plain": plain}
    body = ",\n".join(json.dumps(c, ensure_ascii=False) for c in cases)
    head = json.dumps(text, ensure_ascii=False, indent=1)[:-2]
    (out / f"{name}.json").write_text(f'{head},\n "cases": [\n{body}\n]}}\n', encoding="utf-8")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--templates", type=pathlib.Path)
    parser.add_argument("--out", type=pathlib.Path)
    options = parser.parse_args()
    out = options.out or ROOT / "masks"
    out.mkdir(parents=True, exist_ok=True)
    if options.templates:
        pairs = {f.stem: (f.with_name(f.stem + "_training.jinja"), f)
                 for f in sorted(options.templates.glob("*.jinja"))
                 if f.with_name(f.stem + "_training.jinja").exists()}
        pairs = {name: tuple(f.read_text(encoding="utf-8") for f in two) for name, two in pairs.items()}
    else:
        pairs = {name: (text, BLOCK.sub("", text)) for name, text in TEMPLATES.items()}
    tok = tokenizer([text for two in pairs.values() for text in two], out)
    for name, (marked, plain) in pairs.items():
        write(tok, out, name, marked, plain)


if __name__ == "__main__":
    main()
