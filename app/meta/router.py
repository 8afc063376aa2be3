"""`/api/meta/`: the words that the API uses, and its limits."""

from functools import lru_cache

from fastapi import APIRouter, Request, Response

from app import __version__
from app.accounts.delegate_schemas import MOST_DELEGATES
from app.auth.guards import Public
from app.core.http.etags import Revalidated
from app.core.http.pagination import MOST_ITEMS
from app.core.http.routing import ApiRoute
from app.core.languages import Language, translations
from app.core.text import MOST_IN_LINE, MOST_IN_TEXT
from app.groups.schemas import MOST_MEMBERS
from app.meta.schemas import Limits, Meta, Word
from app.meta.words import enumerations
from app.musters.schemas import MOST_MARKS
from app.scans.schemas import MOST_OFFLINE_SCANS
from app.services import services
from app.sites.logo_router import MOST_BYTES
from app.visitors.schemas import MOST_CO_HOSTS, MOST_MINUTES

router = APIRouter(prefix="/api/meta", tags=["meta"], route_class=ApiRoute)


@router.get(
    "/",
    operation_id="meta_read",
    summary="Read words and limits",
    dependencies=[Public, Revalidated],
    response_model=Meta,
)
async def read_meta(request: Request) -> Response:
    """Return every word of the API with labels for people, and the limits of requests.

    It only changes with the version or the settings of the service: keep it, and ask again with
    `If-None-Match`.
    """
    settings = services(request).settings
    content = _content(settings.max_body_bytes, settings.bulk_upload_max_bytes)
    headers = {"Cache-Control": "no-cache"}
    return Response(content, headers=headers, media_type="application/json")


@lru_cache
def _content(body_bytes: int, upload_bytes: int) -> str:
    languages = list(Language)
    catalogues = {language: translations(language) for language in languages}
    meta = Meta(
        version=__version__,
        languages=languages,
        enums={
            name: [
                Word(
                    value=value,
                    labels={each: catalogues[each].gettext(label) for each in languages},
                )
                for value, label in words.items()
            ]
            for name, words in enumerations().items()
        },
        limits=Limits(
            page_items=MOST_ITEMS,
            group_visitors=MOST_MEMBERS,
            co_hosts=MOST_CO_HOSTS,
            offline_scans=MOST_OFFLINE_SCANS,
            muster_marks=MOST_MARKS,
            delegates=MOST_DELEGATES,
            duration_minutes=MOST_MINUTES,
            name_characters=MOST_IN_LINE,
            notes_characters=MOST_IN_TEXT,
            body_bytes=body_bytes,
            upload_bytes=upload_bytes,
            logo_bytes=MOST_BYTES,
        ),
    )
    return meta.model_dump_json()
