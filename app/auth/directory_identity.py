"""What the directory says of a person, read from claims that were checked."""

from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from pydantic import TypeAdapter, ValidationError

from app.core.text import Email
from app.users.schemas import PersonName

_EMAIL: TypeAdapter[str] = TypeAdapter(Email)
_NAME: TypeAdapter[str] = TypeAdapter(PersonName)
# Where Microsoft says that a user has more groups than fit in a token.
LEFT_OUT = ("_claim_names", "hasgroups")
# The year 3000, which every clock can show.
LATEST = 32_503_680_000


@dataclass(frozen=True, slots=True)
class Identity:
    """A person in the directory.

    `groups` are those that give a role, or None if the directory left them out of the answer.
    `signed_in_at` is when they last entered something there (a Unix time), if the directory says.
    """

    issuer: str
    subject: str
    email: str | None
    is_verified: bool
    first_name: str
    last_name: str
    groups: list[str] | None
    has_second_factor: bool
    signed_in_at: float | None = None

    @property
    def domain(self) -> str:
        return (self.email or "").rpartition("@")[2].lower()

    def document(self) -> dict[str, Any]:
        """Return the identity as JSON."""
        return asdict(self)

    def trusted(self) -> "Identity":
        """Return the identity with an address that counts as verified."""
        return replace(self, is_verified=True)


def lacks(claims: Mapping[str, Any], role_claim: str) -> bool:
    """Return whether the ID token leaves out what userinfo may say."""
    wanted = ("email", "email_verified", "given_name", "family_name")
    return any(name not in claims for name in wanted) or _found(claims, role_claim) is None


def identity_of(
    claims: Mapping[str, Any],
    userinfo: Mapping[str, Any],
    *,
    role_claim: str,
    known_groups: Collection[str],
    trust_email: bool,
    trust_mfa: bool,
) -> Identity:
    """Return the person of an ID token; userinfo says what that leaves out."""
    email, is_verified = _address(claims, userinfo, trust=trust_email)
    first_name, last_name = _names({**userinfo, **claims})
    return Identity(
        issuer=claims["iss"],
        subject=claims["sub"],
        email=email,
        is_verified=is_verified,
        first_name=first_name,
        last_name=last_name,
        groups=_groups(claims, userinfo, role_claim, known_groups),
        has_second_factor=trust_mfa or "mfa" in _texts(claims.get("amr")),
        signed_in_at=_instant(claims.get("auth_time")),
    )


def _instant(said: Any) -> float | None:
    """Return a Unix time from the beginning on; one that is out of bounds is the beginning."""
    if not isinstance(said, int | float):
        return None
    return float(said) if 0 <= said < LATEST else 0.0


def _address(
    claims: Mapping[str, Any], userinfo: Mapping[str, Any], *, trust: bool
) -> tuple[str | None, bool]:
    """Return the address and whether it is verified, both said by the same source."""
    sources = [source for source in (claims, userinfo) if isinstance(source.get("email"), str)]
    saying = [source for source in sources if "email_verified" in source]
    for source in (*saying, *sources):
        try:
            email = _EMAIL.validate_python(source["email"])
        except ValidationError:
            continue
        # A plain no is believed even where silence is trusted.
        return email, source.get("email_verified", trust) is True
    return None, False


def _names(said: Mapping[str, Any]) -> tuple[str, str]:
    """Return first and last name; what could not be typed as a name here is left out."""
    first_name, last_name = said.get("given_name"), said.get("family_name")
    if not first_name and not last_name and isinstance(name := said.get("name"), str):
        first_name, _, last_name = name.strip().partition(" ")
    return _name(first_name), _name(last_name)


def _name(said: Any) -> str:
    try:
        return _NAME.validate_python(said)
    except ValidationError:
        return ""


def _groups(
    claims: Mapping[str, Any], userinfo: Mapping[str, Any], claim: str, known: Collection[str]
) -> list[str] | None:
    found = _found(claims, claim)
    if found is None and not any(name in claims for name in LEFT_OUT):
        found = _found(userinfo, claim) or []
    return None if found is None else sorted(set(known).intersection(_texts(found)))


def _found(claims: Mapping[str, Any], path: str) -> Any:
    """Return a claim by its name, or by the names of the objects that it is in."""
    if path in claims:
        return claims[path]
    found: Any = claims
    for name in path.split("."):
        found = found.get(name) if isinstance(found, Mapping) else None
    return found


def _texts(found: Any) -> list[str]:
    values = found if isinstance(found, list) else [found]
    return [value for value in values if isinstance(value, str)]
