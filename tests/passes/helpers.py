"""A pass as a browser shows it."""

from email.message import EmailMessage
from html.parser import HTMLParser
from typing import Any

import httpx

# Genuine only in form.
FORGED = "V1" + "A" * 40


class Page(HTMLParser):
    """A page as its reader sees it: its text and links."""

    def __init__(self, answer: httpx.Response) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words = ""
        self._silent = False
        self.feed(answer.text)
        self.words = " ".join(self.words.split())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self._silent = tag == "style"

    def handle_data(self, data: str) -> None:
        self.words += "" if self._silent else data

    def handle_endtag(self, tag: str) -> None:
        self._silent = self._silent and tag != "style"

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]

    @property
    def links(self) -> list[str]:
        return [link["href"] or "" for link in self.all("a")]


async def look(http: httpx.AsyncClient, token: str, path: str = "", **headers: Any) -> Page:
    """Return the page of a pass, whose status must be 200."""
    answer = await http.get(f"/pass/{token}{path}", headers=headers)
    assert answer.status_code == 200, answer.text
    return Page(answer)


def plain_text(mail: EmailMessage) -> str:
    """Return the words of a mail, without its HTML."""
    body = mail.get_body(("plain",))
    assert body is not None
    return str(body.get_content())


async def press_cancel(http: httpx.AsyncClient, token: str) -> httpx.Response:
    """Send the form of the question whether to cancel."""
    return await http.post(f"/pass/{token}/cancel", data={"confirmed": "yes"})
