"""Finds changes of the OpenAPI document that break clients."""

import json
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Json = dict[str, Any]
ROOT = Path(__file__).parent.parent
NULL = {"type": "null"}


@dataclass(frozen=True)
class Released:
    """A document that clients may rely on; `tag` is its release, or None before the first."""

    document: Json
    tag: str | None

    def promises(self, now: Json) -> bool:
        """Return whether the major version, within which a release is stable, is the same."""
        major = str(self.document.get("info", {}).get("version")).partition(".")[0]
        return self.tag is not None and major == str(now["info"]["version"]).partition(".")[0]


def released(file: str) -> Released:
    """Return the document of the last release, or of the last commit."""
    tag = _git("describe", "--tags", "--abbrev=0").strip() or None
    text = _git("show", f"{tag or 'HEAD'}:{file}")
    return Released(json.loads(text) if text else {}, tag)


def _git(*arguments: str) -> str:
    """Return the output of git, or "" if it fails."""
    try:
        command = ["git", "-C", str(ROOT), *arguments]
        run = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return ""
    return run.stdout if run.returncode == 0 else ""


def breaks(before: Json, now: Json) -> Iterator[str]:
    """Yield a sentence for each breaking change."""
    for path, methods in before.get("paths", {}).items():
        for method, operation in methods.items():
            where = f"{method.upper()} {path}"
            present = now["paths"].get(path, {}).get(method)
            if present is None:
                yield f"{where} is gone"
            else:
                comparison = _Comparison(before, now)
                yield from (
                    f"{where}: {found}" for found in comparison.operation(operation, present)
                )


