import smtplib
import socket
from collections.abc import Callable, Iterator
from email.message import EmailMessage
from pathlib import Path

import pytest

from devserver.mail import MailCatcher
from devserver.process import EmbeddedError
from tests.devserver.helpers import alive, eventually, kill, kill_server, linux, start_script

SUPERVISOR = """
import pathlib, sys, time
from devserver.mail import MailCatcher
server = MailCatcher(pathlib.Path(sys.argv[1]))
server.start()
print(server.pid, server.port, flush=True)
time.sleep(600)
"""

StartMail = Callable[..., MailCatcher]


@pytest.fixture
def start() -> Iterator[StartMail]:
    """Yield a function that starts a catcher; stop all at the end."""
    started = []

    def start(directory: Path):
        catcher = MailCatcher(directory)
        started.append(catcher)
        catcher.start()
        return catcher

    yield start
    for catcher in started:
        catcher.stop()


def _message(subject: str) -> EmailMessage:
    message = EmailMessage()
    message["Subject"] = subject
    message["From"], message["To"] = "desk@example.com", "visitor@example.com"
    message.set_content("Grüße\n.a line with a dot\n")
    return message


def _send(port: int, *subjects: str) -> None:
    with smtplib.SMTP("127.0.0.1", port) as client:
        for subject in subjects:
            client.send_message(_message(subject))


def test_a_message_is_a_file_as_sent_before_it_is_answered(
    tmp_path: Path, start: StartMail
) -> None:
    catcher = start(tmp_path / "mail")
    sent = b"Subject: Welcome\r\n\r\n.dot\r\nGr\xc3\xbc\xc3\x9fe\r\n"
    with smtplib.SMTP("127.0.0.1", catcher.port) as client:
        client.sendmail("desk@example.com", ["visitor@example.com"], sent)
        (file,) = catcher.directory.iterdir()
        assert file.read_bytes() == sent


def test_files_sort_by_time(tmp_path: Path, start: StartMail) -> None:
    catcher = start(tmp_path / "mail")
    subjects = [f"number {number}" for number in range(12)]
    _send(catcher.port, *subjects)
    files = sorted(catcher.directory.glob("*.eml"))
    assert [file.read_text().splitlines()[0] for file in files] == [
        f"Subject: {subject}" for subject in subjects
    ]


def test_messages_survive_kill_9_and_half_written_ones_do_not(
    tmp_path: Path, start: StartMail
) -> None:
    catcher = start(tmp_path / "mail")
    _send(catcher.port, "kept")
    kill_server(catcher.pid)
    eventually(lambda: not catcher.running)
    (catcher.directory / ".half.eml.draft").write_text("half")
    catcher.start()
    _send(catcher.port, "second")
    assert [file.suffix for file in catcher.directory.iterdir()] == [".eml", ".eml"]


def test_a_second_start_keeps_the_port(tmp_path: Path, start: StartMail) -> None:
    catcher = start(tmp_path / "mail")
    port = catcher.port
    catcher.stop()
    catcher.start()
    assert catcher.port == port


def test_it_refuses_connections_once_it_is_gone(tmp_path: Path, start: StartMail) -> None:
    catcher = start(tmp_path / "mail")
    kill_server(catcher.pid)
    eventually(lambda: not catcher.running)
    with pytest.raises(ConnectionRefusedError):
        _send(catcher.port, "nobody hears this")


@linux
def test_kill_9_of_the_supervisor_ends_it(tmp_path: Path) -> None:
    supervisor = start_script(SUPERVISOR, tmp_path / "mail")
    assert supervisor.stdout
    pid, port = map(int, supervisor.stdout.readline().split())
    _send(port, "kept")
    kill(supervisor)
    eventually(lambda: not alive(pid))
    assert len(list((tmp_path / "mail").glob("*.eml"))) == 1


def test_a_taken_port_is_reported_in_one_sentence(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(EmbeddedError, match=f"cannot listen on 127.0.0.1:{port}: Address"):
            MailCatcher(tmp_path / "mail", port=port).start()
