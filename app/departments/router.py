"""`/api/departments/`: the departments that visitors come to see."""

from datetime import datetime
from typing import Any
from uuid import UUID

from fastapi import APIRouter, Response

from app.auth.guards import DepartmentManager, DepartmentReader
from app.auth.idempotency import Once
from app.core.database import Reading, Writing
from app.core.dependencies import Now
from app.core.errors import InUse, NotFound, problems
from app.core.pagination import Page, Paging
from app.core.repository import NameTaken
from app.core.routing import ApiRoute
from app.departments.models import Department
from app.departments.repository import DepartmentReader as DepartmentQueries
from app.departments.repository import DepartmentRepository
from app.departments.schemas import DepartmentChangeIn, DepartmentIn, DepartmentOut

router = APIRouter(prefix="/api/departments", tags=["departments"], route_class=ApiRoute)


@router.get("/")
async def list_departments(
    _: DepartmentReader, session: Reading, page: Paging
) -> Page[DepartmentOut]:
    """Departments, by name."""
    rows, next_cursor, total = await DepartmentQueries(session).page(page)
    items = [DepartmentOut.model_validate(row) for row in rows]
    return Page(items=items, next_cursor=next_cursor, total=total)


@router.post("/", status_code=201, dependencies=[Once], responses=problems(NameTaken))
async def create_department(
    body: DepartmentIn, _: DepartmentManager, unit: Writing, now: Now, response: Response
) -> DepartmentOut:
    """Add a department."""
    department = Department(**body.model_dump(), created_at=now, updated_at=now)
    await DepartmentRepository(unit).save(department)
    response.headers["Location"] = f"/api/departments/{department.id}/"
    return DepartmentOut.model_validate(department)


@router.get("/{department_id:uuid}/", responses=problems(NotFound))
async def read_department(
    department_id: UUID, _: DepartmentReader, session: Reading
) -> DepartmentOut:
    """One department."""
    department = await DepartmentQueries(session).get(department_id)
    if department is None:
        raise NotFound
    return DepartmentOut.model_validate(department)


@router.put("/{department_id:uuid}/", responses=problems(NotFound, NameTaken))
async def replace_department(
    department_id: UUID, body: DepartmentIn, _: DepartmentManager, unit: Writing, now: Now
) -> DepartmentOut:
    """Replace name and description."""
    return await _change(DepartmentRepository(unit), department_id, body.model_dump(), now)


@router.patch("/{department_id:uuid}/", responses=problems(NotFound, NameTaken))
async def change_department(
    department_id: UUID, body: DepartmentChangeIn, _: DepartmentManager, unit: Writing, now: Now
) -> DepartmentOut:
    """Change the fields that are sent."""
    return await _change(DepartmentRepository(unit), department_id, body.changes(), now)


async def _change(
    departments: DepartmentRepository, department_id: UUID, values: dict[str, Any], now: datetime
) -> DepartmentOut:
    department = await _locked(departments, department_id)
    for name, value in values.items():
        setattr(department, name, value)
    department.updated_at = now
    return DepartmentOut.model_validate(await departments.save(department))


@router.delete("/{department_id:uuid}/", status_code=204, responses=problems(NotFound, InUse))
async def delete_department(department_id: UUID, _: DepartmentManager, unit: Writing) -> None:
    """Delete a department that no visitor names."""
    departments = DepartmentRepository(unit)
    await departments.delete(await _locked(departments, department_id))


async def _locked(departments: DepartmentRepository, department_id: UUID) -> Department:
    department = await departments.lock(Department.id == department_id, key_share=True)
    if department is None:
        raise NotFound
    return department
