"""The classic recipe on the embedded corpus: better than chance, resumed, refused in one line."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from joint.data.corpus import Utterance
from joint.data.opening import open_corpus
from joint.data.prepare.tables import write_tables
from joint.errors import DataError
from recipes.speechocean762.studies.classic import run as classic
from recipes.speechocean762.studies.classic.families import FAMILIES
from recipes.speechocean762.studies.classic.parts import Parts, Sizes
from tasks.verification.classic.extractor import StatisticsExtractor
from tasks.verification.evaluate import evaluate_verification
from tasks.verification.trials import Trials

TINY = Sizes(
    codewords=8,
    components=16,
    ubm_iterations=4,
    dimensions=20,
    lda=12,
    voices=10,
    channels=10,
    nuisance=10,
    iterations=4,
)


@pytest.fixture(scope="module")
def data(embedded_corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five utterances of each speaker of the embedded corpus."""
    output = tmp_path_factory.mktemp("few")
    kept = set()
    for part in ("train", "test"):
        spoken: dict[str, list[Utterance]] = {}
        for utterance in open_corpus(embedded_corpus / part).utterances:
            spoken.setdefault(utterance.speaker, []).append(utterance)
        few = [utterance for own in spoken.values() for utterance in own[:5]]
        kept |= {utterance.id for utterance in few}
        (output / part).mkdir()
        write_tables(output / part, few)
    lines = (embedded_corpus / "test" / "trials").read_text().splitlines()
    both = [line for line in lines if kept.issuperset(line.split()[1:])]
    (output / "test" / "trials").write_text("\n".join(both))
    return output


@pytest.fixture(scope="module")
def ran(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The output folder of all systems, tiny."""
    output = tmp_path_factory.mktemp("classic") / "out"
    classic.run(data, data / "test", data / "test" / "trials", output, TINY, list(FAMILIES))
    return output


def test_every_system_is_better_than_chance(ran: Path) -> None:
    found = json.loads((ran / "table.json").read_text())
    assert len(found) == 16
    assert max(figures["eer_percent"] for figures in found.values()) < 40
    assert all(figures["skipped_trials"] == 0 for figures in found.values())
    rows = (ran / "table.md").read_text().splitlines()
    assert len(rows) == 18 and rows[2].startswith("| VQ | ")


def test_a_second_run_fills_what_is_missing(ran: Path, data: Path) -> None:
    before = {path.name: path.stat().st_mtime_ns for path in ran.glob("*.safetensors")}
    assert set(before) == {f"{name}.safetensors" for name in ("vq", "ubm", "svm", "jfa", "ivector")}
    figures = json.loads((ran / "jfa.json").read_text())
    (ran / "jfa.json").unlink()
    (ran / "jfa.safetensors").unlink()
    given = data, data / "test", data / "test" / "trials", ran
    classic.run(*given, TINY, list(FAMILIES))
    after = {path.name: path.stat().st_mtime_ns for path in ran.glob("*.safetensors")}
    assert [name for name in before if after[name] != before[name]] == ["jfa.safetensors"]
    again = json.loads((ran / "jfa.json").read_text())
    assert again["JFA"]["eer_percent"] == pytest.approx(figures["JFA"]["eer_percent"], abs=1e-6)
    with pytest.raises(DataError, match=r"settings.json: found components 16 of an earlier run"):
        classic.run(*given, replace(TINY, components=32), ["vq"])


def test_ivectors_are_embeddings_like_any(ran: Path, data: Path) -> None:
    parts = Parts(TINY, open_corpus(data / "train"), ran)
    extractor = StatisticsExtractor(parts.cepstra, parts.ubm, parts.subspace.factors)
    folder, trials = open_corpus(data / "test"), Trials.load(data / "test" / "trials")
    found = evaluate_verification(extractor, folder, trials, progress=False)
    table = json.loads((ran / "table.json").read_text())
    assert found["trials"] == table["i-vector, cosine"]["trials"]
    assert found["eer_percent"] < 40


@pytest.mark.parametrize(("share", "least", "most"), [(0.0, 0, 0), (0.5, 5, 25), (1.0, 30, 30)])
def test_a_share_of_the_training_recordings_has_a_channel(
    share: float, least: int, most: int, data: Path, tmp_path: Path
) -> None:
    noise = np.random.default_rng(0).standard_normal((30, 8_000), dtype=np.float32)
    train = open_corpus(data / "train")
    parts = Parts(replace(TINY, channel_share=share), train, tmp_path)
    augmented = [parts.augmented(w) for w in noise]
    changed = [not np.array_equal(a, b) for a, b in zip(noise, augmented, strict=True)]
    assert least <= sum(changed) <= most


def test_a_test_that_is_not_there_is_refused(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from joint.terminal import errors_in_one_line

    monkeypatch.setattr("sys.argv", ["classic", *(str(tmp_path / name) for name in "abcd")])
    with pytest.raises(SystemExit) as stopped, errors_in_one_line():
        classic.main()
    assert stopped.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"error: {tmp_path / 'a' / 'train'}: found no folder; expected ")
