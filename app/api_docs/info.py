from pathlib import Path

INTRODUCTION = Path(__file__).with_name("introduction.md").read_text(encoding="utf-8")
CONTACT = {"name": "The Visitor management team"}
SERVERS = [{"url": "/", "description": "The installation that serves this document"}]
TAGS = [
    {"name": name, "description": description}
    for name, description in {
        "auth": "Sign-in, and the caller's account, password and sessions.",
        "users": "Accounts: superadmins manage all, admins those of hosts.",
        "visitors": "Visitors: register, check in, check out, reschedule and cancel.",
        "slots": "The hours of a site that can still be booked.",
        "scans": "Scans at gates, online and offline.",
        "reports": "Dashboard, trends and exports.",
        "sites": "Sites: opening hours, capacity and closures.",
        "departments": "Departments that visitors come to see.",
        "devices": "Gate scanners and kiosks, and their keys.",
        "notifications": "Mails and their delivery.",
        "audit": "Everything that was done, by whom and when, chained by hashes.",
        "health": "Health checks and metrics for operators.",
    }.items()
]
