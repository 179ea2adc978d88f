"""Renders chat templates with Python's Jinja2, set up as transformers sets it up.

    python scripts/golden/make_templates.py
    python scripts/golden/make_templates.py --templates DIR --out DIR

The first form renders the templates below into src/test/resources/golden/templates/. The second
renders every *.jinja of a folder with the conversations below, for templates that are not ours to
commit; the test GoldenTemplatesTest reads its output (-Dtemplates=DIR).

Needs jinja2 (made with 3.1.6). A file holds {"name", "template", "cases": [{"variables", and either
"text" and "spans" (code points, of generation blocks) or "error"}]}.
"""

import argparse
import copy
import datetime
import json
import pathlib

import jinja2
import jinja2.ext
import jinja2.nodes
import jinja2.sandbox

NOW = datetime.datetime(2024, 3, 7, 9, 5, 3)


class Generation(jinja2.ext.Extension):
    """{% generation %}: writes its body between two marks that no text contains."""

    tags = {"generation"}
    START, END = "\ue000", "\ue001"

    def parse(self, parser):
        line = next(parser.stream).lineno
        body = parser.parse_statements(["name:endgeneration"], drop_needle=True)
        call = self.call_method("_marked")
        return jinja2.nodes.CallBlock(call, [], [], body).set_lineno(line)

    def _marked(self, caller):
        return self.START + caller() + self.END


class Dict:
    def __call__(self, *args, **kwargs):
        return dict(*args, **kwargs)


def raise_exception(message):
    raise jinja2.TemplateError(message)


def tojson(value, ensure_ascii=False, indent=None, separators=None, sort_keys=False):
    return json.dumps(
        value, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)


def environment():
    env = jinja2.sandbox.ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=[Generation, jinja2.ext.loopcontrols])
    env.filters["tojson"] = tojson
    env.globals.update(
        raise_exception=raise_exception, strftime_now=NOW.strftime, dict=Dict())
    return env


def render(template, variables):
    try:
        marked = environment().from_string(template).render(**copy.deepcopy(variables))
    except Exception as e:  # every failure of Python has to be one of ours
        return {"variables": variables, "error": f"{type(e).__name__}: {e}"}
    if " at 0x" in marked:  # an address differs from run to run, so nothing can be equal to it
        return {"variables": variables, "error": "prints an address"}
    text, spans = "", []
    for i, part in enumerate(marked.split(Generation.START)):
        inner, mark, rest = part.partition(Generation.END)
        if i > 0:
            assert mark
            spans.append([len(text), len(text) + len(inner)])
            text += inner + rest
        else:
            text += part
    return {"variables": variables, "text": text, "spans": spans}


USER = {"role": "user", "content": "What is 2 + 3?  "}
ASSISTANT = {"role": "assistant", "content": "It is 5."}
TOOL = {"type": "function", "function": {
    "name": "weather", "description": "Today's weather <now> & here",
    "parameters": {"type": "object", "required": ["city"], "properties": {
        "city": {"type": "string", "description": "Name of the \"city\", e.g. Zürich"},
        "days": {"type": "integer", "enum": [1, 3, 7]},
        "units": {"type": ["string", "null"], "default": None}}}}}
CALL = {"role": "assistant", "content": "", "tool_calls": [{"type": "function", "id": "abcdefghi",
        "function": {"name": "weather", "arguments": {"city": "Oslo", "days": 3, "deep": {
            "a": [1, 2.5, True, None], "b": {}}}}}]}
RESULT = {"role": "tool", "name": "weather", "tool_call_id": "abcdefghi", "content": "{\"t\": -3}"}

CONVERSATIONS = {
    "plain": [USER],
    "turns": [USER, ASSISTANT, {"role": "user", "content": "Thanks 👍\nand é?"}],
    "answered": [USER, ASSISTANT],
    "system": [{"role": "system", "content": " Be brief. "}, USER, ASSISTANT,
               {"role": "user", "content": "<b>ok</b>"}],
    "tools": [{"role": "system", "content": "Use tools."}, USER, CALL, RESULT,
              {"role": "assistant", "content": "Cold."}, {"role": "user", "content": "Why?"}],
    "thinking": [USER, {"role": "assistant", "content": "<think>\nhmm\n</think>\n\nFive."},
                 {"role": "user", "content": "Again"},
                 {"role": "assistant", "reasoning_content": "again", "content": "5"}],
    "parts": [{"role": "user", "content": [
        {"type": "image"}, {"type": "text", "text": "What is this?"}]}, ASSISTANT],
    "odd": [ASSISTANT, USER, USER],
    "empty": [],
}


IMAGE = {"type": "image"}
SEEN = {"type": "text", "text": "What is this?  "}
WITH_IMAGES = {
    "image": [{"role": "user", "content": [IMAGE, SEEN]}],
    "answered": [{"role": "user", "content": [IMAGE, SEEN]},
                 {"role": "assistant", "content": [{"type": "text", "text": "A cat 👍"}]}],
    "several": [{"role": "system", "content": [{"type": "text", "text": "Be brief."}]},
                {"role": "user", "content": [SEEN, IMAGE, IMAGE, {"type": "text", "text": "And é?"}]},
                {"role": "assistant", "content": [{"type": "text", "text": "Cats."}]},
                {"role": "user", "content": [{"type": "text", "text": "Why?"}]}],
    **CONVERSATIONS,
}


def cases(variables=None, conversations=CONVERSATIONS):
    for name, messages in conversations.items():
        for prompt in (True, False):
            yield {"messages": messages, "tools": [TOOL] if name == "tools" else None,
                   "documents": None, "add_generation_prompt": prompt,
                   "bos_token": "<s>", "eos_token": "</s>", "pad_token": "<pad>",
                   **(variables or {})}


