from collections.abc import Iterator
from dataclasses import dataclass

CHECK_CREDENTIALS = "Correct the user and password in DATABASE_URL."
BEHIND = "42P01", "42703"  # a table or column does not exist
MIGRATE = "Run `vms migrate`."

# By SQLSTATE or its class.
KNOWN = {
    "28": ("refuses this user and password", CHECK_CREDENTIALS),
    "3D000": ("does not exist on that server", "Create it, or correct its name in DATABASE_URL."),
    "53300": ("has no connection left", "Add up the connections: docs/operations.md, Sizing."),
    "57P": ("is starting up or shutting down", "Try again."),
    "25006": ("is a replica, which is read-only", "Point DATABASE_URL at the primary."),
    **dict.fromkeys(BEHIND, ("needs migrations of this version", MIGRATE)),
}


@dataclass(frozen=True, slots=True)
class Reason:
    """`says` follows the name of the database."""

    says: str
    advice: str

    @property
    def sentence(self) -> str:
        return f"The database of DATABASE_URL {self.says}. {self.advice}"


def reason_of(error: BaseException) -> Reason | None:
    """Return the reason behind an error, or None if it is not about the connection."""
    state, text = _state_and_text(error)
    if "startup parameter" in text:
        advice = "A pooler is in between: add ?pooler=transaction to DATABASE_URL."
        return Reason(f"cannot be reached: {text}", advice)
    for known in (state, state[:3], state[:2]):
        if known in KNOWN:
            says, advice = KNOWN[known]
            return Reason(says, advice)
    if isinstance(error, OSError):
        text = text or "it did not respond in time"
        return Reason(
            f"cannot be reached: {text}", "Check DATABASE_URL, and that the server is running."
        )
    return None


def _state_and_text(error: BaseException) -> tuple[str, str]:
    """Return the SQLSTATE and first line of the original error."""
    state, text = "", ""
    for each in _causes(error):
        state = getattr(each, "sqlstate", None) or state
        text = (str(each).splitlines() or [text])[0]
    return state, text


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__
