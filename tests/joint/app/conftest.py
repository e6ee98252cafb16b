"""Real speakers and models that are loaded once, for the tests of the command line."""

from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture(scope="session")
def speakers(prepared: Path) -> dict[str, list[Path]]:
    """Recordings of the twelve test speakers, who are not in the shipped checkpoint's training."""
    from joint.data.opening import open_corpus

    found: dict[str, list[Path]] = {}
    for utterance in open_corpus(prepared / "test").utterances:
        found.setdefault(str(utterance.speaker), []).append(Path(str(utterance.path)))
    return found


@pytest.fixture(scope="session")
def recordings(speakers: dict[str, list[Path]]) -> list[Path]:
    """Four recordings, two each of two speakers."""
    first, second, *_ = speakers.values()
    return [*first[:2], *second[:2]]


@pytest.fixture(scope="session")
def models() -> dict[str, Any]:
    """Loaded models by the name or path of their checkpoint and the tasks that were built."""
    return {}


@pytest.fixture
def loaded_once(models: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Every command loads its checkpoint; here each checkpoint is loaded once in all tests."""
    from joint.app import api

    load = api.load

    def cached(checkpoint: str | Path, *arguments: Any, **options: Any) -> Any:
        key = f"{checkpoint} {options.get('tasks')}"
        if key not in models:
            models[key] = load(checkpoint, *arguments, **options)
        return models[key]

    monkeypatch.setattr(api, "load", cached)
    return models


@pytest.fixture(scope="session")
def aligned_trials(aligned: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The aligned corpus with a list of trials of all pairs."""
    import itertools
    import shutil

    from joint.data.opening import open_corpus

    folder = shutil.copytree(aligned, tmp_path_factory.mktemp("trials") / "test")
    pairs = itertools.combinations(open_corpus(aligned).utterances, 2)
    lines = [f"{int(a.speaker == b.speaker)} {a.id} {b.id}\n" for a, b in pairs]
    (folder / "trials").write_text("".join(lines))
    return folder


class ThisProcess:
    """An executor that runs each call at once, in this process."""

    def __init__(self, *_: object, **__: object) -> None:
        pass

    def shutdown(self, wait: bool = True) -> None:
        pass

    def submit(self, call: Callable[..., Any], *arguments: Any) -> "Future[Any]":
        future: Future[Any] = Future()
        future.set_result(call(*arguments))
        return future


@pytest.fixture
def in_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Trainings of an ablation run in this process: one of their own costs seconds of imports."""
    monkeypatch.setattr("joint.experiments.parallel.worker_pool", ThisProcess)


@pytest.fixture(scope="session")
def export_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache of exported checkpoints for tests that are not about exporting, which takes long."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="session")
def exported(tiny_checkpoint: Path, export_cache: Path) -> Path:
    """The folder in that cache with the tiny checkpoint's encoder and extractor as ONNX."""
    from joint.app.engine.choosing import exported_parts

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JOINT_CACHE", str(export_cache))
        return exported_parts(str(tiny_checkpoint), ["encoder", "extractor"])
