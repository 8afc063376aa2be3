"""Open a door for the QR codes that a reader sends: one token a line on stdin.

Prints `open`, `shut` or `undecided`, and why. What the server does not decide is let pass if
OFFLINE=open: it is kept in a file before the door opens, and reported when the server is back.
"""

import json
import re
import sqlite3
import sys
import threading
import time
import uuid
from datetime import UTC, datetime
from os import environ
from typing import Any

import httpx

TOKEN = re.compile(r"(\][A-Za-z]\d)?V1[A-Z2-7]{40}")
OPEN, SHUT = ("admitted", "checked_out"), (400, 409, 413, 415, 422, 429)
TABLE = "CREATE TABLE IF NOT EXISTS scans (id TEXT PRIMARY KEY, token TEXT UNIQUE, body TEXT)"
OLDEST = "SELECT body FROM scans ORDER BY rowid LIMIT 100"
Body = dict[str, Any]


class Door:
    """A door, with the scans that the server has not been told of."""

    def __init__(self, http: httpx.Client) -> None:
        path = environ.get("KEPT", "door.db")
        self.kept = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self.kept.execute(TABLE)
        self.http, self.reporting = http, threading.Lock()
        self.turned_away: Body = {}  # without an answer: the server may have admitted it
        self.not_before = 0.0  # the server wants no batch until then

    def decide(self, token: str) -> str:
        """Return what the door does, and why."""
        if not TOKEN.fullmatch(token):
            return "shut: not a code of a visitor"
        again = self.turned_away.get("token") == token
        scan = self.turned_away if again else new_scan(token)
        with self.reporting:  # first, since what the server does not know makes its answer wrong
            answer = self.ask(scan) if self.report(timeout=3) else {}
        if again and answer.get("replayed") and answer["verdict"] == "refused":
            answer = self.ask(scan := new_scan(token))  # that was the answer of then
        if not answer:
            return self.decide_alone(scan)
        self.turned_away = {}
        return f"shut: {answer['detail']}" if "detail" in answer else f"open: {answer['message']}"

    def decide_alone(self, scan: Body) -> str:
        """Let pass if the house allows it, each code once; keep the scan before the door opens."""
        if environ.get("OFFLINE") != "open":
            self.turned_away = scan
            return "undecided: ask a person"
        row = (scan["scan_id"], scan["token"], json.dumps(scan))
        is_new = self.kept.execute("INSERT OR IGNORE INTO scans VALUES (?, ?, ?)", row).rowcount
        return "open: nobody could be asked" if is_new else "shut: let pass with this code before"

    def ask(self, scan: Body) -> Body:
        """Return the server's decision or nothing; its `scan_id` makes repeats safe."""
        for pause in (0.3, 1.0, 0):
            status, answer, after = self.post("verify-qr/", scan, timeout=3)
            is_open = status == 200 and answer.get("verdict") in OPEN
            if is_open or status in SHUT or answer.get("code") == "unknown":
                return answer
            if status in (401, 403, 404) or after > 3:
                print("cannot ask:", answer.get("detail"), file=sys.stderr)
                return {}
            time.sleep(max(pause, after))
        return {}

    def keep_reporting(self) -> None:
        """Report what is kept: at the start, and whenever the server is back."""
        pause = 0.0
        while True:
            time.sleep(pause)
            with self.reporting:
                pause = 15 if self.report(timeout=10) else min(max(15, 2 * pause), 300)

    def report(self, timeout: float) -> bool:
        """Send the scans that are kept, oldest first; return whether none is left."""
        while scans := [json.loads(body) for (body,) in self.kept.execute(OLDEST)]:
            if time.monotonic() < self.not_before:
                return False
            _, answer, after = self.post("scans/batch/", {"scans": scans}, timeout)
            self.not_before = time.monotonic() + after
            if "results" not in answer:
                print("kept:", len(scans), answer.get("detail", "no answer"), file=sys.stderr)
                return False
            for result in answer["results"]:
                print("reported:", result["result"], result["code"] or "", flush=True)
                self.kept.execute("DELETE FROM scans WHERE id = ?", (result["scan_id"],))
        return True

    def post(self, path: str, body: Body, timeout: float) -> tuple[int, Body, float]:
        """Return status, body and for how many seconds to be silent; status 0 is no answer."""
        try:
            got = self.http.post(f"/api/visitors/{path}", json=body, timeout=timeout)
            answer: Body = got.json()
        except (httpx.TransportError, ValueError):  # ValueError: the page of some other server
            return 0, {}, 0
        spent = re.findall(r";r=0;t=(\d+)", got.headers.get("RateLimit", ""))
        return got.status_code, answer, max(map(float, [*spent, got.headers.get("Retry-After", 0)]))


def new_scan(token: str) -> Body:
    """Return a scan of now, with an id of its own."""
    scan = {"token": token, "gate": environ.get("GATE"), "direction": environ.get("WAY", "in")}
    return {**scan, "scan_id": str(uuid.uuid4()), "scanned_at": datetime.now(UTC).isoformat()}


if __name__ == "__main__":
    key = {"Authorization": f"Bearer {environ['VMS_KEY']}"}
    door = Door(httpx.Client(base_url=environ["VMS_URL"], headers=key))
    threading.Thread(target=door.keep_reporting, daemon=True).start()
    for line in sys.stdin:
        print(door.decide(line.strip()), flush=True)
