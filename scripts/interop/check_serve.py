"""Checks that the real OpenAI client understands thanora serve: chats, streams, completions, models,
refusals, and several adapters at once, whose answers must be those of thanora generate.

usage: check_serve.py URL KEY EXPECTED
EXPECTED is a JSON file {"model name": [{"prompt": ..., "answer": ...}, ...]}, made greedily.
"""
import json
import sys
from concurrent.futures import ThreadPoolExecutor

import openai


def chat(client, model, prompt, **more):
    return client.chat.completions.create(
        model=model, messages=[{"role": "user", "content": prompt}], temperature=0,
        **{"max_tokens": 32, **more})


def streamed(client, model, prompt):
    text, usage, finish = "", None, None
    for event in chat(client, model, prompt, stream=True, stream_options={"include_usage": True}):
        usage = event.usage or usage
        for choice in event.choices:
            text += choice.delta.content or ""
            finish = choice.finish_reason or finish
    return text, usage, finish


def refused(kind, call):
    try:
        call()
    except kind as error:
        return error.body["message"]
    raise AssertionError(f"{kind.__name__} was not raised")


def check_answers(client, expected):
    """All at once, of all models, whole and streamed."""
    asked = [(model, row["prompt"], row["answer"]) for model, rows in expected.items() for row in rows]
    with ThreadPoolExecutor(len(asked)) as pool:
        whole = list(pool.map(lambda a: chat(client, a[0], a[1]).choices[0].message.content, asked))
        parts = list(pool.map(lambda a: streamed(client, a[0], a[1]), asked))
    for (model, prompt, answer), text, (stream, usage, finish) in zip(asked, whole, parts):
        assert text == answer, f"{model} on {prompt!r}: {text!r}, generate says {answer!r}"
        assert stream == answer, f"{model} on {prompt!r}: the stream says {stream!r}"
        assert usage.total_tokens == usage.prompt_tokens + usage.completion_tokens
        assert finish in ("stop", "length")
    return len(asked)


def check_options(client, model, prompt, answer):
    chosen = chat(client, model, prompt, n=2, logprobs=True, top_logprobs=3)
    assert [choice.message.content for choice in chosen.choices] == [answer, answer]
    tokens = chosen.choices[0].logprobs.content
    assert "".join(token.token for token in tokens) == answer
    assert all(len(t.top_logprobs) == 3 and t.top_logprobs[0].logprob == t.logprob for t in tokens)
    cut = chat(client, model, prompt, stop=answer[2:4])
    assert cut.choices[0].message.content == answer[:answer.index(answer[2:4])]
    drawn = [chat(client, model, prompt, seed=3, extra_body={"temperature": 1.2}).choices[0].message.content
             for _ in range(2)]
    assert drawn[0] == drawn[1]
    parts = [{"type": "text", "text": prompt[:3]}, {"type": "text", "text": prompt[3:]}]
    assert chat(client, model, parts).choices[0].message.content == answer
    plain = client.completions.create(model=model, prompt=[prompt, "two"], max_tokens=5, logprobs=1, temperature=0)
    assert len(plain.choices) == 2 and plain.choices[0].logprobs.tokens
    text = "".join(event.choices[0].text for event in client.completions.create(
        model=model, prompt=prompt, max_tokens=5, temperature=0, stream=True))
    assert text == client.completions.create(
        model=model, prompt=prompt, max_tokens=5, temperature=0).choices[0].text


def check_refusals(client, url, model, prompt):
    other = openai.OpenAI(base_url=url, api_key="wrong", max_retries=0)
    assert "API key" in refused(openai.AuthenticationError, lambda: other.models.list())
    assert "does not exist" in refused(openai.NotFoundError, lambda: chat(client, "nobody", prompt))
    assert "max_tokens" in refused(openai.BadRequestError, lambda: chat(client, model, prompt, max_tokens=10**6))
    assert "top_k" in refused(openai.BadRequestError, lambda: chat(client, model, prompt, extra_body={"top_k": 1}))
    assert "shorten" in refused(openai.BadRequestError, lambda: chat(client, model, "word " * 9999))


def main():
    url, key, path = sys.argv[1:]
    with open(path, encoding="utf-8") as file:
        expected = json.load(file)
    client = openai.OpenAI(base_url=url, api_key=key)
    assert [model.id for model in client.models.list()] == list(expected)
    answers = check_answers(client, expected)
    model = list(expected)[-1]
    row = max(expected[model], key=lambda each: len(each["answer"]))
    check_options(client, model, row["prompt"], row["answer"])
    check_refusals(client, url, model, row["prompt"])
    print(f"{answers} answers of {len(expected)} models, whole and streamed, as generate gives them")


if __name__ == "__main__":
    main()
