"""Dependencies of uploads: the list is read before a connection is held."""

from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Depends, File, Query, Request

from app.auth.guards import Uploader
from app.auth.idempotency_dependencies import ReplayKnown
from app.bulk.errors import problem_of
from app.bulk.faults import UnreadableWorkbook
from app.bulk.reading_service import in_thread
from app.bulk.rows import ReadRows, read_rows
from app.bulk.schemas import BulkUpload, Choices
from app.bulk.workbook import read_list
from app.core.errors import TooLarge
from app.core.http.limits import Rule, TooManyRequests
from app.services import services


@dataclass(frozen=True, slots=True)
class Upload:
    rows: ReadRows
    is_dry_run: bool
    group_name: str | None


async def _limit(caller: Uploader, request: Request) -> None:
    ours = services(request)
    await ours.limiter.hit(Rule("upload", ours.settings.upload_limit_per_account), str(caller.id))


_limit.problems = (TooManyRequests,)  # type: ignore[attr-defined] # read by ApiRoute


async def _upload(
    form: Annotated[BulkUpload, File()], chosen: Annotated[Choices, Query()], request: Request
) -> Upload:
    settings = services(request).settings
    if (form.file.size or 0) > settings.bulk_upload_max_bytes:
        raise TooLarge(f"The file is larger than {settings.bulk_upload_max_bytes} bytes")
    data = await form.file.read()
    most, common = settings.bulk_upload_max_rows, form.common()
    try:
        rows = await in_thread(_rows_of, data, most, chosen, common)
    except UnreadableWorkbook as verdict:
        raise problem_of(verdict) from None
    return Upload(rows, chosen.dry_run, form.group_name)


def _rows_of(data: bytes, max_rows: int, chosen: Choices, common: dict[str, Any]) -> ReadRows:
    found = read_list(
        data,
        max_rows,
        include_hidden=chosen.include_hidden,
        ignore_columns=chosen.ignore_columns,
    )
    return read_rows(found, common)


Uploaded = Annotated[Upload, Depends(_upload)]
BeforeReading = [ReplayKnown, Depends(_limit), Depends(_upload)]
