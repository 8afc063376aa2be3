"""`vms audit`: verify the audit log."""

from typing import TYPE_CHECKING, Annotated

import typer

from app.commands.showing import AsJson, print_json
from app.commands.starting import fail, prepared, run

if TYPE_CHECKING:
    from app.audit.chain import Position
    from app.audit.verification_service import Verdict
    from app.settings import Settings

audit = typer.Typer(help="Verify the audit log.", no_args_is_help=True)


@audit.callback()
def _group() -> None:
    """Verify the audit log."""


@audit.command()
def verify(
    head: Annotated[
        list[str] | None,
        typer.Option(metavar="SEQ:HASH", help="A head from the log or your own records"),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Find changed, missing and inserted entries, and an end that was cut off.

    Exits with 1 if there are any. Heads that were kept elsewhere prove what the database cannot.
    """
    settings, known = prepared(), [_position(text) for text in head or ()]
    verdict = run(_verify(settings, known))
    if as_json:
        print_json(_facts(verdict))
    else:
        for line in lines(verdict):
            typer.echo(line)
    if not verdict.is_sound:
        raise typer.Exit(1)


def lines(verdict: "Verdict") -> list[str]:
    """Return the sentences of a verdict, one a line."""
    more = [f"and {verdict.more_faults} more"] if verdict.more_faults else []
    begins = f", after {verdict.anchor.position}" if verdict.anchor else ""
    state = "unbroken" if verdict.is_sound else "BROKEN"
    found = f"The chain of {verdict.entries} entries is {state}{begins}. Head: {verdict.end}"
    return [*verdict.faults, *more, *verdict.notes, found]


def _facts(verdict: "Verdict") -> dict[str, object]:
    return {
        "entries": verdict.entries,
        "head": str(verdict.end),
        "anchor": str(verdict.anchor.position) if verdict.anchor else None,
        "faults": verdict.faults,
        "more_faults": verdict.more_faults,
        "notes": verdict.notes,
    }


def _position(text: str) -> "Position":
    from app.audit.chain import Position

    seq, _, digest = text.partition(":")
    try:
        position = Position(int(seq), bytes.fromhex(digest))
    except ValueError:
        fail(f"{text} is no head: give SEQ:HASH, as the log and this command print it.")
    if len(position.hash) != 32 or position.seq < 1:
        fail(f"{text} is no head: give SEQ:HASH, as the log and this command print it.")
    return position


async def _verify(settings: "Settings", known: "list[Position]") -> "Verdict":
    from app.audit.chain import Signer
    from app.audit.verification_service import verify as check
    from app.core.db.database import Database

    database = Database(settings.database_url)
    try:
        return await check(database, Signer(settings.key_ring), known)
    finally:
        await database.close()
