"""The server of the page: who may come in, how much it takes, what is left when it is killed."""

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest
from browsing import served
from load import API, SHIPPED, asked, uploaded, verified
from support import ROOT, Refused

from joint.app.limits import Limits
from joint.app.web.access import Access, Login, read_login
from joint.app.web.answering import ONE_AT_A_TIME
from joint.app.web.server import temporary_folder
from joint.errors import JointError
from tasks.verification.enrolment.files import read_database

if TYPE_CHECKING:
    from joint.app.web.examples import Examples
    from joint.app.web.service import Service


def test_token_and_login() -> None:
    from starlette.responses import PlainTextResponse
    from starlette.testclient import TestClient

    page = PlainTextResponse("page")
    open_page = TestClient(Access(page)).get("/")
    assert "default-src 'self'" in open_page.headers["content-security-policy"]
    client = TestClient(Access(page, token="t0ken"), follow_redirects=False)
    assert client.get("/").status_code == 401
    assert client.get("/?token=other").status_code == 401
    welcome = client.get("/?token=t0ken")
    assert welcome.status_code == 303 and "token" not in welcome.headers["location"]
    assert client.get("/").text == "page"  # by the cookie
    guarded = TestClient(Access(page, Login("anna", "p:ä")))
    assert guarded.get("/").headers["www-authenticate"].startswith("Basic ")
    assert guarded.get("/", auth=("anna", "p:ä".encode())).text == "page"
    assert guarded.get("/", auth=("anna", "wrong")).status_code == 401


def test_login_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text("secret: word \nnot this\n")
    assert read_login(f"anna:{file}") == Login("anna", "secret: word ")
    file.write_text("\n")
    for given, found in (
        (f"anna:{file}", "no password in"),
        ("anna", "'anna'; expected USER:PASSWORD-FILE"),
        (f"anna:{tmp_path / 'none'}", "unreadable file"),
    ):
        with pytest.raises(JointError, match=found):
            read_login(given)


def test_refused_before_a_model_is_loaded(refused: Refused, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert f"127.0.0.1:{port}: found address already in use" in refused("web", "--port", port)
    line = refused("web", "--host", "0.0.0.0", "--database", tmp_path / "people")
    assert line.startswith("error: --database: found --host 0.0.0.0, which others reach; expected")
    (tmp_path / "notes.txt").write_text("mine")
    assert "a folder with other content" in refused("web", "--port", 0, "--database", tmp_path)


def test_many_at_once(service: "Service", examples: "Examples") -> None:
    """No answer is lost; load.py asks for more of them."""
    with served(service) as address:
        answers = verified(address, examples.same, clients=8, times=2)
    assert len(answers) == 16
    assert {(a.event, a.content[0].split()[2]) for a in answers} == {("complete", "same,")}


def test_limits(service: "Service", examples: "Examples", tmp_path: Path) -> None:
    large = tmp_path / "large.wav"
    large.write_bytes(bytes(200_000))
    name = next(iter(service.models))
    service = replace(service, limits=Limits(megabytes=0.1, seconds=3.0))
    with served(service) as address, httpx.Client(base_url=address, timeout=300) as session:
        with large.open("rb") as file:
            assert session.post(f"{API}/upload", files={"files": file}).status_code == 413
        long = uploaded(session, examples.same[0])
        event, text, _ = asked(session, "verify", name, long, long)
        assert event == "error" and "3.6 s of audio; expected at most 3 s" in json.dumps(text)
        address = {**long, "path": "https://example.org/a.wav"}
        assert asked(session, "verify", name, address, long).event == "error"
        for place in (ROOT / "README.md", "/etc/passwd"):
            assert session.get(f"{API}/file={place}").status_code in (403, 404)


def test_a_full_queue_says_so(service: "Service") -> None:
    with (
        served(service, waiting=1) as address,
        httpx.Client(base_url=address, timeout=300) as session,
    ):
        empty = {"data": [SHIPPED, None, None]}
        with ONE_AT_A_TIME:  # the first request is being answered, the next waits, others do not
            for _ in range(4):
                refusal = session.post(f"{API}/call/verify", json=empty)
                if refusal.status_code != 200:
                    break
        assert refusal.status_code == 503 and "full" in refusal.text
        end = time.monotonic() + 60
        while (answer := asked(session, "verify", *empty["data"])).event == "503":
            assert time.monotonic() < end
        assert "found nothing" in str(answer.content)


def test_uploads_are_deleted(
    service: "Service", examples: "Examples", tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = shutil.copyfile(examples.target, tmp_path / "mine.ogg")
    monkeypatch.setattr("joint.app.web.page.LOOKED_AT_EVERY", 1)
    monkeypatch.setattr("joint.app.web.page.KEPT_SECONDS", 1)
    with served(service) as address, httpx.Client(base_url=address, timeout=300) as session:
        path = Path(uploaded(session, mine)["path"])
        assert service.folder in path.parents
        end = time.monotonic() + 60
        while path.exists() and time.monotonic() < end:
            time.sleep(0.2)
        assert not path.exists()


def test_folders_of_killed_servers_are_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setenv("GRADIO_TEMP_DIR", "")
    monkeypatch.setenv("GRADIO_ANALYTICS_ENABLED", "")
    dead, living = tmp_path / f"joint-web-{2**40}-a", tmp_path / f"joint-web-{os.getpid()}-b"
    for folder in (dead, living):
        (folder / "upload").mkdir(parents=True)
    with temporary_folder() as folder:
        assert folder.is_dir() and living.is_dir() and not dead.exists()
    assert not folder.exists()


def test_killed_in_mid_answer(tiny_checkpoint: Path, examples: "Examples", tmp_path: Path) -> None:
    """The database is whole, whenever the server is killed while it enrols people."""
    people = tmp_path / "people"
    command = [sys.executable, "-m", "joint", "web", "--port", "0", "--database", str(people)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "TMPDIR": str(tmp_path)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as server:
        try:
            assert server.stdout is not None
            address = server.stdout.readline().split()[2]
            with httpx.Client(base_url=address.split("?")[0], timeout=300) as session:
                assert session.get("").status_code == 401
                session.get(address)
                recording = uploaded(session, examples.same[0])
                event, data, _ = asked(session, "enroll", SHIPPED, "Jean", recording, True)
                assert event == "complete", data
                waiting = {"data": [SHIPPED, "Jean", recording, True]}
                for _ in range(3):
                    session.post(f"{API}/call/enroll", json=waiting)
        finally:  # an error here would wait for the server else
            server.kill()
    assert list(read_database(people).speakers) == ["Jean"]
