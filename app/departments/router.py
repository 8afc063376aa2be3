"""`/api/departments/`: departments that visitors come to see."""

from datetime import datetime
from typing import Any
from uuid import UUID

from fastapi import APIRouter, Response

from app.auth.guards import DepartmentEditor, DepartmentViewer
from app.auth.idempotency_dependencies import Once
from app.core.db.repository import NameTaken
from app.core.errors import InUse, NotFound, problems
from app.core.http.dependencies import Now, Paging, Reading, Writing
from app.core.http.pagination import Page
from app.core.http.responses import CREATED
from app.core.http.routing import ApiRoute
from app.departments import schemas
from app.departments.models import Department
from app.departments.repository import DepartmentReader, DepartmentRepository

router = APIRouter(prefix="/api/departments", tags=["departments"], route_class=ApiRoute)


@router.get("/", operation_id="departments_list", summary="List departments")
async def list_departments(
    _: DepartmentViewer, session: Reading, page: Paging
) -> Page[schemas.Department]:
    """Return departments sorted by name."""
    rows, next_cursor, total = await DepartmentReader(session).page(page)
    items = [schemas.Department.model_validate(row) for row in rows]
    return Page(items=items, next_cursor=next_cursor, total=total)


@router.post(
    "/",
    operation_id="departments_create",
    summary="Create a department",
    status_code=201,
    dependencies=[Once],
    responses=CREATED | problems(NameTaken),
)
async def create_department(
    body: schemas.DepartmentCreate,
    _: DepartmentEditor,
    unit: Writing,
    now: Now,
    response: Response,
) -> schemas.Department:
    """Create a department; its name must be unique, regardless of case."""
    department = Department(**body.model_dump(), created_at=now, updated_at=now)
    await DepartmentRepository(unit).save(department)
    response.headers["Location"] = f"/api/departments/{department.id}/"
    return schemas.Department.model_validate(department)


@router.get(
    "/{department_id:uuid}/",
    operation_id="departments_read",
    summary="Read a department",
    responses=problems(NotFound),
)
async def read_department(
    department_id: UUID, _: DepartmentViewer, session: Reading
) -> schemas.Department:
    """Return the department's name and description."""
    department = await DepartmentReader(session).get(department_id)
    if department is None:
        raise NotFound
    return schemas.Department.model_validate(department)


@router.put(
    "/{department_id:uuid}/",
    operation_id="departments_replace",
    summary="Replace a department",
    responses=problems(NotFound, NameTaken),
)
async def replace_department(
    department_id: UUID,
    body: schemas.DepartmentCreate,
    _: DepartmentEditor,
    unit: Writing,
    now: Now,
) -> schemas.Department:
    """Replace name and description; an omitted description is cleared."""
    return await _change(DepartmentRepository(unit), department_id, body.model_dump(), now)


@router.patch(
    "/{department_id:uuid}/",
    operation_id="departments_update",
    summary="Update a department",
    responses=problems(NotFound, NameTaken),
)
async def change_department(
    department_id: UUID,
    body: schemas.DepartmentUpdate,
    _: DepartmentEditor,
    unit: Writing,
    now: Now,
) -> schemas.Department:
    """Change only the fields that are sent."""
    return await _change(DepartmentRepository(unit), department_id, body.changes(), now)


async def _change(
    departments: DepartmentRepository, department_id: UUID, values: dict[str, Any], now: datetime
) -> schemas.Department:
    department = await _locked(departments, department_id)
    for name, value in values.items():
        setattr(department, name, value)
    department.updated_at = now
    return schemas.Department.model_validate(await departments.save(department))


@router.delete(
    "/{department_id:uuid}/",
    operation_id="departments_delete",
    summary="Delete a department",
    status_code=204,
    responses=problems(NotFound, InUse),
)
async def delete_department(department_id: UUID, _: DepartmentEditor, unit: Writing) -> None:
    """Delete a department that no visitor refers to."""
    departments = DepartmentRepository(unit)
    await departments.delete(await _locked(departments, department_id))


async def _locked(departments: DepartmentRepository, department_id: UUID) -> Department:
    department = await departments.lock(Department.id == department_id, key_share=True)
    if department is None:
        raise NotFound
    return department
