"""The general information in the OpenAPI document."""

from pathlib import Path

INTRODUCTION = Path(__file__).with_name("introduction.md").read_text(encoding="utf-8")
CONTACT = {"name": "The Visitor management team"}
SERVERS = [{"url": "/", "description": "The installation that serves this document"}]
TAGS = [
    {"name": name, "description": description}
    for name, description in {
        "auth": "Signing in, and the caller's own account, password and sessions.",
        "users": "Other accounts: superadmins manage all of them, admins those of hosts.",
        "visitors": "Visitor records: register, check in, check out, reschedule and cancel.",
        "slots": "The hours of a site that can still be booked.",
        "scans": "Scans at gates, online and offline.",
        "reports": "Dashboard, trends and exports.",
        "sites": "Sites that visitors come to: opening hours, capacity and closures.",
        "departments": "The departments that visitors come to see.",
        "devices": "Gate scanners and kiosks, and their keys.",
        "notifications": "Mails and their delivery.",
        "audit": "Everything that was done, by whom and when, chained by hashes.",
        "health": "Health checks and metrics for operators.",
    }.items()
]
