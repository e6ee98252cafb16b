"""A trained checkpoint is shipped with what it can judge: threshold, domain, presence, figures."""

import shutil
from functools import partial
from pathlib import Path

import pytest

from joint.app.api import load
from joint.data.opening import open_corpus
from joint.data.prepare.subset import write_subset
from recipes.shipped import add_tasks
from recipes.shipped.ship import ship
from tasks.extraction.enrolment.held_out import measured_overlap
from tasks.extraction.mixtures import COLUMNS, MixtureList


@pytest.fixture(scope="module")
def data(prepared: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A validation part of six mixtures of the embedded corpus, and all pairs of its utterances."""
    folder = tmp_path_factory.mktemp("shipped") / "data"
    corpus, listed = open_corpus(prepared / "test"), MixtureList.load
    rows = {
        corpus.by_id[row.target].speaker: row
        for row in listed(prepared / "test" / "mix2_extraction.csv")
    }
    chosen = list(rows.values())[:6]
    names = sorted({n for row in chosen for n in (row.target, row.interferer, row.enrollment)})
    write_subset(prepared / "test", names, folder / "validation")
    lines = [",".join(str(getattr(row, column)) for column in COLUMNS) for row in chosen]
    table = "\n".join([",".join(COLUMNS), *lines]) + "\n"
    (folder / "validation" / "mix2_extraction.csv").write_text(table)
    speakers = {name: corpus.by_id[name].speaker for name in names}
    trials = [
        f"{int(speakers[a] == speakers[b])} {a} {b}\n"
        for place, a in enumerate(names)
        for b in names[:place]
    ]
    (folder / "validation" / "trials").write_text("".join(trials))
    return folder


def test_what_is_stored(data: Path, tiny_checkpoint: Path, tmp_path: Path) -> None:
    output = tmp_path / "shipped.safetensors"
    figures = ship(tiny_checkpoint, output, [data / "validation"])
    model = load(output)
    assert model.threshold is not None and model.calibration is not None
    stored = model.metadata["domain"]
    assert set(stored) == {"bandwidth_hertz", "zeros_share", "clipped_share", "snr_db"}
    assert model.domain.bounds["zeros_share"] == tuple(stored["zeros_share"])
    assert "as recorded" in model.metadata["domain_figures"]
    assert model.presence is not None and len(model.presence.gains) == 3
    assert 0 <= figures["data/presence_eer_percent"] <= 100
    found = model.extraction(
        *(open_corpus(data / "validation").utterances[i].waveform() for i in (0, 1))
    )
    assert found.present is not None and found.presence is not None


def test_held_out_parts_decide_on_voices_at_once(
    data: Path, tiny_checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also a part without a list of mixtures, which the decision on presence needs."""
    monkeypatch.setattr(add_tasks, "measured_overlap", partial(measured_overlap, count=8))
    path = shutil.copy(tiny_checkpoint, tmp_path / "measured.safetensors")
    folder = shutil.copytree(data / "validation", tmp_path / "other" / "validation")
    (folder / "mix2_extraction.csv").unlink()
    figures = add_tasks.measure_extraction(path, [folder])
    model = load(path)
    assert model.overlap is not None and model.overlap.certain is None
    assert model.presence is None
    assert figures["overlap_recordings"] == 16
    assert model.metadata["figures"]["overlap_eer_percent"] == figures["overlap_eer_percent"]
