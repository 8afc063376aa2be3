"""`vms reset-second-factor`: the way back for somebody who has lost a second factor."""

from typing import TYPE_CHECKING, Annotated

import typer

from app.commands.showing import AsJson, print_json
from app.commands.starting import fail, prepared, run

if TYPE_CHECKING:
    from datetime import datetime

    from app.settings import Settings


def reset_second_factor(
    email: Annotated[str, typer.Option(help="E-mail address of the account")],
    as_json: AsJson = False,
) -> None:
    """Remove the second factors of an account and end its sessions.

    The owner is mailed, and the reset is recorded as an account event.
    """
    from app.core.clock import SystemClock

    had_one = run(reset_of(prepared(), email, SystemClock().now()))
    if had_one is None:
        fail("No account has this e-mail address.")
    if as_json:
        print_json({"email": email, "reset": had_one})
    elif had_one:
        typer.echo(f"{email} signs in with the password alone now.")
    else:
        typer.echo(f"{email} has no second factor.")


async def reset_of(settings: "Settings", email: str, now: "datetime") -> bool | None:
    """Return whether the account had a second factor; None if there is no account."""
    import app.tables  # noqa: F401 - a mail refers to visitors, the type of whose id is needed
    from app.accounts.second_factor_service import reset_factors
    from app.audit.repository import COMMAND_LINE
    from app.auth.factor_mails import FactorMails
    from app.core.db.database import Database
    from app.core.languages import Language
    from app.users.repository import UserRepository

    async def wake() -> None:
        """Wake nobody: the worker looks for mail by itself."""

    database = Database(settings.database_url)
    try:
        async with database.write() as unit:
            user = await UserRepository(unit).lock_by_email(email)
            if user is None:
                return None
            mails = FactorMails(wake, Language.ENGLISH)
            return await reset_factors(unit, user, mails, now, by=COMMAND_LINE)
    finally:
        await database.close()
