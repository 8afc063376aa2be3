import pytest
from _pytest.outcomes import Failed, Skipped

from tests.support.left_out import leave_out, pytest_runtest_setup


@pytest.mark.parametrize(("ci", "outcome"), [("", Skipped), ("true", Failed), ("1", Failed)])
def test_what_a_machine_lacks_is_skipped_but_fails_in_ci(
    ci: str, outcome: type[BaseException], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CI", ci)
    with pytest.raises(outcome, match="no Chromium"):
        leave_out("no Chromium")


@pytest.mark.parametrize("condition", ["/usr/bin/chromium", True])
def test_a_test_whose_needs_are_met_runs(condition: object, request: pytest.FixtureRequest) -> None:
    request.node.add_marker(pytest.mark.needs(condition, "no Chromium"))
    pytest_runtest_setup(request.node)


@pytest.mark.parametrize("condition", [None, False])
def test_a_test_whose_needs_are_not_met_fails_in_ci(
    condition: object, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CI", "true")
    request.node.add_marker(pytest.mark.needs(condition, "no Chromium"))
    with pytest.raises(Failed, match="no Chromium"):
        pytest_runtest_setup(request.node)
