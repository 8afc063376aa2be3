"""Drives a running service with the generated Python client: `python drive.py ADDRESS FOLDER`."""

import sys
from datetime import date
from io import BytesIO
from pathlib import Path
from uuid import uuid4

from visitor_management import AuthenticatedClient, Client
from visitor_management.api.auth import auth_login, auth_me
from visitor_management.api.scans import visitors_verify_qr
from visitor_management.api.visitors import (
    visitors_bulk_upload,
    visitors_create,
    visitors_list,
    visitors_qr_png,
)
from visitor_management.models import (
    AlreadyInsideProblem,
    BulkUpload,
    BulkUploadResult,
    Credentials,
    InvalidCredentialsProblem,
    InvalidProblem,
    InvalidRowsProblem,
    NotAuthenticatedProblem,
    OwnAccount,
    ScanAccepted,
    ScanCreate,
    SignIn,
    SlotFullProblem,
    Visitor,
    VisitorCreate,
    VisitorOrdering,
    VisitorPage,
    VisitorStatus,
)
from visitor_management.types import UNSET, File, Unset

ADMIN = "admin@ifactory.com"
MONDAY = date(2026, 11, 23)


def visitor(email: str = "ada@example.com", visit_time: str = "09:00") -> VisitorCreate:
    return VisitorCreate(name="Ada Lovelace", email=email, visit_date=MONDAY, visit_time=visit_time)


def sign_in(address: str) -> AuthenticatedClient:
    stranger = Client(base_url=address)
    wrong = auth_login.sync(client=stranger, body=Credentials(email=ADMIN, password="wrong"))
    assert isinstance(wrong, InvalidCredentialsProblem)
    known = auth_login.sync(client=stranger, body=Credentials(email=ADMIN, password="admin123"))
    assert isinstance(known, SignIn)
    client = AuthenticatedClient(base_url=address, token=known.access)
    assert isinstance(auth_me.sync(client=client), OwnAccount)
    nobody = AuthenticatedClient(base_url=address, token="no.such.token")
    assert isinstance(auth_me.sync(client=nobody), NotAuthenticatedProblem)
    return client


def register(client: AuthenticatedClient) -> Visitor:
    ada = visitor()
    key = str(uuid4())
    first, again = (
        visitors_create.sync(client=client, body=ada, idempotency_key=key) for _ in range(2)
    )
    assert isinstance(first, Visitor)
    assert first == again
    assert first.status is VisitorStatus.PENDING
    faulty = visitor(email="nowhere")
    refused = visitors_create.sync(client=client, body=faulty)
    assert isinstance(refused, InvalidProblem)
    assert [fault.field for fault in refused.errors] == ["email"]
    full = visitor(visit_time="16:00")
    instead = visitors_create.sync(client=client, body=full)
    assert isinstance(instead, SlotFullProblem)
    assert instead.alternatives[0].visit_time == "09:00"
    image = visitors_qr_png.sync(client=client, visitor_id=first.id)
    assert isinstance(image, File)
    assert image.payload.read(4) == b"\x89PNG"
    return first


def upload(client: AuthenticatedClient, folder: Path) -> None:
    def send(name: str) -> object:
        file = File(payload=BytesIO((folder / name).read_bytes()), file_name=name)
        return visitors_bulk_upload.sync(client=client, body=BulkUpload(file=file))

    refused = send("faulty.xlsx")
    assert isinstance(refused, InvalidRowsProblem)
    assert [(fault.row, fault.column) for fault in refused.errors] == [(2, "Email")]
    made = send("good.xlsx")
    assert isinstance(made, BulkUploadResult)
    assert made.total == 5


def names(client: AuthenticatedClient) -> list[str]:
    found: list[str] = []
    cursor: str | Unset = UNSET
    while True:
        page = visitors_list.sync(
            client=client, limit=2, ordering=VisitorOrdering.CREATED_AT, cursor=cursor
        )
        assert isinstance(page, VisitorPage)
        found += [visitor.name for visitor in page.items]
        if page.next_cursor is None:
            return found
        cursor = page.next_cursor


def scan(client: AuthenticatedClient, code: str) -> None:
    body = ScanCreate(token=code, scan_id=uuid4())
    first, again = (visitors_verify_qr.sync(client=client, body=body) for _ in range(2))
    assert isinstance(first, ScanAccepted)
    assert isinstance(again, ScanAccepted)
    assert (first.replayed, again.replayed) == (False, True)
    second = visitors_verify_qr.sync(client=client, body=ScanCreate(token=code))
    assert isinstance(second, AlreadyInsideProblem)
    assert second.since


def main() -> None:
    client = sign_in(sys.argv[1])
    ada = register(client)
    upload(client, Path(sys.argv[2]))
    assert len(names(client)) == 6
    assert ada.qr_code
    scan(client, ada.qr_code)
    sys.stdout.write("driven")


if __name__ == "__main__":
    main()
