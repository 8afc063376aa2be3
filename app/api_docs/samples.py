"""How to send a request with curl, JavaScript and Python, beside each operation."""

import json
import shlex
from typing import Any
from urllib.parse import urlencode

from app.api_docs.examples import Examples

Json = dict[str, Any]

BODY = "application/json"
UPLOAD = "multipart/form-data"
KEY = "YOUR_TOKEN_OR_API_KEY"


def samples(path: str, method: str, operation: Json, components: Json, server: str) -> list[Json]:
    """Return the samples of an operation in the form of `x-codeSamples`."""
    url = server + _filled(path, operation.get("parameters", []), Examples(components["schemas"]))
    headers = {} if not operation.get("security") else {"Authorization": f"Bearer {KEY}"}
    content = operation.get("requestBody", {}).get("content", {})
    body = _example(content.get(BODY), components["examples"])
    is_upload = UPLOAD in content
    made = {
        "curl": _curl(method, url, headers, body, is_upload=is_upload),
        "JavaScript": _javascript(method, url, headers, body, is_upload=is_upload),
        "Python": _python(method, url, headers, body, is_upload=is_upload),
    }
    langs = {"curl": "Shell"}
    return [
        {"lang": langs.get(label, label), "label": label, "source": source}
        for label, source in made.items()
    ]


def _filled(path: str, parameters: list[Json], examples: Examples) -> str:
    """Return a path with an example of each parameter that is required."""
    query = {}
    for parameter in parameters:
        if not parameter["required"]:
            continue
        try:
            value = str(examples.member(parameter["name"], parameter["schema"]))
        except KeyError:
            value = parameter["name"]
        if parameter["in"] == "path":
            path = path.replace(f"{{{parameter['name']}}}", value)
        elif parameter["in"] == "query":
            query[parameter["name"]] = value
    return f"{path}?{urlencode(query)}" if query else path


def _example(content: Json | None, examples: Json) -> Any:
    for example in (content or {}).get("examples", {}).values():
        name = example.get("$ref", "").rpartition("/")[2]
        return examples[name]["value"] if name else example["value"]
    return None


def _curl(method: str, url: str, headers: Json, body: Any, *, is_upload: bool) -> str:
    parts = [f"curl -X {method.upper()} {shlex.quote(url)}"]
    parts += [f"-H {shlex.quote(f'{name}: {value}')}" for name, value in headers.items()]
    if body is not None:
        text = json.dumps(body, indent=2, ensure_ascii=False)
        parts += [f"-H 'Content-Type: {BODY}'", f"-d {shlex.quote(text)}"]
    if is_upload:
        parts.append("-F file=@list.xlsx")
    return " \\\n  ".join(parts)


def _javascript(method: str, url: str, headers: Json, body: Any, *, is_upload: bool) -> str:
    sent = dict(headers)
    lines = []
    if is_upload:
        lines = ["const form = new FormData();", 'form.append("file", file);']
    if body is not None:
        sent["Content-Type"] = BODY
    options = [f'method: "{method.upper()}"']
    if sent:
        options.append(f"headers: {json.dumps(sent)}")
    if body is not None:
        text = json.dumps(body, indent=2, ensure_ascii=False).replace("\n", "\n  ")
        options.append(f"body: JSON.stringify({text})")
    if is_upload:
        options.append("body: form")
    lines += [
        f'const answer = await fetch("{url}", {{',
        *(f"  {option}," for option in options),
        "});",
        "console.log(answer.status, await answer.text());",
    ]
    return "\n".join(lines)


def _python(method: str, url: str, headers: Json, body: Any, *, is_upload: bool) -> str:
    options = [f'"{method.upper()}"', f'"{url}"']
    if headers:
        options.append(f"headers={headers!r}")
    if body is not None:
        options.append("json=" + _literal(body))
    if is_upload:
        options.append('files={"file": open("list.xlsx", "rb")}')
    lines = ["import httpx", "", "answer = httpx.request("]
    lines += [f"    {option}," for option in options]
    return "\n".join([*lines, ")", "print(answer.status_code, answer.text)"])


def _literal(body: Any) -> str:
    """Return a value as Python writes it, a field to a line."""
    if not isinstance(body, dict):
        return repr(body)
    fields = [f"        {name!r}: {value!r}," for name, value in body.items()]
    return "\n".join(["{", *fields, "    }"])
