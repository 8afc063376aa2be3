"""Staff ends the sessions of the accounts that they manage."""

from uuid import UUID

from tests.support.api import Api
from tests.support.problems import problem

NOBODY = UUID("01936b0e-7a4c-7cc3-8a59-0f9a4d2b6c11")


async def test_staff_lists_the_sessions_of_a_host(api: Api):
    admin, host = await api.admin(), await api.host()
    await api.sign_in("charles@example.com", host.user_id)
    listed = (await admin.get(f"auth/users/{host.user_id}/sessions/")).json()["items"]
    assert [session["current"] for session in listed] == [False, False]


async def test_an_ended_session_is_refused_at_once(api: Api):
    admin, host = await api.admin(), await api.host()
    other = await api.sign_in("charles@example.com", host.user_id)
    path = f"auth/users/{host.user_id}/sessions/"
    newest = (await admin.get(path)).json()["items"][0]["id"]
    assert (await admin.delete(f"{path}{newest}/")).status_code == 204
    problem(await other.get("auth/me/"), 401, "not_authenticated")
    assert (await host.get("auth/me/")).status_code == 200
    problem(await admin.delete(f"{path}{newest}/"), 404, "not_found")


async def test_all_sessions_of_an_account_end_together(api: Api):
    root, admin = await api.superadmin(), await api.admin()
    assert (await root.delete(f"auth/users/{admin.user_id}/sessions/")).status_code == 204
    problem(await admin.get("auth/me/"), 401, "not_authenticated")
    assert (await root.get("auth/me/")).status_code == 200
    assert (await root.get(f"auth/users/{admin.user_id}/sessions/")).json()["items"] == []
    [event] = (await root.get("auth/events/", action="session_ended")).json()["items"]
    assert (event["actor_email"], event["details"]) == ("root@example.com", {"all": True})


async def test_sessions_of_other_accounts_are_not_found(api: Api):
    root, admin, host = await api.superadmin(), await api.admin(), await api.host()
    own = (await host.get("auth/sessions/")).json()["items"][0]["id"]
    for user_id in (root.user_id, NOBODY):
        path = f"auth/users/{user_id}/sessions/"
        problem(await admin.get(path), 404, "not_found")
        problem(await admin.delete(path), 404, "not_found")
        problem(await admin.delete(f"{path}{own}/"), 404, "not_found")
    problem(await host.get(f"auth/users/{host.user_id}/sessions/"), 403, "forbidden")


async def test_a_session_is_ended_by_its_own_account_alone(api: Api):
    admin, host, other = (
        await api.admin(),
        await api.host(),
        await api.host("m@example.com", "Mary"),
    )
    theirs = (await other.get("auth/sessions/")).json()["items"][0]["id"]
    answer = await admin.delete(f"auth/users/{host.user_id}/sessions/{theirs}/")
    problem(answer, 404, "not_found")
    assert (await other.get("auth/me/")).status_code == 200
