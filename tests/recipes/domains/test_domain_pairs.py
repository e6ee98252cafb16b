"""The pairs of domains: who is in them, that the target has no labels, and what is refused."""

from pathlib import Path

import numpy as np
import pytest
from support import ROOT

from joint.data.opening import open_corpus
from joint.data.prepare.subset import write_subset
from joint.errors import ConfigError, DataError
from joint.training.run import train
from recipes.domains.pairs import UNKNOWN, through_telephone, write_pair
from tasks.verification.trials import listed_trials


@pytest.fixture
def data(prepared: Path, tmp_path: Path) -> Path:
    """The embedded corpus in its place."""
    folder = tmp_path / "data" / "speechocean762"
    folder.mkdir(parents=True)
    for name, part in (("train", "train"), ("validation", "test"), ("test", "test")):
        (folder / name).symlink_to(prepared / part)
    return tmp_path / "data"


def test_children(data: Path, prepared: Path, tmp_path: Path) -> None:
    write_pair("children", data, tmp_path / "pair")
    found = {
        p: open_corpus(tmp_path / "pair" / p) for p in ("source", "target", "labelled", "test")
    }
    assert {u.age_group for u in found["source"].utterances} == {"adult"}
    assert {u.age_group for u in found["labelled"].utterances} == {"child"}
    assert list(found["target"].by_id) == list(found["labelled"].by_id)
    assert found["target"].speakers == [UNKNOWN] and len(found["labelled"].speakers) > 5
    trials, whole = listed_trials(tmp_path / "pair" / "test"), listed_trials(prepared / "test")
    everybody = open_corpus(prepared / "test")
    kept = np.array([everybody.by_id[n].age_group == "child" for n in whole.names])
    both = kept[whole.first] & kept[whole.second]
    assert len(trials) == int(both.sum()) and trials.labels.sum() == whole.labels[both].sum()
    write_pair("children", tmp_path / "gone", tmp_path / "pair")  # all is there


def test_telephone(prepared: Path, tmp_path: Path) -> None:
    wide = open_corpus(prepared / "train")
    through_telephone(prepared / "train", wide.utterances[:2], tmp_path)
    narrow = open_corpus(tmp_path)
    name = next(iter(wide.by_id))
    assert list(narrow.by_id) == [u.id for u in wide.utterances[:2]]
    assert narrow.by_id[name].samples == len(narrow.by_id[name].waveform())
    spectra = [np.abs(np.fft.rfft(c.by_id[name].waveform())) ** 2 for c in (wide, narrow)]
    above = [s[len(s) * 9 // 16 :].sum() / s.sum() for s in spectra]  # from 4.5 kHz on
    assert above[1] < 0.01 * above[0]


def test_a_target_without_recordings(data: Path, prepared: Path, tmp_path: Path) -> None:
    corpus, train = open_corpus(prepared / "train"), data / "speechocean762" / "train"
    train.unlink()
    adults = [u.id for u in corpus.utterances if u.age_group == "adult"]
    write_subset(prepared / "train", adults, train)
    with pytest.raises(DataError, match="no recording of a child"):
        write_pair("children", data, tmp_path / "pair")
    assert not (tmp_path / "pair" / "test" / "trials").exists()


@pytest.mark.parametrize("recipe", ["adda", "distances"])
def test_a_target_that_is_the_source(recipe: str, prepared: Path, tmp_path: Path) -> None:
    folder = prepared / "train"
    with pytest.raises(ConfigError, match=r"data\.train\.target: found .* a second time"):
        train(
            ROOT / "recipes" / "domains" / f"{recipe}.yaml",
            [
                f"data.train.source.path={folder}",
                f"data.train.target.path={folder}",
                f"output={tmp_path / 'run'}",
            ],
        )
    assert not (tmp_path / "run").exists()


def test_a_target_folder_without_a_corpus(prepared: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="found a folder without a corpus"):
        train(
            ROOT / "recipes" / "domains" / "adda.yaml",
            [
                f"data.train.source.path={prepared / 'train'}",
                f"data.train.target.path={tmp_path}",
                f"output={tmp_path / 'run'}",
            ],
        )
    assert not (tmp_path / "run").exists()
