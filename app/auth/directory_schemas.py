"""Request and response bodies of sign-in by directory."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from app.auth.schemas import GivenToken

Challenge = Annotated[
    str,
    StringConstraints(pattern=r"^[A-Za-z0-9_-]{43}$"),
    Field(
        description="The S256 challenge (RFC 7636) of a secret that the page keeps",
        examples=["E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"],
    ),
]
# Checked by `require_return_to`, which has a code of its own.
ReturnTo = Annotated[
    str,
    Field(
        description="The path of the front end to return to; one that begins with `/reception/` "
        "is of this service",
        examples=["/visitors?day=today"],
    ),
]


class DirectoryConfirmation(BaseModel):
    """Where the confirmation leads, and the challenge of the page."""

    model_config = ConfigDict(extra="forbid")

    return_to: ReturnTo = "/"
    challenge: Challenge


class DirectoryAddress(BaseModel):
    """The address that the page opens within a minute."""

    url: str = Field(examples=["https://visitors.example.com/api/auth/oidc/start/?ticket=gAAAAABp"])


class DirectoryRedemption(BaseModel):
    """The code of the address, and the secret of the page."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "example": {
                "code": "Zk1vQ2x5dGhlIGNvZGUgb2YgdGhlIGFkZHJlc3M",
                "verifier": "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk",
            }
        },
    )

    code: GivenToken
    verifier: GivenToken
