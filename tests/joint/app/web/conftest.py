"""The service behind the page, with the shipped checkpoint, and the page's own examples."""

import warnings
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from joint.app.checkpoints import SHIPPED
from joint.app.limits import Limits

if TYPE_CHECKING:
    from joint.app.web.examples import Examples
    from joint.app.web.service import Service


@pytest.fixture(scope="session")
def shipped() -> Any:
    from joint.app.api import load

    return load(SHIPPED)


@pytest.fixture(scope="session")
def examples(tmp_path_factory: pytest.TempPathFactory) -> "Examples":
    from joint.app.web.examples import write_examples

    return write_examples(tmp_path_factory.mktemp("web") / "examples")


@pytest.fixture
def service(shipped: Any, examples: "Examples", tmp_path: Path) -> "Service":
    """A service of its own database, which is not there yet."""
    from joint.app.web.service import Service

    folder = tmp_path / "temporary"
    folder.mkdir()
    return Service({SHIPPED: shipped}, folder, tmp_path / "people", None, examples)


@pytest.fixture
def strict(service: "Service") -> "Service":
    """The same, for recordings of a second at most."""
    return replace(service, limits=Limits(seconds=1.0))


@pytest.fixture
def text_file(tmp_path: Path) -> str:
    """A text file that calls itself audio."""
    path = tmp_path / "letter.wav"
    path.write_text("Dear Sir or Madam\n" * 50)
    return str(path)


@pytest.fixture(autouse=True)
def audio_warnings() -> Iterator[None]:
    """They reach the page in other ways."""
    from joint.audio import AudioWarning

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", AudioWarning)
        yield