CHAT = {}
CHAT["chatml"] = """\
{% for message in messages %}
{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>' + '\\n' }}
{% endfor %}
{% if add_generation_prompt %}
{{ '<|im_start|>assistant\\n' }}
{% endif %}
"""
CHAT["chatml_default_system"] = """\
{%- if not messages or messages[0].role != 'system' -%}
    {{- '<|im_start|>system\\nYou help.<|im_end|>\\n' -}}
{%- endif -%}
{%- for m in messages -%}
    {#- one turn -#}
    {{- '<|im_start|>' ~ m.role ~ '\\n' -}}
    {%- if m.content is string -%}
        {{- m.content -}}
    {%- else -%}
        {%- for part in m.content if part.type == 'text' -%}
            {{- part.text -}}
        {%- else -%}
            {{- '[nothing]' -}}
        {%- endfor -%}
    {%- endif -%}
    {%- if m.role == 'assistant' -%}
        {% generation %}{{ '<|im_end|>' }}{% endgeneration %}
    {%- else -%}
        {{- '<|im_end|>' -}}
    {%- endif -%}
    {{- '\\n' -}}
{%- endfor -%}
{{- '<|im_start|>assistant\\n' if add_generation_prompt else '' -}}
"""
CHAT["headers"] = """\
{{- bos_token }}
{%- set date_string = date_string if date_string is defined else strftime_now("%d %b %Y") %}
{%- if messages and messages[0]['role'] == 'system' %}
    {%- set system_message = messages[0]['content'] | trim %}
    {%- set messages = messages[1:] %}
{%- else %}
    {%- set system_message = "" %}
{%- endif %}
{{- "<|start_header_id|>system<|end_header_id|>\\n\\n" }}
{%- if tools is not none %}
    {{- "Environment: ipython\\n" }}
{%- endif %}
{{- "Today Date: " + date_string + "\\n\\n" }}
{%- if tools is not none %}
    {%- for t in tools %}
        {{- t | tojson(indent=4) }}
        {{- "\\n\\n" }}
    {%- endfor %}
{%- endif %}
{{- system_message + "<|eot_id|>" }}
{%- for message in messages %}
    {%- if not (message.role == 'tool' or 'tool_calls' in message) %}
        {{- '<|start_header_id|>' + message['role'] + '<|end_header_id|>\\n\\n' }}
        {% generation %}{{- message['content'] | trim + '<|eot_id|>' }}{% endgeneration %}
    {%- elif 'tool_calls' in message %}
        {%- if message.tool_calls|length != 1 %}
            {{- raise_exception("only single tool-calls") }}
        {%- endif %}
        {%- set call = message.tool_calls[0].function %}
        {{- '{"name": "' + call.name + '", "parameters": ' }}
        {{- call.arguments | tojson }}
        {{- "}" }}
    {%- elif message.role in ["tool", "ipython"] %}
        {%- if message.content is mapping or message.content is iterable %}
            {{- message.content | tojson }}
        {%- else %}
            {{- message.content }}
        {%- endif %}
    {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|start_header_id|>assistant<|end_header_id|>\\n\\n' }}
{%- endif %}
"""
CHAT["thinking"] = """\
{%- if tools %}
    {{- '<|im_start|>system\\n' }}
    {%- if messages[0].role == 'system' %}{{- messages[0].content + '\\n\\n' }}{%- endif %}
    {%- for tool in tools %}{{- "\\n" }}{{- tool | tojson }}{%- endfor %}
    {{- "\\n<tool_call>\\n{\\"name\\": <name>}\\n</tool_call><|im_end|>\\n" }}
{%- endif %}
{%- set ns = namespace(multi_step=true, last=messages|length - 1) %}
{%- for message in messages[::-1] %}
    {%- set index = (messages|length - 1) - loop.index0 %}
    {%- if ns.multi_step and message.role == "user" and message.content is string
           and not (message.content.startswith('<r>') and message.content.endswith('</r>')) %}
        {%- set ns.multi_step = false %}
        {%- set ns.last = index %}
    {%- endif %}
{%- endfor %}
{%- for message in messages %}
    {%- if message.content is string %}{%- set content = message.content %}
    {%- else %}{%- set content = '' %}{%- endif %}
    {%- if message.role == "user" or (message.role == "system" and not loop.first) %}
        {{- '<|im_start|>' + message.role + '\\n' + content + '<|im_end|>' + '\\n' }}
    {%- elif message.role == "assistant" %}
        {%- set thought = '' %}
        {%- if message.reasoning_content is string %}
            {%- set thought = message.reasoning_content %}
        {%- elif '</think>' in content %}
            {%- set thought = content.split('</think>')[0].rstrip('\\n').split('<think>')[-1].lstrip('\\n') %}
            {%- set content = content.split('</think>')[-1].lstrip('\\n') %}
        {%- endif %}
        {{- '<|im_start|>' + message.role }}
        {% generation %}
        {%- if loop.index0 > ns.last and (loop.last or thought) %}
            {{- '\\n<think>\\n' + thought.strip('\\n') + '\\n</think>\\n\\n' + content.lstrip('\\n') }}
        {%- else %}
            {{- '\\n' + content }}
        {%- endif %}
        {%- for tool_call in message.tool_calls or [] %}
            {%- if (loop.first and content) or (not loop.first) %}{{- '\\n' }}{%- endif %}
            {%- if tool_call.function %}{%- set tool_call = tool_call.function %}{%- endif %}
            {{- '<tool_call>\\n{"name": "' }}{{- tool_call.name }}{{- '", "arguments": ' }}
            {%- if tool_call.arguments is string %}{{- tool_call.arguments }}
            {%- else %}{{- tool_call.arguments | tojson }}{%- endif %}
            {{- '}\\n</tool_call>' }}
        {%- endfor %}
        {{- '<|im_end|>' }}
        {% endgeneration %}
        {{- '\\n' }}
    {%- elif message.role == "tool" %}
        {%- if loop.first or (messages[loop.index0 - 1].role != "tool") %}{{- '<|im_start|>user' }}{%- endif %}
        {{- '\\n<tool_response>\\n' + content + '\\n</tool_response>' }}
        {%- if loop.last or (messages[loop.index0 + 1].role != "tool") %}{{- '<|im_end|>\\n' }}{%- endif %}
    {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|im_start|>assistant\\n' }}
    {%- if enable_thinking is defined and enable_thinking is false %}{{- '<think>\\n\\n</think>\\n\\n' }}{%- endif %}
{%- endif %}
"""
CHAT["instruct"] = """\
{%- if messages and messages[0]["role"] == "system" %}
    {%- set system_message = messages[0]["content"] %}
    {%- set loop_messages = messages[1:] %}
{%- else %}
    {%- set loop_messages = messages %}
{%- endif %}
{%- set user_messages = loop_messages | selectattr("role", "equalto", "user") | list %}
{%- set ns = namespace(index=0) %}
{%- for message in loop_messages %}
    {%- if not (message.role == "tool" or message.tool_calls is defined and message.tool_calls is not none) %}
        {%- if (message["role"] == "user") != (ns.index % 2 == 0) %}
            {{- raise_exception("roles must alternate user/assistant/user/assistant/...") }}
        {%- endif %}
        {%- set ns.index = ns.index + 1 %}
    {%- endif %}
{%- endfor %}
{{- bos_token }}
{%- for message in loop_messages %}
    {%- if message["role"] == "user" %}
        {%- if tools is not none and (message == user_messages[-1]) %}
            {{- "[AVAILABLE_TOOLS] [" }}
            {%- for tool in tools %}
                {%- set tool = tool.function %}
                {{- '{"type": "function", "function": {' }}
                {%- for key, val in tool.items() if key != "return" %}
                    {%- if val is string %}{{- '"' + key + '": "' + val + '"' }}
                    {%- else %}{{- '"' + key + '": ' + val|tojson }}{%- endif %}
                    {%- if not loop.last %}{{- ", " }}{%- endif %}
                {%- endfor %}
                {{- "}}" }}
                {%- if not loop.last %}{{- ", " }}{%- else %}{{- "]" }}{%- endif %}
            {%- endfor %}
            {{- "[/AVAILABLE_TOOLS]" }}
        {%- endif %}
        {%- if loop.last and system_message is defined %}
            {{- "[INST] " + system_message + "\\n\\n" + message["content"] + "[/INST]" }}
        {%- else %}
            {{- "[INST] " + message["content"] + "[/INST]" }}
        {%- endif %}
    {%- elif message.tool_calls is defined and message.tool_calls is not none %}
        {{- "[TOOL_CALLS] [" }}
        {%- for tool_call in message.tool_calls %}
            {%- set out = tool_call.function|tojson %}
            {{- out[:-1] }}
            {%- if not tool_call.id is defined or tool_call.id|length != 9 %}
                {{- raise_exception("Tool call IDs should have length 9!") }}
            {%- endif %}
            {{- ', "id": "' + tool_call.id + '"}' }}
            {{- ", " if not loop.last else "]" + eos_token }}
        {%- endfor %}
    {%- elif message["role"] == "assistant" %}
        {{- " " + message["content"]|trim + eos_token}}
    {%- elif message["role"] == "tool" %}
        {%- if message.content is defined and message.content.content is defined %}
            {%- set content = message.content.content %}
        {%- else %}
            {%- set content = message.content %}
        {%- endif %}
        {{- '[TOOL_RESULTS] {"content": ' + content|string + ", " }}
        {{- '"call_id": "' + message.tool_call_id + '"}[/TOOL_RESULTS]' }}
    {%- else %}
        {{- raise_exception("Only user and assistant roles") }}
    {%- endif %}
{%- endfor %}
"""
CHAT["turns"] = """\
{{ bos_token }}
{%- if messages[0]['role'] == 'system' -%}
    {%- if messages[0]['content'] is string -%}
        {%- set first_user_prefix = messages[0]['content'] + '

' -%}
    {%- else -%}
        {%- set first_user_prefix = messages[0]['content'][0]['text'] + '

' -%}
    {%- endif -%}
    {%- set loop_messages = messages[1:] -%}
{%- else -%}
    {%- set first_user_prefix = "" -%}
    {%- set loop_messages = messages -%}
{%- endif -%}
{%- for message in loop_messages -%}
    {%- if (message['role'] == 'user') != (loop.index0 % 2 == 0) -%}
        {{ raise_exception("Conversation roles must alternate") }}
    {%- endif -%}
    {%- set role = "model" if message['role'] == 'assistant' else message['role'] -%}
    {{ '<start_of_turn>' + role + '
' + (first_user_prefix if loop.first else "") }}
    {%- if message['content'] is string -%}
        {{ message['content'] | trim }}
    {%- elif message['content'] is iterable -%}
        {%- for item in message['content'] -%}
            {%- if item['type'] == 'image' -%}
                {{ '<start_of_image>' }}
            {%- elif item['type'] == 'text' -%}
                {{ item['text'] | trim }}
            {%- endif -%}
        {%- endfor -%}
    {%- else -%}
        {{ raise_exception("Invalid content type") }}
    {%- endif -%}
    {{ '<end_of_turn>
' }}
{%- endfor -%}
{%- if add_generation_prompt -%}
    {{'<start_of_turn>model
'}}
{%- endif -%}
"""
CHAT["macros"] = """\
{%- macro kind(spec) -%}
    {%- if spec.type is string -%}{{ spec.type|upper }}
    {%- else -%}{{ spec.type|map('upper')|join(' | ') }}{%- endif -%}
{%- endmacro -%}
{%- macro parameters(properties, required=[], depth=1) -%}
    {%- for name, spec in properties|dictsort %}
{{ '  ' * depth }}{{ name }}{{ '' if name in required else '?' }}: {{ kind(spec) }}
        {%- if spec.enum is defined %} in {{ spec.enum|join('/') }}{% endif %}
        {%- if spec.default is not undefined %} = {{ spec.default }}{% endif %}
        {%- if spec.description %} // {{ spec.description|trim|replace('"', "'") }}{% endif %}
    {%- endfor %}
{%- endmacro -%}
{%- if tools -%}
{% set listing %}
    {%- for tool in tools|map(attribute='function') -%}
{{ tool.name|title }}({{ parameters(tool.parameters.properties, required=tool.parameters.required) }}
)
    {%- endfor -%}
{% endset %}
{{- listing|indent(2, first=true) }}
{%- endif %}
{%- for role, text in messages|map(attribute='role')|list|unique|map('capitalize')|batch(2, '-') %}
[{{ role }}:{{ text }}]
{%- endfor %}
{%- for m in messages recursive_is_not_a_name if m.role is defined %}{%- endfor %}
"""
CHAT["macros"] = CHAT["macros"].replace("recursive_is_not_a_name ", "")
CHAT["loop_controls"] = """\
{% for m in messages %}
    {% if m.role == 'system' %}
        {% continue %}
    {% endif %}
    {% if m.role == 'tool' %}
        {% break %}
    {% endif %}
{{ loop.index }}/{{ loop.length }} {{ loop.revindex0 }} {{ loop.previtem.role if loop.previtem is defined else '^' }}>{{ loop.nextitem.role|default('$') if not loop.last else '$' }} {{ loop.cycle('a', 'b') }} {{ loop.changed(m.role) }}
{% else %}
nothing finished
{% endfor %}
{%- raw %} {{ as it is }} {% endraw +%}
  {#- comment -#}   end
"""

