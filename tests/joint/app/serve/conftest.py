"""A service with the shipped checkpoint, asked without a socket."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from joint.app.api import SpeakerModel, load
from joint.app.checkpoints import SHIPPED
from joint.app.serve.answering import Service
from joint.app.serve.service import create_app

Ask = Callable[..., httpx.Response]
"""`ask(app, "/route", file=path, field=value)`: files by path, other fields as they are."""


@pytest.fixture(scope="session")
def shipped() -> SpeakerModel:
    return load(SHIPPED)


@pytest.fixture
def service(shipped: SpeakerModel) -> Service:
    return Service(shipped)


@pytest.fixture(scope="session")
def ask() -> Ask:
    async def post(app: Any, route: str, files: list[Any], data: dict[str, Any]) -> httpx.Response:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            return await client.post(route, files=files, data=data)

    def run(target: Any, route: str, **fields: Any) -> httpx.Response:
        app = create_app(target) if isinstance(target, Service) else target
        files, data = [], {}
        for name, value in fields.items():
            several = value if isinstance(value, list) else [value]
            if isinstance(several[0], Path):
                files += [(name, (path.name, path.read_bytes())) for path in several]
            else:
                data[name] = value
        return asyncio.run(post(app, route, files, data))

    return run


@pytest.fixture(scope="session")
def database(
    shipped: SpeakerModel, speakers: dict[str, list[Path]], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """Two people, whose audio is kept."""
    from tasks.verification.enrolment.database import read_recordings
    from tasks.verification.enrolment.files import edit_database

    folder = tmp_path_factory.mktemp("served") / "speakers"
    with edit_database(folder, shipped.identity) as opened:
        for name, paths in zip(("Anna", "Béla"), speakers.values(), strict=False):
            opened.enroll(name, read_recordings(shipped.embed, paths[1:2], keep_audio=True))
    return folder
