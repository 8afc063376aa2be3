"""What the calls of `doing.py` begin with."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import httpx

from app.core.db.database import Database
from tests.support.api import PASSWORD, Api, Client
from tests.support.mailbox import Mailbox
from tests.support.things import one_of_each


@dataclass
class Scene:
    """A superadmin, and one thing of every kind."""

    api: Api
    root: Client
    ids: dict[str, str]
    mailbox: Mailbox
    database: Database

    @property
    def visitor(self) -> str:
        return f"visitors/{self.ids['visitor_id']}/"

    @property
    def site(self) -> str:
        return f"sites/{self.ids['site_id']}/"

    @property
    def department(self) -> str:
        return f"departments/{self.ids['department_id']}/"

    @property
    def device(self) -> str:
        return f"devices/{self.ids['device_id']}/"

    @property
    def api_key(self) -> str:
        return f"api-keys/{self.ids['key_id']}/"

    @property
    def muster(self) -> str:
        return f"musters/{self.ids['muster_id']}/"

    @property
    def webhook(self) -> str:
        return f"webhooks/{self.ids['webhook_id']}/"

    async def code(self) -> str:
        return str((await self.root.get(self.visitor)).json()["qr_code"])

    async def tokens(self) -> dict[str, str]:
        body = {"email": "root@example.com", "password": PASSWORD}
        tokens: dict[str, str] = (await self.api.http.post("/api/auth/login/", json=body)).json()
        return tokens

    async def host(self) -> Client:
        return await self.api.host()


async def scene_of(api: Api, mailbox: Mailbox) -> Scene:
    root = await api.superadmin()
    return Scene(api, root, await one_of_each(root), mailbox, api.database)


Doing = Callable[[Scene], Awaitable[httpx.Response]]