# One small template a line: {{ expression }} or a whole template, without variables but these.
# As llava-hf/llava-1.5-7b-hf has it: images first, then texts, and no end of a turn.
CHAT["llava"] = (
    "{% for message in messages %}"
    "{% if message['role'] != 'system' %}{{ message['role'].upper() + ': '}}{% endif %}"
    "{% for part in message['content'] | selectattr('type', 'equalto', 'image') %}{{ '<image>\\n' }}{% endfor %}"
    "{% for part in message['content'] | selectattr('type', 'equalto', 'text') %}"
    "{% if message['role'] == 'assistant' %}{% generation %}{{ part['text'] + ' '}}{% endgeneration %}"
    "{% else %}{{ part['text'] + ' '}}{% endif %}"
    "{% endfor %}{% endfor %}"
    "{% if add_generation_prompt %}{{ 'ASSISTANT:' }}{% endif %}")
# As HuggingFaceTB/SmolVLM-Instruct has it: parts in their order, a blank before a text.
CHAT["smolvlm"] = (
    "<|im_start|>{% for message in messages %}{{ message['role'] | capitalize }}"
    "{{ ':' if message['content'][0]['type'] == 'image' else ': ' }}"
    "{% for part in message['content'] %}"
    "{% if part['type'] == 'text' %}{{ part['text'] }}"
    "{% elif part['type'] == 'image' %}{{ '<image>' }}{% endif %}"
    "{% endfor %}<end_of_utterance>\n{% endfor %}"
    "{% if add_generation_prompt %}{{ 'Assistant:' }}{% endif %}")