class _Comparison:
    """Compares an operation in two documents."""

    def __init__(self, before: Json, now: Json) -> None:
        self._before, self._now = before, now
        self._seen: set[tuple[str, str, bool]] = set()

    def operation(self, before: Json, now: Json) -> Iterator[str]:
        if before.get("operationId") != now.get("operationId"):
            yield f"its name was {before.get('operationId')} and is {now.get('operationId')}"
        yield from self._parameters(before, now)
        yield from self._request(before.get("requestBody", {}), now.get("requestBody", {}))
        for status, answer in before["responses"].items():
            if status not in now["responses"]:
                # A removed problem breaks nothing.
                if status.startswith("2"):
                    yield f"the answer {status} is gone"
            else:
                yield from self._answer(status, answer, now["responses"][status])

    def _parameters(self, before: Json, now: Json) -> Iterator[str]:
        known = {(p["in"], p["name"]): p for p in before.get("parameters", ())}
        present = {(p["in"], p["name"]): p for p in now.get("parameters", ())}
        yield from (f"the parameter {name} is gone" for _, name in known.keys() - present.keys())
        for key, parameter in present.items():
            if parameter.get("required") and not known.get(key, {}).get("required"):
                yield f"the parameter {key[1]} is required"
            if key in known:
                schemas = known[key]["schema"], parameter["schema"]
                yield from self._schema(f"parameter {key[1]}", *schemas, sent=True)

    def _request(self, before: Json, now: Json) -> Iterator[str]:
        if now.get("required") and not before.get("required"):
            yield "a body is required"
        for media_type, body in before.get("content", {}).items():
            if media_type not in now.get("content", {}):
                yield f"a body of {media_type} is no longer accepted"
            else:
                present = now["content"][media_type]
                yield from self._schema("body", body["schema"], present["schema"], sent=True)

    def _answer(self, status: str, before: Json, now: Json) -> Iterator[str]:
        before, now = self._resolved(before, self._before), self._resolved(now, self._now)
        for media_type, body in before.get("content", {}).items():
            if media_type not in now.get("content", {}):
                yield f"{status} no longer has {media_type}"
            else:
                present = now["content"][media_type]
                yield from self._schema(
                    f"answer {status}", body["schema"], present["schema"], sent=False
                )

    def _schema(self, where: str, before: Json, now: Json, *, sent: bool) -> Iterator[str]:
        old, new = _forms(before), _forms(now)
        if len(old) == len(new) == 1:
            (old_name, known), (new_name, present) = *old.items(), *new.items()
            if old_name != new_name:
                yield f"{where} was {old_name or 'unnamed'} and is {new_name or 'unnamed'}"
            yield from self._form(where, known, present, sent=sent)
        else:
            both = [name for name in old if name in new]
            for name in both:
                yield from self._form(where, old[name], new[name], sent=sent)
            if sent:
                yield from (f"{where} can no longer be {name}" for name in old if name not in new)
        yield from _nulls(where, _is_nullable(before), _is_nullable(now), sent=sent)

    def _form(self, where: str, before: Json, now: Json, *, sent: bool) -> Iterator[str]:
        pair = (json.dumps(before, sort_keys=True), json.dumps(now, sort_keys=True), sent)
        if pair in self._seen:
            return
        self._seen.add(pair)
        old, new = self._resolved(before, self._before), self._resolved(now, self._now)
        yield from _types(where, old, new)
        yield from _values(where, old, new, sent=sent)
        yield from self._fields(where, old, new, sent=sent)
        if "items" in old and "items" in new:
            yield from self._schema(f"{where}[]", old["items"], new["items"], sent=sent)

    def _fields(self, where: str, old: Json, new: Json, *, sent: bool) -> Iterator[str]:
        known, present = old.get("properties", {}), new.get("properties", {})
        yield from (f"{where}.{name} is gone" for name in known if name not in present)
        needed, was_needed = set(new.get("required", ())), set(old.get("required", ()))
        if sent:
            yield from (f"{where}.{name} is required" for name in sorted(needed - was_needed))
        else:
            left_out = (was_needed - needed) & present.keys()
            yield from (f"{where}.{name} may be missing" for name in sorted(left_out))
        for name in known:
            if name in present:
                yield from self._schema(f"{where}.{name}", known[name], present[name], sent=sent)

    def _resolved(self, described: Json, document: Json) -> Json:
        """Resolve references and merge the parts of an `allOf`."""
        if "$ref" in described:
            _, _, kind, name = described["$ref"].split("/")
            return self._resolved(document["components"][kind][name], document)
        parts = [self._resolved(part, document) for part in described.get("allOf", ())]
        if not parts:
            return described
        return {
            "type": "object",
            "properties": {name: s for p in parts for name, s in p.get("properties", {}).items()},
            "required": [name for part in parts for name in part.get("required", ())],
        }


def _forms(schema: Json) -> Json:
    """Return the variants of a value besides null, by component."""
    choices: list[Json] = schema.get("anyOf") or schema.get("oneOf") or [schema]
    return {
        choice.get("$ref", "").rpartition("/")[2]: choice for choice in choices if choice != NULL
    }


def _is_nullable(schema: Json) -> bool:
    return NULL in schema.get("anyOf", ())


def _nulls(where: str, before: bool, now: bool, *, sent: bool) -> Iterator[str]:
    if sent and before and not now:
        yield f"{where} can no longer be null"
    if not sent and now and not before:
        yield f"{where} may be null"


def _types(where: str, old: Json, new: Json) -> Iterator[str]:
    was, is_ = ((s.get("type"), s.get("format")) for s in (old, new))
    if was != is_:
        yield f"{where} was {_shown(*was)} and is {_shown(*is_)}"


def _shown(kind: str | None, form: str | None) -> str:
    return f"{kind} ({form})" if form else f"{kind}"


def _values(where: str, old: Json, new: Json, *, sent: bool) -> Iterator[str]:
    """Yield values that may no longer be sent, or that a client does not know."""
    known, present = (set(_allowed(schema)) for schema in (old, new))
    if sent and present:
        yield from (f"{where} can no longer be {value}" for value in sorted(known - present))
    if not sent and known:
        yield from (f"{where} may be {value}" for value in sorted(present - known))


def _allowed(schema: Json) -> list[Any]:
    values: list[Any] = schema.get("enum", [schema["const"]] if "const" in schema else [])
    return values
