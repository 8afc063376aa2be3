"""The password rules of an installation."""

from dataclasses import dataclass

from app.core.db.database import Database
from app.users.password_rules import require_strong, words_of
from app.users.repository import UserReader


@dataclass(frozen=True, slots=True)
class PasswordPolicy:
    """Refuses weak passwords; site names and `words` from the settings are weak.

    The names are read in a separate session, which ends before bcrypt begins.
    """

    database: Database
    words: frozenset[str]

    async def require_strong(self, password: str, email: str, *, field: str) -> None:
        """Raise `Invalid` for `field` if the password is weak."""
        async with self.database.read() as session:
            names = await UserReader(session).names_of_sites()
        require_strong(password, email, field=field, words=self.words | words_of(*names))
