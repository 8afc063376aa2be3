from collections.abc import Sequence
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from app.core.languages import Language, translations
from app.notifications.links import mail_link, phone_link
from app.notifications.payloads import local_moment
from app.notifications.wording import brief, wording

I18N = "jinja2.ext.i18n"


def environment(language: Language, folders: Sequence[Path], *, html: bool) -> Environment:
    """Return an environment that searches these folders in order.

    `html` escapes every value that is not the output of a macro.
    """
    made = Environment(
        loader=FileSystemLoader(folders),
        extensions=[I18N],
        autoescape=html,  # noqa: S701 - plain text is not escaped
        undefined=StrictUndefined,
        auto_reload=False,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    install = made.install_gettext_translations  # type: ignore[attr-defined] # the extension's
    install(translations(language), newstyle=True)
    words = wording(language)
    made.filters |= {
        "brief": brief,
        "clock": words.clock,
        "day": words.day,
        "duration": words.duration,
        "mail_link": mail_link,
        "moment": words.moment,
        "phone_link": phone_link,
        "purpose": words.purpose,
        "short_day": words.short_day,
        "time_of_day": words.time_of_day,
        "when": words.when,
        "zone": words.zone,
    }
    made.globals |= {
        "direction": language.direction,
        "language": language.value,
        "local_moment": local_moment,
        "start": "right" if language.direction == "rtl" else "left",
    }
    return made
