"""The corpora that a recipe names: one, a list, or several with names and weights."""

from pathlib import Path

import pytest
import yaml
from support import TINY

from joint.errors import ConfigError
from joint.training.config.corpora import Named, named_corpora, names_of
from joint.training.config.schema import load_config, plain, resolved

STREAM = "streams.mixtures.corpora"
HELD_OUT = ["data.validation=[b,c]", "validation.tasks=[verification]"]
BAD = {
    "a number": (["data.train=3"], "data.train: found 3; expected one corpus, a list of them"),
    "nothing": (["data.train=null"], "data.train: found nothing; expected one corpus"),
    "no corpus in a list": (["data.train=[]"], "data.train: found no corpus"),
    "no corpus in a mapping": (["data.train={}"], "data.train: found no corpus"),
    "a number in a list": (["data.train=[a,3]"], "data.train[1]: found 3; expected a folder"),
    "twice in a list": (
        ["data.train=[a,b,./a]"],
        "data.train[2]: found ./a a second time; expected once (",
    ),
    "twice with names": (
        ["data.train.x.path=a", "data.train.y.path=b/../a"],
        "data.train.y: found b/../a a second time; expected once (",
    ),
    "a URL twice": (
        ["data.train=[https://host/a,https://host/a/]"],
        "data.train[1]: found https://host/a/ a second time",
    ),
    "a weight alone": (["data.train={a: 1.0}"], "data.train.a: found 1.0; expected {path: …"),
    "no path": (["data.train.a.weight=2"], "data.train.a.path: found no value; expected a folder"),
    "a path to be filled in": (["data.train.a.path=???"], "data.train.a.path: found no value"),
    "an unknown key": (
        ["data.train={a: {path: x, wieght: 2}}"],
        "data.train.a.wieght: found an unknown key; expected 'weight', perhaps",
    ),
    "no weight": (
        ["data.train={a: {path: x, weight: 0}}"],
        "data.train.a.weight: found 0; expected above 0, at most 1000",
    ),
    "a negative weight": (["data.train={a: {path: x, weight: -1.5}}"], "found -1.5; expected abo"),
    "no number": (["data.train={a: {path: x, weight: much}}"], "weight: found 'much'; expected"),
    "no finite number": (["data.train={a: {path: x, weight: .inf}}"], "weight: found inf"),
    "a slash in a name": (["data.train={a/b: {path: x}}"], "found 'a/b'; expected a name without"),
    "an unknown corpus of a stream": (
        ["data.train=[data/speechocean, data/librispeech]", f"{STREAM}=[librspeech]"],
        f"{STREAM}: found librspeech; expected 'librispeech', perhaps",
    ),
    "no corpus of a stream": (["data.train=[a,b]", f"{STREAM}=[]"], f"{STREAM}: found none; expe"),
    "a corpus of a stream where there is one alone": (
        ["data.train=a", f"{STREAM}=[a]"],
        f"{STREAM}: found names; expected none: data.train is one corpus, unnamed",
    ),
    "a weight in validation": (
        ["data.train=a", "data.validation={x: {path: b, weight: 2}}"],
        "data.validation.x.weight: found 2; expected none: every corpus counts alike",
    ),
    "an unknown corpus in validation": (
        ["data.train=a", *HELD_OUT, "validation.corpora.verification=[a]"],
        "validation.corpora.verification: found a; expected one of b, c",
    ),
    "corpora of a task that is not validated": (
        ["data.train=a", *HELD_OUT, "validation.corpora.extraction=[b]"],
        "validation.corpora: found extraction; expected verification",
    ),
}


@pytest.mark.parametrize("overrides, expected", BAD.values(), ids=BAD.keys())
def test_refused(overrides: list[str], expected: str) -> None:
    with pytest.raises(ConfigError) as error:
        load_config(TINY, overrides)
    assert str(error.value).startswith(f"{TINY}: ") and expected in str(error.value)


def test_a_link_to_the_same_folder(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").symlink_to(tmp_path / "a")
    with pytest.raises(ConfigError, match="a second time"):
        load_config(TINY, [f"data.train=[{tmp_path / 'a'},{tmp_path / 'b'}]"])


@pytest.mark.parametrize(
    "paths, names",
    [
        (["data/soc/train", "data/ls/train"], ["soc-train", "ls-train"]),
        (["soc", "/data/ls"], ["soc", "ls"]),
        (["https://host/ls/", "data/my speech"], ["ls", "my_speech"]),
        (["/data/a", "/data/x/../b"], ["a", "b"]),
    ],
)
def test_names_of_a_list(paths: list[str], names: list[str]) -> None:
    assert names_of(paths, "data.train") == names


def test_forms() -> None:
    assert named_corpora("data/a", "data.train") is None
    assert named_corpora(["x/a", "x/b"], "data.train") == {"a": Named("x/a"), "b": Named("x/b")}
    overrides = [
        "data.train.soc.path=x/a",
        "data.train.ls={path: x/b, weight: 2}",
        f"{STREAM}=[ls]",
    ]
    config = load_config(TINY, overrides)
    corpora = {"soc": Named("x/a", 1.0), "ls": Named("x/b", 2.0)}
    assert named_corpora(config.data.train, "data.train") == corpora
    assert config.streams["mixtures"].corpora == ["ls"]
    # what a training keeps of its configuration is a recipe again
    assert yaml.safe_load(resolved(config))["data"] == plain(config)["data"]
    assert plain(config)["data"]["train"]["ls"] == {"path": "x/b", "weight": 2}
