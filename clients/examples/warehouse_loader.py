"""Load visits, and what happens to them, into a SQLite file, and keep it in step.

`visits` has the records as they are, `happened` each event once. The number to go on with is stored
in the transaction that stores what came before it, so that a kill neither loses nor repeats any.
"""

import json
import os
import re
import sqlite3
import sys
import time
from collections.abc import Iterator
from typing import Any

import httpx

TABLES = """
CREATE TABLE IF NOT EXISTS visits (id TEXT PRIMARY KEY, etag TEXT, record TEXT);
CREATE TABLE IF NOT EXISTS happened (id TEXT PRIMARY KEY, type TEXT, visit TEXT, at TEXT);
CREATE TABLE IF NOT EXISTS progress (one INTEGER PRIMARY KEY CHECK (one = 1), after INTEGER);
"""
SAVE = "INSERT OR REPLACE INTO visits VALUES (?, ?, ?)"
HAPPENED = "INSERT INTO happened VALUES (:id, :type, :visit, :created_at)"
Row = tuple[str, str | None, str]  # id, tag, record


def get(http: httpx.Client, path: str, tag: str | None = None, **params: Any) -> httpx.Response:
    """Return an answer, however long the server is away, within the limit of requests."""
    headers = {"If-None-Match": tag} if tag else {}
    while True:
        pause = 5.0
        try:
            answer = http.get(path, params=params, headers=headers)
        except httpx.TransportError as fault:
            print("no answer:", fault, file=sys.stderr)
        else:
            if answer.status_code < 500 and answer.status_code not in (408, 429):
                spent = re.findall(r";r=0;t=(\d+)", answer.headers.get("RateLimit", ""))
                time.sleep(max(map(int, spent), default=0))
                return answer
            pause = float(answer.headers.get("Retry-After", pause))
        time.sleep(pause)


def all_visits(http: httpx.Client) -> Iterator[Row]:
    """Yield every visit that the key sees."""
    more: dict[str, Any] | None = {}
    while more is not None:
        answer = get(http, "/api/visitors/", ordering="created_at", limit=200, **more)
        page = answer.raise_for_status().json()
        for record in page["items"]:
            yield record["id"], None, json.dumps(record)
        more = {"cursor": page["next_cursor"]} if page["next_cursor"] else None


def begin(http: httpx.Client, db: sqlite3.Connection) -> None:
    """Read everything anew, and go on from the newest event before that."""
    print("reading everything", flush=True)
    head = get(http, "/api/events/", limit=1).raise_for_status().json()["head"]
    with db:
        db.execute("DELETE FROM visits")
        db.executemany(SAVE, all_visits(http))
        db.execute("INSERT OR REPLACE INTO progress VALUES (1, ?)", (head,))


def changed(http: httpx.Client, db: sqlite3.Connection, visit: str) -> Row | None:
    """Return the row of a visit as it is now, or None if there is no such visit any more."""
    query = "SELECT id, etag, record FROM visits WHERE id = ?"
    known: Row | None = db.execute(query, (visit,)).fetchone()
    answer = get(http, f"/api/visitors/{visit}/", tag=known[1] if known else None)
    if answer.status_code == 404:
        return None
    if known and answer.status_code == 304:
        return known
    return visit, answer.headers.get("ETag"), answer.raise_for_status().text


def follow(http: httpx.Client, db: sqlite3.Connection, after: int) -> bool:
    """Load the next events; return whether there are more."""
    answer = get(http, "/api/events/", after=after, limit=200)
    gone = answer.status_code == 410  # away for longer than events are kept
    page = {} if gone else answer.raise_for_status().json()
    if gone or page["next_after"] < after:  # or the server has gone back to a backup
        begin(http, db)
        return True
    if page["next_after"] == after:
        return False
    events = [each for each in page["items"] if each["subject"]["type"] == "visitor"]
    events = [{**each, "visit": each["subject"]["id"]} for each in events]
    erased = {each["visit"] for each in events if each["type"] == "visit.erased"}
    visits = {each["visit"] for each in events}
    rows = {each: None if each in erased else changed(http, db, each) for each in visits}
    with db:
        db.executemany(HAPPENED, events)
        db.executemany(SAVE, filter(None, rows.values()))
        ended = [(visit,) for visit, row in rows.items() if row is None]
        db.executemany("DELETE FROM visits WHERE id = ?", ended)
        db.execute("UPDATE progress SET after = ?", (page["next_after"],))
    return bool(page["next_after"] < page["head"])


if __name__ == "__main__":
    warehouse = sqlite3.connect(os.environ.get("WAREHOUSE", "warehouse.db"), timeout=60)
    warehouse.executescript(TABLES)
    key = {"Authorization": f"Bearer {os.environ['VMS_KEY']}"}
    service = httpx.Client(base_url=os.environ["VMS_URL"], headers=key)
    while True:
        found = warehouse.execute("SELECT after FROM progress").fetchone()
        if found is None:
            begin(service, warehouse)
        elif not follow(service, warehouse, found[0]):
            time.sleep(1)
