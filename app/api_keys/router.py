"""`/api/api-keys/`: keys of programs."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Request, Response

from app.api_keys import models, schemas
from app.api_keys.errors import ScopeNotForKeys
from app.api_keys.repository import ApiKeyReader
from app.api_keys.service import ApiKeyService
from app.auth.condition_dependencies import if_match
from app.auth.guards import KeyManager, KeyViewer
from app.core.db.database import ReadSession
from app.core.db.rollout import UpdateUnderWay
from app.core.errors import BeyondYourRights, NotFound, problems
from app.core.http.dependencies import Now, Paging, Reading, Writing
from app.core.http.pagination import Page
from app.core.http.responses import CREATED
from app.core.http.routing import ApiRoute
from app.services import Services, services
from app.users.errors import SitesRequired
from app.users.models import User

router = APIRouter(prefix="/api/api-keys", tags=["api keys"], route_class=ApiRoute)
DEFAULT = schemas.Rotation()


async def _shown_to(
    session: ReadSession, key_id: UUID, caller: KeyViewer, ours: Services
) -> schemas.ApiKey:
    key = await ApiKeyReader(session).reached(key_id, caller.scope)
    if key is None:
        raise NotFound
    return await _read(session, key, ours.clock.now())


IfCurrent = if_match(models.ApiKey, "key_id", _shown_to)


async def _service(unit: Writing, caller: KeyViewer, now: Now) -> ApiKeyService:
    return ApiKeyService(unit, caller, now)


Service = Annotated[ApiKeyService, Depends(_service)]


@router.get("/", operation_id="api_keys_list", summary="List API keys")
async def list_keys(
    caller: KeyViewer, session: Reading, page: Paging, now: Now
) -> Page[schemas.ApiKey]:
    """Return the keys by name; `last_used_at` shows which are in use.

    Admins with `sites` see the keys that are limited to some of these.
    """
    reader = ApiKeyReader(session)
    rows, next_cursor, total = await reader.page(caller.scope, page)
    makers = await reader.makers(rows) if rows else {}
    items = [_shown(key, makers, now) for key in rows]
    return Page(items=items, next_cursor=next_cursor, total=total)


@router.post(
    "/",
    operation_id="api_keys_create",
    summary="Create an API key",
    status_code=201,
    responses=CREATED | problems(ScopeNotForKeys, SitesRequired, BeyondYourRights, UpdateUnderWay),
)
async def create_key(
    body: schemas.ApiKeyCreate, _: KeyManager, service: Service, response: Response
) -> schemas.ApiKeyWithSecret:
    """Create a key; its secret is only in this response.

    Scopes and sites are a part of those of its maker, and it never may do more than the maker may
    at that moment. It stops working when it expires or the account of its maker is closed.
    """
    key, secret = await service.create(body)
    response.headers["Location"] = f"/api/api-keys/{key.id}/"
    return await _with_secret(service, key, secret)


@router.get(
    "/{key_id:uuid}/",
    operation_id="api_keys_read",
    summary="Read an API key",
    responses=problems(NotFound),
)
async def read_key(
    request: Request, key_id: UUID, caller: KeyViewer, session: Reading
) -> schemas.ApiKey:
    """Return a key without its secret."""
    return await _shown_to(session, key_id, caller, services(request))


@router.patch(
    "/{key_id:uuid}/",
    operation_id="api_keys_update",
    dependencies=[IfCurrent],
    summary="Update an API key",
    responses=problems(NotFound, ScopeNotForKeys, SitesRequired, BeyondYourRights),
)
async def change_key(
    key_id: UUID, body: schemas.ApiKeyUpdate, _: KeyManager, service: Service
) -> schemas.ApiKey:
    """Change only the fields that are sent; they hold from the next request of the key on.

    A key that may do more than the caller is 403 `beyond_your_rights`.
    """
    key = await service.change(key_id, body.changes())
    return await _read(service.unit, key, service.now)


@router.delete(
    "/{key_id:uuid}/",
    operation_id="api_keys_delete",
    dependencies=[IfCurrent],
    summary="Revoke an API key",
    status_code=204,
    responses=problems(NotFound),
)
async def delete_key(key_id: UUID, _: KeyViewer, service: Service) -> None:
    """Delete a key; it is refused from the next request on."""
    await service.delete(key_id)


@router.post(
    "/{key_id:uuid}/rotate/",
    operation_id="api_keys_rotate",
    dependencies=[IfCurrent],
    summary="Rotate an API key",
    responses=problems(NotFound, BeyondYourRights),
)
async def rotate_key(
    key_id: UUID, _: KeyManager, service: Service, body: schemas.Rotation = DEFAULT
) -> schemas.ApiKeyWithSecret:
    """Return the key with a new secret, which is only in this response.

    The previous one stays valid for `old_valid_minutes`, and the one before that for what is left
    of its own: if this answer got lost, rotate again. With 0 minutes both end at once.
    """
    key, secret = await service.rotate(key_id, timedelta(minutes=body.old_valid_minutes))
    return await _with_secret(service, key, secret)


async def _with_secret(
    service: ApiKeyService, key: models.ApiKey, secret: str
) -> schemas.ApiKeyWithSecret:
    shown = await _read(service.unit, key, service.now)
    return schemas.ApiKeyWithSecret(**shown.model_dump(), key=secret)


async def _read(session: ReadSession, key: models.ApiKey, now: datetime) -> schemas.ApiKey:
    return _shown(key, await ApiKeyReader(session).makers([key]), now)


def _shown(key: models.ApiKey, makers: Mapping[UUID, User], now: datetime) -> schemas.ApiKey:
    maker = makers.get(key.maker_id) if key.maker_id else None
    return schemas.ApiKey(**schemas.ApiKey.facts(key, maker, now))