SEE_IMAGES = ("llava", "smolvlm")

SNIPPET_VARIABLES = {
    "s": "Hello, Wörld 👍!", "n": None, "t": True, "i": 7, "f": 2.5, "l": [3, 1, 2], "e": [],
    "d": {"b": 1, "a": "x", "items": 5, "C": [1]}, "words": ["pear", "Apple", "fig", "apple"],
    "rows": [{"k": "a", "v": 1, "w": {"z": 9}}, {"k": "b", "v": 0, "w": {"z": 3}}, {"k": "a", "v": 5}],
    "html": "<a href=\"x\">'&'</a>", "blank": " \t\n x \u00a0\n", "crlf": "a\r\nb\rc\n",
}
SNIPPETS = r"""
{{ s }}|{{ n }}|{{ t }}|{{ i }}|{{ f }}|{{ l }}|{{ d }}|{{ nothing }}
{{ s[0] }}{{ s[-1] }}{{ s[7:12] }}{{ s[::-1] }}{{ s[-2] }}{{ s[:-1] }}{{ s[100] }}{{ s[3:1] }}
{{ l[::-1] }}{{ l[1:] }}{{ l[:1] }}{{ l[-1:] }}{{ l[::2] }}{{ l[5:] }}{{ l[-5:2] }}{{ l[2:0:-1] }}
{{ l[9] is defined }}{{ d.zz is defined }}{{ d['zz'] is undefined }}{{ n.x is defined }}
{{ nothing.x }}
{{ nothing['x'] }}
{{ nothing[1:] }}
{{ nothing + 1 }}
{{ nothing() }}
{{ d.items() }}{{ d['items'] }}{{ d.keys() }}{{ d.values() }}
{{ d.items }}
{{ d.get('a') }}{{ d.get('q') }}{{ d.get('q', 'z') }}
{{ d.get('q', default='z') }}
{{ 1 + 2 * 3 - 4 }} {{ 7 // 2 }} {{ -7 // 2 }} {{ -7 % 3 }} {{ 7 % -3 }} {{ 7 / 2 }} {{ 6 / 2 }}
{{ 2 ** 3 ** 2 }} {{ -2 ** 2 }} {{ 2 ** -1 }} {{ 2 ** 0.5 }} {{ 7.5 // 2 }} {{ -7.5 % 2 }}
{{ 1 / 0 }}
{{ 1 // 0 }}
{{ 0.1 + 0.2 }} {{ 1e16 }} {{ 1e15 }} {{ 1.5e-5 }} {{ 0.0001 }} {{ 1e22 }} {{ 123456789.123 }} {{ 5e-324 }} {{ -0.0 }} {{ 1e100 }} {{ 9007199254740993.0 }}
{{ 1_000 }} {{ 0x1F }} {{ 0b101 }} {{ 0o17 }} {{ 1.5_5 }}
{{ 'a' ~ 1 ~ none ~ true ~ 1.0 ~ [1, 'x'] }}
{{ 'a' 'b' "c" }} {{ 'it''s' }} {{ "q\"q" }} {{ '\x41\u00e9\U0001F44D\101\d\n\t|' }}
{{ 'a' + 1 }}
{{ 'ab' * 3 }} {{ [1] * 2 }} {{ 2 * 'x' }} {{ 'a' * -1 }}|
{{ [1, 2] + [3] }} {{ (1, 2) + (3,) }} {{ (1,) }} {{ () }} {{ {} }} {{ {'a': (1, 'b')} }}
{{ [1] + (2,) }}
{{ 1 < 2 < 3 }} {{ 1 < 3 < 2 }} {{ 1 == 1.0 }} {{ true == 1 }} {{ 'a' < 'b' }} {{ [1, 2] < [1, 3] }} {{ 'Z' < 'a' }}
{{ 1 < 'a' }}
{{ none < 1 }}
{{ 1 == '1' }} {{ none == none }} {{ [1] == (1,) }} {{ {'a': 1} == {'a': 1.0} }} {{ nothing == nope }} {{ nothing == '' }} {{ nothing != none }}
{{ 'b' in 'abc' }} {{ 'a' in d }} {{ 3 in l }} {{ 3.0 in l }} {{ 'x' not in l }} {{ 1 in nothing }} {{ '' in '' }} {{ not 1 in l }}
{{ 1 in 'abc' }}
{{ 1 in none }}
{{ 1 and 0 or 'x' }} {{ '' or none }} {{ not '' }} {{ not not l }} {{ none and nothing.x }} {{ 1 or nothing.x }}
{{ 'y' if l else 'n' }} {{ 'y' if e }}| {{ 1 if 0 else 2 if 0 else 3 }}
{{ (1 if e) is defined }} {{ (1, 2)[1] }} {{ l.0 }} {{ [[1, 2], [3]][0][1] }}
{{ s is string }} {{ l is sequence }} {{ d is mapping }} {{ d is sequence }} {{ n is none }} {{ i is number }} {{ t is number }} {{ t is integer }} {{ i is integer }} {{ f is float }} {{ t is boolean }} {{ t is true }} {{ 1 is true }} {{ e is false }}
{{ l is iterable }} {{ s is iterable }} {{ i is iterable }} {{ nothing is iterable }} {{ nothing is sequence }} {{ nothing is string }} {{ d.keys() is sequence }} {{ d.keys() is iterable }} {{ (l|map('string')) is sequence }} {{ (1, 2) is sequence }}
{{ i is odd }} {{ i is even }} {{ i is divisibleby 7 }} {{ i is divisibleby(2) }} {{ i is eq 7 }} {{ i is equalto(8) }} {{ i is ne 3 }} {{ i is in [7] }} {{ i is not in [7] }} {{ i is lt 8 }} {{ i is ge(8) }} {{ 'a' is lower }} {{ 'A' is upper }} {{ n is sameas none }}
{{ i is not none and i is not defined or true }} {{ not n is none }} {{ i is not string }}
{{ i is divisibleby 7 is true }}
{{ i is unknown_test }}
{{ i|unknown_filter }}
{{ blank|trim }}|{{ 'xxaxx'|trim('x') }}|{{ n|trim }}|{{ nothing|trim }}|{{ 5|trim }}
{{ s|length }} {{ l|length }} {{ d|count }} {{ nothing|length }} {{ d.items()|length }} {{ range(3)|length }}
{{ n|length }}
{{ (l|map('string'))|length }}
{{ i|length }}
{{ s|upper }} {{ s|lower }} {{ 'éCOLE'|capitalize }} {{ "it's a new-day (x)"|title }} {{ "it's a new-day x2y"|title }} {{ ''|capitalize }}| {{ 'straße'|upper }} {{ n|upper }}
{{ "it's a new-day x2y".title() }} {{ 'abc def'.capitalize() }} {{ 'ΑΣ ΣΑΣ'.lower() }}
{{ s|replace('l', 'L') }} {{ s|replace('l', 'L', 1) }} {{ 'aaa'.replace('a', 'b', 2) }} {{ 'ab'|replace('', '-') }} {{ 5|replace(5, 6) }}
{{ 'abc'.replace('', '-', 2) }} {{ ''.replace('', 'x') }}
{{ d|tojson }} {{ s|tojson }} {{ html|tojson }} {{ [1.0, none, true, 1e20]|tojson }} {{ (1, 2)|tojson }} {{ "\x7f\x01\b/"|tojson }}
{{ rows|tojson(indent=2) }}{{ {}|tojson(indent=2) }}{{ [[], {}]|tojson(indent=1) }}
{{ d|tojson(sort_keys=true) }} {{ s|tojson(ensure_ascii=true) }} {{ d|tojson(separators=(',', ':')) }} {{ {1: 2, none: 3, false: 4, 1.5: 5}|tojson }}
{{ nothing|tojson }}
{{ (l|map('string'))|tojson }}
{{ range(2)|tojson }}
{{ nothing|default('x') }} {{ ''|default('x') }}| {{ ''|default('x', true) }} {{ none|d('x') }} {{ none|d('x', boolean=true) }} {{ nothing|default }}|
{{ l|first }} {{ l|last }} {{ e|first }}| {{ e|last is defined }} {{ s|first }} {{ s|last }} {{ d|first }} {{ range(5)|last }}
{{ l|join }} {{ l|join(', ') }} {{ rows|join('+', attribute='k') }} {{ [none, true]|join(' ') }} {{ s|join('.') }} {{ d|join }} {{ nothing|join('x') }}|
{{ l|list }} {{ 'ab'|list }} {{ d|list }} {{ nothing|list }} {{ range(3)|list }} {{ range(5, 0, -2)|list }} {{ range(2, 4) }} {{ d.items()|list }}
{{ n|list }}
{{ n|string }} {{ f|string }} {{ '42'|int + 1 }} {{ '4.9'|int }} {{ 'x'|int }} {{ 'x'|int(5) }} {{ 'ff'|int(base=16) }} {{ 3.99|int }} {{ true|int }} {{ n|int }} {{ ' 12 '|int }}
{{ '1.5'|float }} {{ 'x'|float }} {{ 2|float }} {{ 'x'|float(1.5) }} {{ '1e3'|float }} {{ 'inf'|float }} {{ '-1_0'|int }}
{{ d|items|list }} {{ nothing|items|list }} {{ d|dictsort }} {{ d|dictsort(true) }} {{ {'b': 1, 'a': 2}|dictsort(by='value', reverse=true) }}
{{ l|items }}
{{ nothing|dictsort }}
{{ l|map('string')|list }} {{ rows|map(attribute='k')|list }} {{ rows|map(attribute='w.z', default=0)|list }} {{ rows|map(attribute='q')|list }} {{ ['a ', ' b']|map('trim')|join }} {{ ['ab']|map('replace', 'a', 'x')|first }}
{{ l|select('odd')|list }} {{ l|reject('odd')|list }} {{ [0, 1, '']|select|list }} {{ l|select('gt', 1)|list }} {{ l|select('in', [1, 2])|list }} {{ e|select|list }}
{{ rows|selectattr('v')|list|length }} {{ rows|rejectattr('v')|map(attribute='k')|list }} {{ rows|selectattr('k', 'equalto', 'a')|list|length }} {{ rows|selectattr('k', '==', 'b')|map(attribute='v')|list }} {{ rows|selectattr('w', 'defined')|list|length }}
{{ rows|selectattr('w.z', 'gt', 5)|list }}
{{ l|map('nope')|list }}
{{ html|safe }}
{{ "a\nb\n\nc"|indent }}|{{ "a\nb\n\nc"|indent(2, true) }}|{{ "a\n\nb"|indent(2, blank=true) }}|{{ "a\nb"|indent('> ') }}|{{ "a\n"|indent }}|{{ ''|indent }}|{{ crlf|indent(1) }}
{{ 2.5|round }} {{ 3.5|round }} {{ 2.675|round(2) }} {{ 7|round }} {{ 2.1|round(method='ceil') }} {{ 2.19|round(1, 'floor') }} {{ 1234|round(-2) }} {{ 1e300|round(2) }}
{{ (-5)|abs }} {{ (-2.5)|abs }} {{ -5|abs }} {{ l|sum }} {{ rows|sum(attribute='v') }} {{ [0.1, 0.2]|sum }} {{ e|sum(start=5) }}
{{ l|min }} {{ l|max }} {{ words|min }} {{ words|max }} {{ rows|max(attribute='v') }} {{ e|max is defined }}
{{ words|sort }} {{ words|sort(case_sensitive=true) }} {{ l|sort(reverse=true) }} {{ rows|sort(attribute='v')|map(attribute='k')|join }} {{ words|unique|list }} {{ rows|unique(attribute='k')|list|length }}
{{ [1, 'a']|sort }}
{{ l|reverse|list }} {{ 'abc'|reverse }} {{ range(7)|batch(3)|list }} {{ range(4)|batch(3, 'x')|list }}
{{ blank.strip() }}|{{ blank.lstrip() }}|{{ blank.rstrip() }}|{{ 'xyxaxy'.strip('xy') }}|{{ 'aab'.lstrip('a') }}|{{ 'baa'.rstrip('a') }}|{{ 'a'.strip(none) }}
{{ 'a,b,,c'.split(',') }} {{ ' a  b '.split() }} {{ 'a b c'.split(' ', 1) }} {{ ' a  b  c '.split(none, 1) }} {{ 'a,b,c'.rsplit(',', 1) }} {{ ' a b c '.rsplit(none, 1) }} {{ ''.split() }} {{ ''.split(',') }} {{ 'aXXbXXc'.rsplit('XX', 1) }} {{ 'a,b'.split(sep=',', maxsplit=0) }}
{{ 'a'.split('') }}
{{ 'abc'.startswith('ab') }} {{ 'abc'.endswith(('x', 'c')) }} {{ 'abc'.find('c') }} {{ 'abc'.find('z') }} {{ '👍c'.find('c') }} {{ 'aXa'.rfind('a') }} {{ 'banana'.count('an') }} {{ 'abc'.count('') }} {{ '-'.join(['a', 'b']) }} {{ '-'.join('ab') }}
{{ '-'.join([1]) }}
{{ 'abc'.startswith(1) }}
{{ 'a-b-c'.partition('-') }} {{ 'a-b-c'.rpartition('-') }} {{ 'abc'.partition('x') }} {{ 'abc'.removeprefix('a') }} {{ 'abc'.removesuffix('c') }} {{ crlf.splitlines() }} {{ crlf.splitlines(true) }} {{ '12'.isdigit() }} {{ ''.isdigit() }} {{ 'aB'.isupper() }} {{ 'AB1'.isupper() }} {{ ' '.isspace() }} {{ 'a1'.isalnum() }} {{ 'é'.isalpha() }}
{{ s.nope is defined }} {{ s.nope }}|
{{ s.nope() }}
{{ s.__class__ }}
{{ l.append(1) }}
{{ d.update({'x': 1}) }}
{{ d.pop('a') }}
{{ l.count(3) }} {{ (1, 1).count(1) }} {{ d.copy() }}
{{ "'" }}{{ ["it's", 'q"q', "b'\"", "\n\\\t", "é👍\u200b\xa0\x00"] }}
{% set x = 1 %}{% if x %}{% set x = 2 %}{% endif %}{{ x }}{% for q in l %}{{ x }}{% set x = q %}{{ x }}{% endfor %}{{ x }}
{% set a, b = 1, 2 %}{{ a }}{{ b }}{% set (a, b) = (b, a) %}{{ a }}{{ b }}{% set c = 1, %}{{ c }}
{% set a, b = [1] %}
{% set ns = namespace(x=1, y=[]) %}{% for q in l %}{% set ns.x = ns.x + q %}{% set ns.y = ns.y + [q] %}{% endfor %}{{ ns.x }}{{ ns.y }}{{ ns.z is defined }}{{ ns['x'] }}
{% set d.x = 1 %}
{% set ns = namespace({'q': 2}, r=3) %}{{ ns.q }}{{ ns.r }}
{% for k, v in d.items() %}{{ k }}={{ v }};{% endfor %}{% for k in d %}{{ k }}{% endfor %}{% for c in 'ab' %}{{ c }}{% endfor %}{% for a, (b, c) in [(1, (2, 3))] %}{{ a }}{{ b }}{{ c }}{% endfor %}
{% for q in l if q > 1 %}{{ loop.index }}{{ q }}{{ loop.length }}{% else %}none{% endfor %}{% for q in l if q > 9 %}x{% else %}none{% endfor %}
{% for q in n %}{% endfor %}
{% for q in nothing %}x{% else %}empty{% endfor %}
{% for a, b in l %}{% endfor %}
{% for q in l %}{% for r in l %}{{ loop.index }}{% if loop.index == 2 %}{% break %}{% endif %}{% endfor %}{{ loop.index0 }}{{ loop.first }}{{ loop.last }}{{ loop.revindex }}{{ loop.depth }}{% endfor %}
{% for q in l %}{% if q == 3 %}{% continue %}{% endif %}{{ q }}{% else %}E{% endfor %}{% for q in l %}{% continue %}{% else %}E{% endfor %}{% for q in l %}{% break %}{% else %}E{% endfor %}
{% for q in l %}{{ q }}{% else %}E{% endfor %}{{ q is defined }}{{ loop is defined }}
{% break %}
{% set it = l|map('string') %}{{ it|join }}{{ it|join }}|{% set it = l|select('odd') %}{{ 'y' if it else 'n' }}{{ it|list }}{{ it|list }}
{% set z %}  a {{ i }} {% endset %}[{{ z }}]{% set z | trim | upper %}  a {{ i }} {% endset %}[{{ z }}]
{% macro m(a, b=2, c=b) %}{{ a }}-{{ b }}-{{ c }}{% endmacro %}{{ m(1) }} {{ m(1, 5) }} {{ m(b=3, a=0) }} {{ m() }} {{ m(1, c=none) }}
{% macro m(a) %}{{ a }}{% endmacro %}{{ m(1, 2) }}
{% macro m(a) %}{{ a }}{% endmacro %}{{ m(q=2) }}
{% macro m(a) %}{{ a.x }}{% endmacro %}{{ m() }}
{% macro m(k) %}{{ k }}{% if k > 0 %}{{ m(k - 1) }}{% endif %}{% endmacro %}{{ m(3)|length }}{{ m(2) }}
{% set y = 1 %}{% macro m() %}{{ y }}{% set y = 5 %}{% endmacro %}{% set y = 2 %}{{ m() }}{{ y }}
{% macro m() %}{{ late }}{% endmacro %}{% set late = 3 %}{{ m() }}
{% generation %}{% set g = 1 %}a{{ g }}{% endgeneration %}{{ g is defined }}{% generation %}{% endgeneration %}👍{% generation %}é{% endgeneration %}
{% for q in l %}{% generation %}{{ loop.index }}{% endgeneration %},{% endfor %}
{{ range(100001) }}
{{ range(0, 3, 0) }}
{{ dict(a=1, b=2) }} {{ dict({'x': 1}, y=2) }} {{ dict([('k', 'v')]) }} {{ dict() }}
{{ raise_exception('stop ' ~ i) }}
{{ strftime_now('%d %b %Y|%B|%A|%a|%H:%M:%S|%I %p|%y|%j|%-d|%-m|%%') }}
{{ loop }}
{{ x.y.z }}
{{ (none).x is defined }} {{ none.x }}|
{{ l['a'] is defined }} {{ l[none] is defined }} {{ d[none] is defined }} {{ s['a'] is defined }} {{ i[0] is defined }} {{ d[[]] is defined }}
{{ {'a': 1, 'a': 2} }} {{ {1: 'x'}[1] }} {{ {'a b': 1}['a b'] }}
{{ {[]: 1} }}
{{ -i }} {{ +i }} {{ - 3 + 5 }} {{ -i|abs }}
{{ -l|length }}
{{ 3 -}}   x
  {{- ' y' }}  {%- if true %} a {%- else %} b {%- endif %}  z
{% if true %}
  {%+ if true %}keep{% endif +%}
{% endif %}
{#- c -#} a {# b #} c {#+ d #}
{% raw %}{{ x }}{% if %}{% endraw %}|  {%- raw -%}  {{ y }}  {%- endraw -%}  z
{{ '{{' }}{{ '%}' }}{{ {'a': {'b': 1}}['a']['b'] }}{{ {'a': {}} }}
{{ "a
b" }}
{% if i > 5 and s is string %}A{% elif nothing.x %}B{% else %}C{% endif %}{% if e %}A{% elif n %}B{% else %}C{% endif %}
{% if i %}
{% for q in l %}
{% endif %}
{% endif %}
{{ }}
{{ 1 + }}
{{ a b }}
{{ [1, 2 }}
{% frobnicate %}
{{ 'open }}
{# open
{% set true = 1 %}
{{ true }}{{ True }}{{ none }}{{ None }}{{ false }}
{{ l[0]+l[1]*2 }}{{ l|length-1 }}{{ 'a'~'b'|upper }}{{ (1+1)|string + 'x' }}{{ not true == false }}
{{ 1+1~'x' }}
{{ [namespace(a=1, b='x')] }} {{ namespace() }}
{{ 5|indent }}
{{ nothing is callable }}
{{ s[::-2] }} {{ s[-3:] }} {{ (1, 2, 3)[::-1] }} {{ s[20:] }}|{{ s[-100:100] }}
{{ 'x'.strip(chars='x') }}
{{ d[1:] }}
{{ n[1:] }}
{{ n|items }}
{{ d.items|length }}
{{ d is mapping and d is iterable and d is not string }} {{ words|join(', ')|upper|replace('A', 'B')|length }}
{% set m = [{'r': 'u'}, {'r': 'a'}] %}{{ (m|last).r }}{{ (m|first)['r'] }}{{ m[-1].r }}{{ m[:-1]|length }}{{ m[1:]|map(attribute='r')|list }}
{{ 10000000000 * 1000 }} {{ 99 // 10 * 10 }} {{ 1.0 }} {{ 100.0 * 3 }} {{ 7 % 2 == 1 }} {{ 1e3|int }} {{ 3.0 == 3 }}
{{ [1, 2, 3][1:][0] }} {{ 'abc'[1:]|upper }} {{ ('a' if t else 'b')|upper }} {{ 'x' if t else 'y'|upper }}
{{ caller is defined }} {{ varargs is defined }}
{{ l is sameas l }} {{ s.upper is callable }} {{ s.upper is defined }} {{ d.items is callable }}
{% for m in rows %}{{ m.k }}{{ m.w.z if m.w }}{{ m['v'] }}{{ loop.nextitem.k if not loop.last }},{% endfor %}
"""


