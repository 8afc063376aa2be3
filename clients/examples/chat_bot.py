"""Tell a chat who has arrived: a receiver of webhooks for `visit.checked_in`.

A message is written into a file before it is answered, and told afterwards, so that none is lost.
A repeated `webhook-id` is told once; only if the bot dies right after the chat has taken a line
can that line come again, since chats know no repeats.
"""

import os
import sqlite3
import threading
import time
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
from standardwebhooks import Webhook

INBOX = os.environ.get("INBOX", "chat_bot.db")
TABLE = "CREATE TABLE IF NOT EXISTS messages (id TEXT PRIMARY KEY, visitor TEXT, done INTEGER)"
KEEP = "INSERT OR IGNORE INTO messages VALUES (?, ?, 0)"
NEXT = "SELECT id, visitor FROM messages WHERE NOT done ORDER BY rowid LIMIT 1"

webhook = Webhook(os.environ["WEBHOOK_SECRET"])
arrived = threading.Event()


class Receiver(BaseHTTPRequestHandler):
    """The address that the webhook posts to."""

    def do_POST(self) -> None:
        """Keep a message of ours, and answer at once."""
        body = self.rfile.read(int(self.headers["content-length"]))
        try:
            message = webhook.verify(body, dict(self.headers))
        except Exception:  # whatever is wrong with it: it is not ours
            self.send_response(401)
        else:
            if message["type"] == "visit.checked_in":
                keep(self.headers["webhook-id"], message["data"]["subject"]["id"])
            self.send_response(204)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Log no requests."""


def keep(message: str, visitor: str) -> None:
    """Write down that a visitor has arrived, unless this message was here before."""
    with closing(sqlite3.connect(INBOX)) as db, db:
        db.execute(KEEP, (message, visitor))
    arrived.set()


def tell_all() -> None:
    """Tell the chat of each message that is kept, one after the other, for ever."""
    key = {"Authorization": f"Bearer {os.environ['VMS_KEY']}"}
    with (
        closing(sqlite3.connect(INBOX)) as db,
        httpx.Client(base_url=os.environ["VMS_URL"], headers=key) as api,
        httpx.Client() as chat,
    ):
        while True:
            arrived.clear()
            while found := db.execute(NEXT).fetchone():
                message, visitor = found
                while (pause := tell(api, chat, visitor)) > 0:
                    time.sleep(pause)
                with db:
                    db.execute("UPDATE messages SET done = 1 WHERE id = ?", (message,))
            arrived.wait()


def tell(api: httpx.Client, chat: httpx.Client, visitor: str) -> float:
    """Tell of a visitor; return after how many seconds to try again, 0 if it is done."""
    try:
        answer = api.get(f"/api/visitors/{visitor}/")
        if answer.status_code == 404:  # erased, or at a site that the key does not see
            return 0
        if answer.is_success:
            record = answer.json()
            if record["checked_in_at"] is None:  # taken back meanwhile
                return 0
            host = record["host_name"] or record["department_name"] or "the reception"
            line = f"{record['name']} has arrived for {host}"
            answer = chat.post(os.environ["CHAT_URL"], json={"text": line})
        if answer.is_success:
            return 0
        print("not told yet:", answer.status_code, flush=True)
        return float(answer.headers.get("Retry-After", 30))
    except httpx.TransportError as fault:
        print("not told yet:", fault, flush=True)
        return 5


if __name__ == "__main__":
    with closing(sqlite3.connect(INBOX)) as inbox:
        inbox.execute(TABLE)
    threading.Thread(target=tell_all, daemon=True).start()
    server = ThreadingHTTPServer(("127.0.0.1", int(os.environ.get("PORT", "8400"))), Receiver)
    print("listening on", server.server_address[1], flush=True)
    server.serve_forever()
