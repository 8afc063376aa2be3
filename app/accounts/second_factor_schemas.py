"""Request and response bodies of second factors."""

from datetime import datetime
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from app.auth.schemas import CREDENTIAL, Credential, GivenCode
from app.core.text import RequiredLine


class TotpEnrolment(BaseModel):
    """The secret of an authenticator app, as text, as URI and as QR code."""

    secret: str = Field(
        description="Base 32, to be typed in", examples=["JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"]
    )
    uri: str = Field(
        description="The content of the QR code",
        examples=["otpauth://totp/Visitor%20management:ada%40example.com?secret=JBSWY3DP"],
    )
    qr_svg: str = Field(
        description="The QR code as an SVG element with a viewBox and no size",
        examples=['<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 41 41"></svg>'],
    )


class TotpConfirmation(BaseModel):
    """A code of the new app."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"code": "123456"}})

    code: GivenCode


class RecoveryCodes(BaseModel):
    """Recovery codes, shown only here; each replaces a second factor once."""

    recovery_codes: list[str] = Field(examples=[["8k2m-qx4t-7v0c-hn5d"]])


class PasskeyName(BaseModel):
    """The name of a passkey."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"name": "Laptop"}})

    name: RequiredLine


class PasskeyCreate(PasskeyName):
    """A new passkey: the browser's answer to the options."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"example": {"name": "Laptop", "credential": CREDENTIAL}},
    )

    credential: Credential


class Passkey(BaseModel):
    """A passkey of the caller."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    name: str = Field(examples=["Laptop"])
    created_at: datetime
    last_used_at: datetime | None


class Passkeys(BaseModel):
    """The passkeys of the caller."""

    items: list[Passkey]
