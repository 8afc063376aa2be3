"""The table of permissions per role, used by the guards and the documentation."""

from enum import StrEnum

from app.auth.caller import CallerRole


class Permission(StrEnum):
    """Something that a caller may be permitted to do."""

    USE_OWN_ACCOUNT = "use_own_account"
    REGISTER_VISITOR = "register_visitor"
    MANAGE_VISITORS = "manage_visitors"
    SCAN = "scan"
    SEE_SCANS = "see_scans"
    SEE_SITES = "see_sites"
    SEE_SLOTS = "see_slots"
    SEE_HOSTS = "see_hosts"
    SEE_DEPARTMENTS = "see_departments"
    MANAGE_SITES = "manage_sites"
    MANAGE_SLOTS = "manage_slots"
    MANAGE_DEPARTMENTS = "manage_departments"
    MANAGE_DEVICES = "manage_devices"
    MANAGE_NOTIFICATIONS = "manage_notifications"
    SEND_HEARTBEAT = "send_heartbeat"
    MANAGE_USERS = "manage_users"
    MANAGE_ALL_USERS = "manage_all_users"
    READ_AUDIT_LOG = "read_audit_log"


_HOST = frozenset(
    {
        Permission.USE_OWN_ACCOUNT,
        Permission.REGISTER_VISITOR,
        Permission.MANAGE_VISITORS,  # only their own: limited by the queries
        Permission.SEE_SITES,
        Permission.SEE_SLOTS,
        Permission.SEE_HOSTS,
        Permission.SEE_DEPARTMENTS,
    }
)
_ADMIN = _HOST | {
    Permission.SCAN,
    Permission.SEE_SCANS,
    Permission.MANAGE_SLOTS,
    Permission.MANAGE_DEPARTMENTS,
    Permission.MANAGE_DEVICES,
    Permission.MANAGE_NOTIFICATIONS,
    Permission.READ_AUDIT_LOG,
    Permission.MANAGE_USERS,  # only hosts: `app/accounts/user_service.py`
}
_SUPERADMIN = _ADMIN | {Permission.MANAGE_SITES, Permission.MANAGE_ALL_USERS}

PERMISSIONS: dict[CallerRole, frozenset[Permission]] = {
    CallerRole.SUPERADMIN: _SUPERADMIN,
    CallerRole.ADMIN: _ADMIN,
    CallerRole.HOST: _HOST,
    CallerRole.SCANNER: frozenset({Permission.SCAN, Permission.SEND_HEARTBEAT}),
    CallerRole.KIOSK: frozenset(
        {
            Permission.REGISTER_VISITOR,
            Permission.SEE_SLOTS,
            Permission.SEE_HOSTS,
            Permission.SEE_DEPARTMENTS,
            Permission.SEND_HEARTBEAT,
        }
    ),
    # If the site allows it: `app/sites/access.py`.
    CallerRole.ANONYMOUS: frozenset({Permission.REGISTER_VISITOR, Permission.SEE_SLOTS}),
}
