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
        "groups": "Visitors who come together: register, move and cancel them at once.",
        "desk": "The day at the desk in one call, and its search.",
        "slots": "The hours of a site that can still be booked.",
        "scans": "Scans at gates, online and offline.",
        "reports": "Dashboard, trends and exports.",
        "sites": "Sites: opening hours, capacity and closures.",
        "musters": "Evacuations and drills: who is on site, and who is safe.",
        "departments": "Departments that visitors come to see.",
        "devices": "Gate scanners and kiosks, and their keys.",
        "api keys": "Keys of programs, and what each may do.",
        "webhooks": "Events posted to the company's own servers, signed (Standard Webhooks).",
        "notifications": "Mails and their delivery.",
        "events": "What happened, in order and complete, for systems that keep in step.",
        "audit": "Everything that was done, by whom and when, chained by hashes.",
        "meta": "The words of the API with labels for people, and its limits.",
        "health": "Health checks and metrics for operators.",
    }.items()
]
