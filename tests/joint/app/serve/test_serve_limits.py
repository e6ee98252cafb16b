"""What a service refuses, each in one line of JSON with its status."""

import asyncio
import errno
import threading
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
import soundfile
from starlette.datastructures import UploadFile

from joint.app.api import SpeakerModel, load
from joint.app.limits import Limits
from joint.app.serve import admission
from joint.app.serve.answering import Service
from joint.app.serve.service import create_app

Ask = Callable[..., httpx.Response]
SMALL = Limits(seconds=3.0, megabytes=0.2)


def refused(response: httpx.Response, status: int) -> str:
    assert response.status_code == status, response.text
    (line,) = response.json().values()
    assert "\n" not in line and ": found " in line and "; expected " in line
    return str(line)


def test_bad_recordings(service: Service, ask: Ask, recordings: list[Path], tmp_path: Path) -> None:
    good, bad = recordings[0], tmp_path / "words.wav"
    bad.write_text("these are words\n")
    line = refused(ask(service, "/verify", first=good, second=bad), 422)
    assert line.startswith("second words.wav: found an undecodable file")
    assert str(tmp_path) not in line
    bad.write_bytes(b"")
    assert "an empty file" in refused(ask(service, "/verify", first=bad, second=good), 422)
    assert "the mixture itself" in refused(
        ask(service, "/extract", mixture=good, enrollment=good), 422
    )


def test_bad_values(service: Service, ask: Ask, recordings: list[Path]) -> None:
    good = recordings[0]
    assert "second: found nothing" in refused(ask(service, "/verify", first=good), 422)
    line = refused(ask(service, "/verify", first=good, second=good, threshold=7), 422)
    assert line.startswith("threshold: found ")
    line = refused(ask(service, "/extract", mixture=good), 422)
    assert line.startswith("enrollment, name: found neither")


def test_what_the_server_does_not_have(service: Service, ask: Ask, recordings: list[Path]) -> None:
    good = recordings[0]
    assert "--database" in refused(ask(service, "/identify", recording=good), 501)
    before = load("speechocean762-librispeech-joint-base", tasks=("verification",))
    line = refused(ask(Service(before), "/transcribe", recording=good), 501)
    assert "no recogniser" in line and "/" not in line.partition(":")[0]


def test_recordings_that_are_too_long_together(
    shipped: SpeakerModel, ask: Ask, tmp_path: Path
) -> None:
    path = tmp_path / "long.flac"
    soundfile.write(path, np.random.default_rng(0).normal(size=32_000) / 10, 16_000)
    app = create_app(Service(shipped, limits=SMALL))
    line = refused(ask(app, "/embed", recordings=[path, path]), 413)
    assert line == "recordings long.flac: found 2.0 s of audio; expected at most 3 s in one request"


def post(app: Any, content: Any, **headers: str) -> httpx.Response:
    async def run() -> httpx.Response:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            return await client.post("/verify", content=content, headers=headers)

    return asyncio.run(run())


FORM = "multipart/form-data; boundary=x"


def test_large_bodies(shipped: SpeakerModel) -> None:
    """By the header alone, and, where that does not say it, while it arrives."""
    app = create_app(Service(shipped, limits=SMALL))
    headers = {"content-type": FORM}
    refused(post(app, b"0" * 300_000, **headers), 413)
    sent = 0

    async def stream() -> AsyncIterator[bytes]:
        nonlocal sent
        yield b'--x\r\nContent-Disposition: form-data; name="first"; filename="a"\r\n\r\n'
        for _ in range(50):
            sent += 20_000
            yield b"0" * 20_000

    line = refused(post(app, stream(), **headers), 413)
    assert "expected at most 0.2 MB" in line and sent == 1_000_000  # the client read the answer


def test_another_content_type(service: Service) -> None:
    line = refused(post(create_app(service), b"{}", **{"content-type": "application/json"}), 415)
    assert line == "request: found application/json; expected multipart/form-data"


def test_a_body_that_never_ends(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(admission, "UPLOAD", 0.05)
    scope = {
        "type": "http",
        "method": "POST",
        "path": "/verify",
        "raw_path": b"/verify",
        "query_string": b"",
        "headers": [(b"host", b"localhost"), (b"content-type", FORM.encode())],
    }
    sent: list[Any] = []

    async def receive() -> Any:
        await asyncio.sleep(10)

    async def send(message: Any) -> None:
        sent.append(message)

    asyncio.run(create_app(service)(scope, receive, send))
    assert sent[0]["status"] == 408 and b"found no end of its body" in sent[1]["body"]


def test_a_full_disk(
    service: Service, ask: Ask, recordings: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(UploadFile, "write", full)
    line = refused(ask(service, "/verify", first=recordings[0], second=recordings[0]), 507)
    assert line.startswith("server: found no space left on device")


def test_an_unexpected_error_tells_nothing(
    service: Service, recordings: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise ValueError("a secret")

    monkeypatch.setattr(Service, "verify", fail)

    async def run() -> httpx.Response:
        transport = httpx.ASGITransport(create_app(service), raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            files = {name: recordings[0].read_bytes() for name in ("first", "second")}
            return await client.post("/verify", files=files)

    assert "secret" not in refused(asyncio.run(run()), 500)


def test_other_names_of_the_server_are_refused(service: Service, ask: Ask) -> None:
    """A page of another site, whose name leads to this machine, may not ask through a browser."""
    app = create_app(service, hosts=["127.0.0.1"])
    assert ask(app, "/health").status_code == 400


def test_a_full_queue_answers_503_and_loses_nobody(
    shipped: SpeakerModel, recordings: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two places, three requests: the third is refused at once, while the state is still told."""
    go_on = threading.Event()
    verify = Service.verify

    def slow(self: Service, *arguments: Any) -> Any:
        assert go_on.wait(30)
        return verify(self, *arguments)

    monkeypatch.setattr(Service, "verify", slow)
    app = create_app(Service(shipped), places=2)

    async def run() -> list[httpx.Response]:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            files = {name: recordings[0].read_bytes() for name in ("first", "second")}
            asked = [asyncio.create_task(client.post("/verify", files=files)) for _ in range(2)]
            while (await client.get("/health")).json()["requests"] < 2:
                await asyncio.sleep(0.01)
            third = await client.post("/verify", files=files)
            go_on.set()
            return [*await asyncio.gather(*asked), third, await client.get("/health")]

    *answers, third, health = asyncio.run(run())
    assert [answer.status_code for answer in answers] == [200, 200]
    assert "found 2 requests" in refused(third, 503) and third.headers["Retry-After"] == "1"
    assert health.json()["requests"] == 0 and health.json()["status"] == "ok"