def snippets():
    lines = SNIPPETS.strip("\n").split("\n")
    # Lines that belong together: a template of several lines is written here as neighbours.
    joined, i = [], 0
    groups = {"{{ 3 -}}   x": 2, "{% if true %}": 3, '{{ "a': 2, "{% if i %}": 4}
    while i < len(lines):
        size = groups.get(lines[i], 1)
        joined.append("\n".join(lines[i:i + size]))
        i += size
    return joined


def write(path, value):
    path.write_text(json.dumps(value, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--templates", type=pathlib.Path)
    parser.add_argument("--out", type=pathlib.Path)
    options = parser.parse_args()
    root = pathlib.Path(__file__).resolve().parents[2]
    out = options.out or root / "src/test/resources/golden/templates"
    out.mkdir(parents=True, exist_ok=True)
    if options.templates:
        for file in sorted(options.templates.rglob("*.jinja")):
            source = file.read_bytes().decode("utf-8")
            all_cases = list(cases()) + list(cases({"enable_thinking": False}))
            write(out / (file.stem + ".json"), {
                "name": file.stem, "template": source,
                "cases": [render(source, v) for v in all_cases]})
        return
    for name, source in CHAT.items():
        all_cases = list(cases(conversations=WITH_IMAGES if name in SEE_IMAGES else CONVERSATIONS))
        if name == "thinking":
            all_cases += cases({"enable_thinking": False})
        write(out / f"chat_{name}.json", {
            "name": name, "template": source, "cases": [render(source, v) for v in all_cases]})
    write(out / "snippets.json", {"name": "snippets", "variables": SNIPPET_VARIABLES, "snippets": [
        {"template": t, **{k: v for k, v in render(t, SNIPPET_VARIABLES).items()
                           if k != "variables"}} for t in snippets()]})


if __name__ == "__main__":
    main()
