"""Trainings on several corpora: classes, streams of one of them, validation by corpus, resume."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
import yaml
from support import TINY

from joint.data.opening import open_corpus
from joint.data.prepare.subset import write_subset
from joint.data.prepare.tables import write_tables
from joint.data.storage.sharding import shard_corpus
from joint.errors import ConfigError
from joint.training import checkpoint
from joint.training.run import train
from joint.training.validation import by_corpus


@pytest.fixture(scope="module")
def corpora(prepared: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Manifests `one`, shards `two` and Kaldi tables `three`, of different speakers; the speakers
    of `three` have the names of those in `one`."""
    folder = tmp_path_factory.mktemp("corpora")
    corpus = open_corpus(prepared / "train")
    groups = [
        [corpus.utterances[i] for own in corpus.of_speaker[a:b] for i in own[:4]]
        for a, b in ((0, 5), (5, 9), (9, 14))
    ]
    write_subset(prepared / "train", [u.id for u in groups[0]], folder / "one")
    write_subset(prepared / "train", [u.id for u in groups[1]], folder / "of_two")
    shard_corpus(folder / "of_two", folder / "two", shard_size=7)
    (folder / "three").mkdir()
    others = dict(zip(corpus.speakers[9:14], corpus.speakers[:5], strict=True))
    write_tables(folder / "three", [replace(u, speaker=others[u.speaker]) for u in groups[2]])
    return folder


def run(folder: Path, output: Path, *changes: str, resume: bool = False) -> dict[str, object]:
    train(TINY, [f"output={output}", *changes], resume=resume)
    return checkpoint.read(output / "model.safetensors")[1]


def test_manifests_shards_and_tables_together(corpora: Path, tmp_path: Path) -> None:
    named = ",".join(str(corpora / name) for name in ("one", "two", "three"))
    metadata = run(corpora, tmp_path / "run", f"data.train=[{named}]", "trainer.max_steps=2")
    assert metadata["speaker_count"] == 3 * 14
    data = metadata["data"]
    assert isinstance(data, dict)
    assert (data["utterances"], data["speakers"]) == (56, 14)
    assert data["corpora"]["two"] == {
        "path": str(corpora / "two"),
        "weight": 1.0,
        "utterances": 16,
        "speakers": 4,
    }
    assert data["train"] == [str(corpora / name) for name in ("one", "two", "three")]


def test_a_stopped_training_with_weights_goes_on_exactly(corpora: Path, tmp_path: Path) -> None:
    given = [f"data.train.one={{path: {corpora / 'one'}, weight: 0.3}}"]
    given += [f"data.train.two={{path: {corpora / 'two'}, weight: 1.5}}"]
    given += [f"data.cache={tmp_path / 'cache'}", "trainer.max_steps=20"]
    given += ["trainer.checkpoint_steps=11"]  # in the second epoch of 30 scenes
    run(corpora, tmp_path / "whole", *given)
    run(corpora, tmp_path / "parts", *given)
    middle, last = sorted((tmp_path / "parts" / "checkpoints").iterdir())
    assert "11" in middle.name
    last.unlink()
    run(corpora, tmp_path / "parts", *given, resume=True)
    first, second = (
        checkpoint.read(tmp_path / name / "model.safetensors")[0] for name in ("whole", "parts")
    )
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_streams_name_corpora_and_validation_is_by_corpus(corpora: Path, tmp_path: Path) -> None:
    recipe = yaml.safe_load(TINY.read_text())
    scenes = {"enrollments": 1, "chunk": 0.5, "enrollment": 0.5}
    recipe["streams"] = {
        "both": {"tasks": ["verification"], "batch_size": 4, "scenes": scenes},
        "one": {"tasks": ["extraction"], "corpora": ["one"], "batch_size": 4, "scenes": scenes},
    }
    recipe["validation"] = {
        "tasks": ["verification", "extraction"],
        "corpora": {"extraction": ["three"]},
        "batches": 2,
        "batch_size": 8,
        "scenes": {**scenes, "speeds": [1.0]},
    }
    recipe["data"] = {
        "train": {name: {"path": str(corpora / name)} for name in ("one", "two")},
        "validation": [str(corpora / "three"), str(corpora / "two")],
    }
    path = tmp_path / "recipe.yaml"
    path.write_text(yaml.safe_dump(recipe))
    train(path, [f"output={tmp_path / 'run'}", "trainer.max_steps=1"])
    lines = (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()
    figures = json.loads(lines[-1])["validation"]
    names = ("verification", "verification/three", "verification/two")
    mean, *each = (figures[f"{name}/eer_percent"] for name in names)
    assert mean == pytest.approx(sum(each) / 2)
    assert "extraction/si_sdr_improvement_db" in figures
    assert not any(name.startswith(("extraction/two", "extraction/three")) for name in figures)


def test_a_stream_with_too_few_speakers_is_refused_before_waveforms_are_packed(
    corpora: Path, tmp_path: Path
) -> None:
    given = [f"data.train.one.path={corpora / 'one'}", f"data.train.two.path={corpora / 'two'}"]
    given += ["streams.mixtures.corpora=[two]", f"data.cache={tmp_path / 'cache'}"]
    with pytest.raises(ConfigError, match=r"two: found 4 speakers; expected 5 for such scenes"):
        run(corpora, tmp_path / "run", *given, "streams.mixtures.scenes.speakers=5")
    assert not list(tmp_path.iterdir())


def test_means_over_corpora() -> None:
    found = {"a": {"x": 1.0, "y": 5.0}, "b": {"x": 3.0}}
    assert by_corpus("t", found) == {
        "t/x": 2.0,
        "t/y": 5.0,
        "t/a/x": 1.0,
        "t/a/y": 5.0,
        "t/b/x": 3.0,
    }
    assert by_corpus("t", {"": {"x": 1.0}}) == {"t/x": 1.0}
