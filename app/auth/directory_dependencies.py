"""Dependencies of the routes of sign-in by directory."""

import re
from typing import Annotated

from fastapi import Depends, Query, Request

from app.auth.dependencies import Configured, SignInWays
from app.auth.directory_errors import InvalidReturnTo
from app.auth.directory_flow_service import DirectoryFlows, DirectorySecrets
from app.auth.directory_models import MOST_RETURN_TO
from app.auth.directory_schemas import ReturnTo
from app.auth.directory_sign_in_service import DirectorySignIns
from app.core.db.rollout import UpdateUnderWay, is_under_way
from app.core.errors import NotFound
from app.core.http.dependencies import Db, Limiter, Now
from app.core.http.limits import Rule, TooManyRequests
from app.core.request_context import client_network
from app.services import services

# The release that brought it: those before cannot read what a sign-in writes.
REVISION = "0014"
# The characters of a path and query (RFC 3986, sections 3.3 and 3.4).
PATH = re.compile(r"/(?!/)(?:[A-Za-z0-9._~!$&'()*+,;=:@/?-]|%[0-9A-Fa-f]{2})*")


def require_return_to(path: str) -> str:
    """Return the path; raise `InvalidReturnTo` if it could lead elsewhere."""
    if len(path) > MOST_RETURN_TO or not PATH.fullmatch(path):
        raise InvalidReturnTo
    return path


async def _flows(request: Request, database: Db, settings: Configured, now: Now) -> DirectoryFlows:
    provider = services(request).directory
    if provider is None:
        raise NotFound
    secrets = DirectorySecrets.of(settings.key_ring)
    return DirectoryFlows(database, provider, secrets, settings, now)


_flows.problems = (NotFound,)  # type: ignore[attr-defined] # see ApiRoute
Flows = Annotated[DirectoryFlows, Depends(_flows)]


async def _sign_ins(_: Flows, ways: SignInWays, settings: Configured, now: Now) -> DirectorySignIns:
    return DirectorySignIns(ways, settings, now)


SignIns = Annotated[DirectorySignIns, Depends(_sign_ins)]


async def _return_to(return_to: Annotated[ReturnTo, Query()] = "/") -> str:
    return require_return_to(return_to)


_return_to.problems = (InvalidReturnTo,)  # type: ignore[attr-defined] # see ApiRoute
CheckedReturnTo = Annotated[str, Depends(_return_to)]


async def _beginning(_: Flows, database: Db, limiter: Limiter, settings: Configured) -> None:
    """Raise `UpdateUnderWay` while processes run that know no directory, or `TooManyRequests`."""
    async with database.read() as session:
        if await is_under_way(session, REVISION):
            raise UpdateUnderWay
    await limiter.hit(Rule("directory", settings.oidc_limit_per_address), client_network())


_beginning.problems = (UpdateUnderWay, TooManyRequests)  # type: ignore[attr-defined] # see ApiRoute
Beginning = Annotated[None, Depends(_beginning)]
