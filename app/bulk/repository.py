"""SQL of uploads."""

from collections.abc import Collection

from sqlalchemy import Date, String, Uuid, func, literal_column, select, type_coerce

from app.bulk.planning import VisitKey, name_key
from app.core.db.plain import plain_copy, stored_columns
from app.core.db.prepared import Query
from app.core.text import account_key
from app.departments.models import Department
from app.slots.keys import SlotKey
from app.visitors.batch_repository import BatchReader, among, named
from app.visitors.models import Visitor, VisitorStatus

_DEPARTMENTS = Query(
    select(named(Department), *stored_columns(Department)).where(named(Department).is_not(None))
)

_AWAITED = Query(
    select(
        Visitor.email, Visitor.name, Visitor.site_id, Visitor.visit_date, Visitor.visit_time
    ).where(
        Visitor.site_id == among("sites", Uuid),
        Visitor.visit_date == among("days", Date),
        type_coerce(Visitor.status, String) == literal_column(f"'{VisitorStatus.PENDING}'", String),
        func.lower(Visitor.email) == among("emails", String),
    )
)


class UploadReader(BatchReader):
    """Looks up the references of an upload, with one query each."""

    async def departments(self, names: Collection[str]) -> dict[str, Department]:
        found = {}
        for called, *columns in await self.session.fetch(_DEPARTMENTS, names=list(names)):
            department = plain_copy(Department, columns)
            if department is not None:
                found.update(dict.fromkeys(called, department))
        return found

    async def awaited(self, slots: Collection[SlotKey], emails: Collection[str]) -> set[VisitKey]:
        """Return the pending visits of these people at these sites and times."""
        found = await self.session.fetch(
            _AWAITED,
            sites=list({site for site, _, _ in slots}),
            days=list({day for _, day, _ in slots}),
            emails=list({email.lower() for email in emails}),
        )
        return {
            (account_key(email), name_key(name), SlotKey.of(site, day, at))
            for email, name, site, day, at in found
        }
