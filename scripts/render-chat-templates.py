#!/usr/bin/env python3
"""Renders conversations with every chat template of a folder, as Hugging Face transformers does.

  python scripts/render-chat-templates.py FOLDER rendered.json && node scripts/check-chat-templates.ts rendered.json

FOLDER holds *.jinja, such as the chat_templates of the package trl. Needs transformers and jinja2. Each result has the text,
the places that the template marks with {% generation %}, and the prompt for the last answer; null where transformers raises.
"""
import json, sys
from datetime import datetime
from pathlib import Path
import transformers.utils.chat_template_utils as utils


class OneDay(datetime):
    """The day that Klatch has for all."""

    @classmethod
    def now(cls, tz=None):
        return cls(2025, 1, 1)


utils.datetime = OneDay
TOKENS = dict(bos_token="<s>", eos_token="</s>", pad_token="<pad>", unk_token="<unk>")


def user(content):
    return dict(role="user", content=content)


def assistant(content, **more):
    return dict(role="assistant", content=content, **more)


def call(name="weather", arguments=None):
    known = dict(city="Lisbon", days=2, exact=True, when=None, at=[1.5, "noon"], most=100.0)
    return dict(type="function", function=dict(name=name, arguments=arguments or known))


def tool(content):
    return dict(role="tool", name="weather", content=content)


def part(text):
    return dict(type="text", text=text)


SYSTEM = dict(role="system", content="Be brief.")
CITY = dict(type="string", description="The city")
DAYS = dict(type="integer", minimum=0.0, enum=[1, 2])
PARAMETERS = dict(type="object", properties=dict(city=CITY, days=DAYS), required=["city"])
TOOLS = [dict(type="function", function=dict(name="weather", description="Weather of a city", parameters=PARAMETERS))]
ASK, ANSWER = user("Weather?"), assistant("It is 21.")
THOUGHT = "<think>\nLet me think.\n</think>\n\n"

PLAIN = {
    "single": [user("Hi"), assistant("Hello")],
    "two": [user("Hi"), assistant("Hello"), user("Bye?"), assistant("Bye!")],
    "system": [SYSTEM, user("Hi"), assistant("Hello"), user("Bye?"), assistant("Bye!")],
    "spaces": [user(" Hi "), assistant("  Hello \n"), user("Bye?\n"), assistant("Bye!  ")],
    "emoji": [user("👋🏽 hi"), assistant("👍 ok 🙂"), user("é?"), assistant("日本語")],
    "thoughts as key": [user("Hi"), assistant("Hello", reasoning_content="So."), user("Bye?"), assistant("Bye!", reasoning_content="They leave.")],
    "thoughts as another key": [user("Hi"), assistant("Hello", thinking="So."), user("Bye?"), assistant("Bye!", thinking="They leave.")],
    "thoughts as content": [user("Hi"), assistant(THOUGHT + "Hello"), user("Bye?"), assistant(THOUGHT + "Bye!")],
    "parts": [dict(role="user", content=[part("Hi "), part("you")]), dict(role="assistant", content=[part("Hello")])],
    "begins with an answer": [assistant("Hello"), user("Hi"), assistant("Hi!")],
    "marks as words": [user("1 < 2"), assistant("<b>yes</b>"), user("<"), assistant("<x")],
    "an empty answer": [user("Hi"), assistant(""), user("Hm"), assistant("Yes")],
}
WITH_TOOLS = {
    "call null": [ASK, assistant(None, tool_calls=[call()]), tool("21"), ANSWER],
    "call empty": [ASK, assistant("", tool_calls=[call()]), tool("21"), ANSWER],
    "call with words": [ASK, assistant("Let me look.", tool_calls=[call()]), tool("21"), ANSWER],
    "call last": [ASK, assistant("", tool_calls=[call()])],
    "call last, null": [ASK, assistant(None, tool_calls=[call()])],
    "call last, with words": [ASK, assistant("Let me look.", tool_calls=[call()])],
    "arguments as text": [ASK, assistant("", tool_calls=[call(arguments='{"city": "Lisbon", "days": 2}')]), tool("21"), ANSWER],
    "two calls": [ASK, assistant("", tool_calls=[call(), call("time", dict(zone="UTC"))]), tool("21"), tool("noon"), ANSWER, user("Thanks"), assistant("Bye")],
    "call with a thought": [ASK, assistant("", reasoning_content="Look it up.", tool_calls=[call()]), tool("21"), assistant("It is 21.", reasoning_content="Got it.")],
    "tools without a call": [user("Hi"), assistant("Hello")],
}
CONVERSATIONS = {name: dict(messages=messages) for name, messages in PLAIN.items()}
CONVERSATIONS |= {name: dict(messages=messages, tools=TOOLS) for name, messages in WITH_TOOLS.items()}


def render(template, messages, tools, is_prompt):
    [text], spans = utils.render_jinja_template(
        conversations=[utils._normalize_chat_messages(messages)], tools=tools, chat_template=template,
        add_generation_prompt=is_prompt, return_assistant_tokens_mask=not is_prompt, **TOKENS)
    return text, spans


def result(template, messages, tools=None):
    try:
        text, [spans] = render(template, messages, tools, False)
    except Exception:
        return None
    try:
        prompt, _ = render(template, messages[:-1], tools, True)
    except Exception:
        prompt = None
    return dict(text=text, spans=spans, prompt=prompt)


folder, out = map(Path, sys.argv[1:3])
templates = []
for file in sorted(folder.glob("*.jinja")):
    source = file.read_bytes().decode("utf-8")
    results = {name: result(source, **conversation) for name, conversation in CONVERSATIONS.items()}
    templates.append(dict(name=file.stem, source=source, results=results))
out.write_text(json.dumps(dict(tokens=TOKENS, conversations=CONVERSATIONS, templates=templates)))
print(f"{len(templates)} templates, {len(CONVERSATIONS)} conversations: {out}")
