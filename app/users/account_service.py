"""Create accounts from the command line."""

from datetime import datetime

from pydantic import TypeAdapter, ValidationError

from app.audit.models import USER, AuditEntry
from app.audit.repository import COMMAND_LINE, entry_row
from app.core.clock import SystemClock
from app.core.db.database import Database, WriteSession
from app.core.security.passwords import PasswordHasher
from app.core.text import Email
from app.settings import Settings
from app.users.errors import EmailTaken
from app.users.models import Role, User
from app.users.password_rules import weakness, words_of, words_of_place
from app.users.repository import UserReader, UserRepository
from app.users.service import create_user

DEVELOPMENT = (
    ("superadmin@ifactory.com", "superadmin123", "Super", "Admin", Role.SUPERADMIN),
    ("admin@ifactory.com", "admin123", "Front", "Desk", Role.ADMIN),
)
# Of the roles that are left, with the demo data.
DEMO = (
    ("host@ifactory.com", "host1234", "Charles", "Babbage", Role.HOST),
    ("reception@ifactory.com", "reception123", "Mary", "Somerville", Role.RECEPTIONIST),
    ("guard@ifactory.com", "guard123", "Grace", "Hopper", Role.GUARD),
)


async def create_development_accounts(settings: Settings, *, demo: bool = False) -> None:
    """Create the README's accounts that are missing; with `demo` one of each role."""
    database, hasher = Database(settings.database_url), PasswordHasher(settings.bcrypt_rounds)
    now = SystemClock().now()
    try:
        async with database.write() as unit:
            users = UserRepository(unit)
            wanted = (*DEVELOPMENT, *DEMO) if demo else DEVELOPMENT
            for email, password, first_name, last_name, role in wanted:
                if await users.by_email(email) is None:
                    user = await create_user(
                        users,
                        hasher,
                        email=email,
                        password=password,
                        role=role,
                        now=now,
                        first_name=first_name,
                        last_name=last_name,
                    )
                    _record(unit, user, now)
    finally:
        await database.close()


async def has_development_accounts(settings: Settings) -> bool:
    """Return whether a development account still has its published password."""
    database, hasher = Database(settings.database_url), PasswordHasher(settings.bcrypt_rounds)
    try:
        async with database.read() as session:
            for email, password, *_ in (*DEVELOPMENT, *DEMO):
                user = await UserReader(session).by_email(email)
                if user and user.is_active and hasher.verify_now(password, user.password_hash):
                    return True
        return False
    finally:
        await database.close()


async def create_superadmin(settings: Settings, email: str, password: str) -> None:
    """Create a superadmin; raise ValueError with a message for users."""
    try:
        email = TypeAdapter(Email).validate_python(email)
    except ValidationError:
        raise ValueError("This is not a valid e-mail address.") from None
    database, hasher = Database(settings.database_url), PasswordHasher(settings.bcrypt_rounds)
    try:
        async with database.write() as unit:
            names = await UserRepository(unit).names_of_sites()
            words = words_of_place(settings) | words_of(*names)
            if (found := weakness(password, email, words)) is not None:
                raise ValueError(f"{found.message}.")
            now = SystemClock().now()
            user = await create_user(
                UserRepository(unit),
                hasher,
                email=email,
                password=password,
                role=Role.SUPERADMIN,
                now=now,
            )
            _record(unit, user, now)
    except EmailTaken:
        raise ValueError("An account with this e-mail address already exists.") from None
    finally:
        await database.close()


def _record(unit: WriteSession, user: User, now: datetime) -> None:
    row = entry_row(USER, user.id, "created", COMMAND_LINE, now, role=user.role.value)
    unit.append(AuditEntry, row)
