"""SQL of departments."""

from collections.abc import Collection
from uuid import UUID

from app.core.db.repository import NameTaken, ReadRepository, Repository, refusals
from app.core.http.pagination import Ordering, PageRequest, paginate
from app.departments.models import Department

BY_NAME = Ordering("departments", (Department.name, Department.id), descending=False)


class DepartmentReader(ReadRepository[Department]):
    model = Department

    async def page(self, page: PageRequest) -> tuple[list[Department], str | None, int | None]:
        return await paginate(self.session, self.statement(), BY_NAME, page)

    async def by_id(self, ids: Collection[UUID]) -> dict[UUID, Department]:
        found = await self.session.scalars(self.statement().where(Department.id.in_(ids)))
        return {department.id: department for department in found}


class DepartmentRepository(DepartmentReader, Repository[Department]):
    async def save(self, department: Department) -> Department:
        """Store a department; raise `NameTaken`."""
        self.add(department)
        with refusals({"uq_departments_lower_name": NameTaken}):
            await self.unit.flush()
        return department
