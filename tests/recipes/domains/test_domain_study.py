"""The table of adaptations on the embedded corpus: every kind of method, each made once."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from joint.errors import ConfigError, DataError, JointError
from joint.metrics.bootstrap import TrialSpeakers
from pretrained.catalogue import CATALOGUE
from recipes.domains import study
from recipes.domains.methods import METHODS
from recipes.domains.study import Study, run

SMALL = [
    "encoders@encoder=xvector_256",
    "encoder.embedding_dim=4",
    "encoder.backbone.channels=16",
    "encoder.backbone.output_dim=32",
    "streams.speakers.batch_size=8",
    "streams.speakers.scenes.enrollment=0.6",
    "data.cache=null",
    "validation=null",
    "trainer.max_steps=1",
    "trainer.workers=0",
]


@pytest.fixture
def data(prepared: Path, tmp_path: Path) -> Path:
    """speechocean762 in its place, without LibriSpeech."""
    folder = tmp_path / "data" / "speechocean762"
    folder.mkdir(parents=True)
    for name, part in (("train", "train"), ("validation", "test"), ("test", "test")):
        (folder / name).symlink_to(prepared / part)
    return tmp_path / "data"


def refused(*_: object, **__: object) -> None:
    raise AssertionError("made too early, or again")


def test_a_row_for_each_method(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    output = tmp_path / "out"
    chosen = ["distances", "mean", "coral++"]
    given = (data, output, ["children"], chosen, 1.0, 1.0, SMALL)
    written = run(*given)
    cells = [[c.strip() for c in line.strip("|").split("|")] for line in written.splitlines()[2:]]
    assert [row[1] for row in cells] == ["CDMA", "mean of the target, cosine", "CORAL++"]
    assert all(row[0] == "adults → children" for row in cells)
    assert cells[0][2] == cells[1][2] != cells[2][2]
    assert len({row[3] for row in cells}) == len(cells)  # no two alike
    assert all(0.0 < float(row[3].split()[0]) < 60.0 and "[" in row[4] for row in cells)
    assert (output / "table.md").read_text() == written

    monkeypatch.setattr(study, "train", refused)
    monkeypatch.setattr(study, "embed_corpus", refused)
    assert run(*given) == written
    with pytest.raises(DataError, match=r"minutes 1\.0 of an earlier run; expected 2\.0"):
        run(*given[:5], 2.0, SMALL)


@pytest.mark.parametrize(
    "pairs, methods, message",
    [
        (["children"], ["dann"], rf"--methods: found 'dann'; expected {METHODS[0]}, adversarial"),
        (["kids"], ["adda"], "--pairs: found 'kids'; expected children, accented, telephone"),
    ],
)
def test_unknown_names(pairs: list[str], methods: list[str], message: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=message):
        run(tmp_path, tmp_path / "out", pairs, methods, 1.0, 1.0)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    "folder, pairs, overrides, message",
    [
        ("dta", ["children"], [], "dta/speechocean762/train: found no folder"),
        ("data", ["children", "accented"], [], "data/librispeech/train: found no folder"),
        ("data", ["children"], ["trainer.max_step=1"], "max_step"),
    ],
)
def test_a_typing_error_leaves_the_output_as_it_was(
    folder: str,
    pairs: list[str],
    overrides: list[str],
    message: str,
    data: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(study, "train", refused)
    given, output = data.with_name(folder), data.with_name("out")
    with pytest.raises(JointError, match=message):
        run(given, output, pairs, ["coral"], 1.0, 1.0, overrides)
    assert not output.exists()


def test_an_override_that_one_of_the_recipes_refuses(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def load(recipe: Path, _: object) -> None:
        if recipe.name == "adda.yaml":
            raise ConfigError(recipe, "a wrong key", "another")

    monkeypatch.setattr(study, "load_config", load)
    with pytest.raises(ConfigError, match=r"adda\.yaml: found a wrong key"):
        run(data, tmp_path / "out", ["children"], ["coral", "adda"], 1.0, 1.0)
    assert not (tmp_path / "out").exists()


def test_all_pairs_are_written_before_a_training(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def write(name: str, *_: object) -> None:
        if name == "accented":
            raise DataError(name, "no recording", "some")

    monkeypatch.setattr(study, "check_pair", lambda *_: None)
    monkeypatch.setattr(study, "write_pair", write)
    monkeypatch.setattr(Study, "scores", refused)
    with pytest.raises(DataError, match="accented: found no recording"):
        run(data, tmp_path / "out", ["children", "accented"], ["coral"], 1.0, 1.0)


def test_the_table_holds_all_that_is_finished(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng, speakers = np.random.default_rng(0), np.arange(40) % 8
    trials = TrialSpeakers(np.arange(40) % 2, speakers, speakers[::-1].copy())
    there = {
        "telephone": ["cosine", "mean"],
        "children": ["source-plda", "coral", "cosine", "mean", "plda", "adda"],
        "accented": ["source-plda", "mean", "cosine", "distances"],
    }
    for pair, names in there.items():
        (tmp_path / "out" / pair / "scores").mkdir(parents=True)
        for name in names:
            np.save(tmp_path / "out" / pair / "scores" / f"{name}.npy", rng.normal(size=40))
    (tmp_path / "out" / "telephone" / "scores" / "coral.npy").touch()  # its PLDA has no scores
    monkeypatch.setattr(study, "check_pair", lambda *_: None)
    monkeypatch.setattr(study, "write_pair", lambda *_: None)
    monkeypatch.setattr(Study, "trials", trials)
    given = (tmp_path / "data", tmp_path / "out")
    written = run(*given, ["accented", "children"], ["mean"], 1.0, 1.0)
    assert (tmp_path / "out" / "table.md").read_text() == written
    cells = [[c.strip() for c in line.strip("|").split("|")] for line in written.splitlines()[2:]]
    assert [(row[0].split()[-1], row[1].split()[0]) for row in cells] == [
        ("children", "ADDA"),
        ("children", "mean"),
        ("children", "CORAL"),
        ("children", "adapted"),
        ("accented", "CDMA"),
        ("accented", "mean"),
        ("telephone", "mean"),
    ]
    assert run(*given, ["children"], ["coral", "adda"], 1.0, 1.0) == written
    with pytest.raises(DataError, match=r"data .*/data of an earlier run; expected .*/other, or"):
        run(tmp_path / "other", tmp_path / "out", ["children"], ["mean"], 1.0, 1.0)


def test_an_override_names_a_shipped_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = {}

    def train(recipe: Path, _: object, **options: Any) -> Path:
        found.update({name: options["find"](name) for name in CATALOGUE})
        return recipe

    monkeypatch.setattr(study, "train", train)
    Study(tmp_path, 1.0, 1.0).encoder("source")
    assert found == {name: entry.path for name, entry in CATALOGUE.items()}
