"""What the OpenAPI document says of the API as a whole."""

from pathlib import Path

INTRODUCTION = Path(__file__).with_name("introduction.md").read_text(encoding="utf-8")
CONTACT = {"name": "The team of Visitor management"}
SERVERS = [{"url": "/", "description": "The installation that this document comes from"}]
TAGS = [
    {"name": name, "description": description}
    for name, description in {
        "auth": "Signing in, one's own account, password and sessions.",
        "users": "The accounts of others: all for a superadmin, those of hosts for an admin.",
        "visitors": "The visitor's record and its life: registered, let in, out, cancelled, moved.",
        "slots": "Which hours of a site can still be booked.",
        "scans": "What gates ask and report.",
        "reports": "Dashboard, trends and exports.",
        "sites": "The places that visitors come to: opening hours, capacity, closures.",
        "departments": "The departments that visitors come to see.",
        "devices": "Gates and kiosks, and their keys.",
        "notifications": "Mails and what became of them.",
        "health": "What operators and orchestrators ask.",
    }.items()
]
