"""The table of adaptations on the embedded corpus: every kind of method, each made once."""

from pathlib import Path

import pytest

from joint.errors import ConfigError, DataError
from recipes.domains import study
from recipes.domains.study import METHODS, run

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


def test_a_row_for_each_method(
    prepared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data, output = tmp_path / "data" / "speechocean762", tmp_path / "out"
    data.mkdir(parents=True)
    for name, part in (("train", "train"), ("validation", "test"), ("test", "test")):
        (data / name).symlink_to(prepared / part)
    chosen = ["distances", "mean", "coral++"]
    given = (data.parent, output, ["children"], chosen, 1.0, 1.0, SMALL)
    written = run(*given)
    cells = [[c.strip() for c in line.strip("|").split("|")] for line in written.splitlines()[2:]]
    assert [row[1] for row in cells] == ["CDMA", "mean of the target, cosine", "CORAL++"]
    assert all(row[0] == "adults → children" for row in cells)
    assert cells[0][2] == cells[1][2] != cells[2][2]
    assert len({row[3] for row in cells}) == len(cells)  # no two alike
    assert all(0.0 < float(row[3].split()[0]) < 60.0 and "[" in row[4] for row in cells)
    assert (output / "table.md").read_text() == written

    def refused(*_: object, **__: object) -> None:
        raise AssertionError("made again")

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
