"""Which passwords an installation accepts: the rules, and the words that anybody here would try."""

from dataclasses import dataclass

from app.core.db.database import Database
from app.users.password_rules import require_strong, words_of
from app.users.repository import UserReader


@dataclass(frozen=True, slots=True)
class PasswordPolicy:
    """`words` are those of the settings; the names of the sites are added to them.

    They are read in a session of their own, which is over before bcrypt begins.
    """

    database: Database
    words: frozenset[str]

    async def require_strong(self, password: str, email: str, *, field: str) -> None:
        """Raises `Invalid` for `field` where the password is refused."""
        async with self.database.read() as session:
            names = await UserReader(session).names_of_sites()
        require_strong(password, email, field=field, words=self.words | words_of(*names))
