"""What keeps a command from the database, in a sentence, and what to do about it."""

from collections.abc import Iterator
from dataclasses import dataclass

PUT_RIGHT = "Put user and password in DATABASE_URL right."
BEHIND = "42P01", "42703"  # a table or a column that is not there
MIGRATE = "Run `vms migrate`."

# By SQLSTATE, of the whole or of its class.
KNOWN = {
    "28": ("lets this user with this password not in", PUT_RIGHT),
    "3D000": ("is not on that server", "Create it, or put its name in DATABASE_URL right."),
    "53300": ("has no connection left", "Add up the connections: docs/operations.md, Sizing."),
    "57P": ("is just starting or ending", "Try again."),
    "25006": ("is a replica, which takes no writes", "Point DATABASE_URL at the primary."),
    **dict.fromkeys(BEHIND, ("is behind this version", MIGRATE)),
}


@dataclass(frozen=True, slots=True)
class Reason:
    """Why the database could not be used; `says` goes on after its name."""

    says: str
    advice: str

    @property
    def sentence(self) -> str:
        return f"The database of DATABASE_URL {self.says}. {self.advice}"


def reason_of(error: BaseException) -> Reason | None:
    """The reason behind an error; None for one that says nothing of the way to the database."""
    state, text = _told(error)
    if "startup parameter" in text:
        advice = "A pooler stands there: end DATABASE_URL with ?pooler=transaction."
        return Reason(f"can't be reached: {text}", advice)
    for known in (state, state[:3], state[:2]):
        if known in KNOWN:
            says, advice = KNOWN[known]
            return Reason(says, advice)
    if isinstance(error, OSError):
        text = text or "it did not answer in time"
        return Reason(f"can't be reached: {text}", "Check DATABASE_URL, and that the server runs.")
    return None


def _told(error: BaseException) -> tuple[str, str]:
    """SQLSTATE and first line of the error that the server or the network gave."""
    state, text = "", ""
    for each in _causes(error):
        state = getattr(each, "sqlstate", None) or state
        text = (str(each).splitlines() or [text])[0]
    return state, text


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__
