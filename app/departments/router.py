"""`/api/departments/`: departments that visitors come to see."""

from datetime import datetime
from typing import Any
from uuid import UUID

from fastapi import APIRouter, Response

from app.audit.models import AuditAction
from app.audit.repository import Actor, record
from app.auth.caller import Caller
from app.auth.condition_dependencies import if_match
from app.auth.guards import DepartmentEditor, DepartmentViewer
from app.auth.idempotency_dependencies import Once
from app.core.db.database import ReadSession, WriteSession
from app.core.db.repository import NameTaken
from app.core.errors import InUse, NotFound, problems
from app.core.http.dependencies import Now, Paging, Reading, Writing
from app.core.http.etags import Revalidated
from app.core.http.pagination import Page
from app.core.http.responses import CREATED
from app.core.http.routing import ApiRoute
from app.departments import schemas
from app.departments.models import Department
from app.departments.repository import DepartmentReader, DepartmentRepository
from app.events.shown_repository import note_shown
from app.services import Services

router = APIRouter(prefix="/api/departments", tags=["departments"], route_class=ApiRoute)


async def _shown(
    session: ReadSession, department_id: UUID, _: Caller, __: Services
) -> schemas.Department:
    department = await DepartmentReader(session).get(department_id)
    if department is None:
        raise NotFound
    return schemas.Department.model_validate(department)


IfCurrent = if_match(Department, "department_id", _shown)


@router.get(
    "/", operation_id="departments_list", summary="List departments", dependencies=[Revalidated]
)
async def list_departments(
    _: DepartmentViewer, session: Reading, page: Paging
) -> Page[schemas.Department]:
    """Return departments by name."""
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
    caller: DepartmentEditor,
    unit: Writing,
    now: Now,
    response: Response,
) -> schemas.Department:
    """Create a department; its name is unique regardless of case."""
    department = Department(**body.model_dump(), created_at=now, updated_at=now)
    await DepartmentRepository(unit).save(department)
    record(unit, AuditAction.DEPARTMENT_CREATED, department.id, caller, now)
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
    """Return the name and description of a department."""
    department = await DepartmentReader(session).get(department_id)
    if department is None:
        raise NotFound
    return schemas.Department.model_validate(department)


@router.put(
    "/{department_id:uuid}/",
    operation_id="departments_replace",
    summary="Replace a department",
    dependencies=[IfCurrent],
    responses=problems(NotFound, NameTaken),
)
async def replace_department(
    department_id: UUID,
    body: schemas.DepartmentCreate,
    caller: DepartmentEditor,
    unit: Writing,
    now: Now,
) -> schemas.Department:
    """Replace name and description; an omitted description is cleared."""
    return await _change(unit, department_id, body.model_dump(), caller, now)


@router.patch(
    "/{department_id:uuid}/",
    operation_id="departments_update",
    summary="Update a department",
    dependencies=[IfCurrent],
    responses=problems(NotFound, NameTaken),
)
async def change_department(
    department_id: UUID,
    body: schemas.DepartmentUpdate,
    caller: DepartmentEditor,
    unit: Writing,
    now: Now,
) -> schemas.Department:
    """Change only the fields that are sent."""
    return await _change(unit, department_id, body.changes(), caller, now)


async def _change(
    unit: WriteSession, department_id: UUID, values: dict[str, Any], caller: Actor, now: datetime
) -> schemas.Department:
    departments = DepartmentRepository(unit)
    department = await _locked(departments, department_id)
    fields = sorted(name for name in values if getattr(department, name) != values[name])
    for name, value in values.items():
        setattr(department, name, value)
    department.updated_at = now
    if "name" in fields:
        note_shown(unit, "department_id", department_id, ["department_name"], caller, now)
    record(unit, AuditAction.DEPARTMENT_UPDATED, department_id, caller, now, fields=fields)
    return schemas.Department.model_validate(await departments.save(department))


@router.delete(
    "/{department_id:uuid}/",
    operation_id="departments_delete",
    summary="Delete a department",
    status_code=204,
    dependencies=[IfCurrent],
    responses=problems(NotFound, InUse),
)
async def delete_department(
    department_id: UUID, caller: DepartmentEditor, unit: Writing, now: Now
) -> None:
    """Delete a department that no visitor refers to."""
    departments = DepartmentRepository(unit)
    await departments.delete(await _locked(departments, department_id))
    record(unit, AuditAction.DEPARTMENT_DELETED, department_id, caller, now)


async def _locked(departments: DepartmentRepository, department_id: UUID) -> Department:
    department = await departments.lock(Department.id == department_id, key_share=True)
    if department is None:
        raise NotFound
    return department
