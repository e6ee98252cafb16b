"""One function opens every form of a corpus, and evaluation gives the same figures on each."""

import json
import threading
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
import soundfile
from support import Command

from joint.data.corpus import RECORDINGS, SUPERVISIONS, Corpus, readable
from joint.data.opening import find_list, open_corpus
from joint.data.prepare.kaldi import prepare_kaldi
from joint.data.prepare.subset import write_subset
from joint.data.scenes.planning import ScenePlanner
from joint.data.scenes.stream import SceneStream
from joint.data.storage.sharding import shard_corpus
from joint.data.storage.store import FileStore
from joint.errors import AudioError, DataError
from tasks.verification.evaluate import evaluate_verification
from tasks.verification.trials import Trials

FORMS = ("tables", "prepared", "shards", "url", "path")
"""`path` is a URL as a command line's Path leaves it, with one slash."""


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Kaldi tables of four people, three recordings each, with a list of trials."""
    root = tmp_path_factory.mktemp("forms") / "tables"
    (root / "audio").mkdir(parents=True)
    random, ids = np.random.default_rng(0), [f"s{s}-{n}" for s in range(4) for n in range(3)]
    for place, name in enumerate(ids):
        waveform = random.normal(0, 0.05 + 0.01 * place, 16_000 + 700 * place)
        soundfile.write(root / "audio" / f"{name}.wav", waveform, 16_000)
    lines = {
        "wav.scp": [f"{name} audio/{name}.wav" for name in ids],
        "text": [f"{name} WORD {name[-1]}" for name in ids],
        "utt2spk": [f"{name} {name[:2]}" for name in ids],
        "spk2gender": ["s0 f", "s1 m", "s2 f", "s3 m"],
        "spk2age": ["s0 8", "s1 40"],
        "trials": ["1 s0-0 s0-1", "0 s0-0 s1-1", "1 s2-0 s2-2", "0 s3-0 s1-2"],
    }
    for name, rows in lines.items():
        (root / name).write_text("".join(f"{row}\n" for row in rows))
    return root


@pytest.fixture(scope="module")
def forms(tables: Path) -> Iterator[dict[str, str]]:
    """The same corpus in every form."""
    prepared, shards = tables.parent / "prepared", tables.parent / "shards"
    prepare_kaldi(tables, prepared)
    shard_corpus(prepared, shards, shard_size=5)
    handler = partial(SimpleHTTPRequestHandler, directory=str(shards))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_address[1]}"
        yield {
            "tables": str(tables),
            "prepared": str(prepared),
            "shards": str(shards),
            "url": f"{url}/",
            "path": str(Path(url)),
        }
        server.shutdown()


def levels(waveforms: Sequence[np.ndarray]) -> np.ndarray:
    """Embeddings that tell the recordings apart."""
    return np.array([[w.std(), len(w) / 16_000, np.abs(w).max()] for w in waveforms])


@pytest.mark.parametrize("form", FORMS)
def test_every_form_is_the_same_corpus(
    form: str, forms: dict[str, str], tables: Path, tmp_path: Path
) -> None:
    corpus, expected = open_corpus(forms[form], tmp_path), open_corpus(tables)
    assert len(corpus) == 12 and corpus.speakers == ["s0", "s1", "s2", "s3"]
    for one, other in zip(corpus.utterances, expected.utterances, strict=True):
        for field in ("id", "speaker", "text", "gender", "age", "age_group", "samples"):
            assert getattr(one, field) == getattr(other, field), field
        assert np.array_equal(one.waveform(), other.waveform())
    assert expected.by_id["s1-2"].samples == 16_000 + 5 * 700


@pytest.mark.parametrize("form", FORMS)
def test_evaluation_and_training_read_every_form(
    form: str, forms: dict[str, str], tables: Path, tmp_path: Path
) -> None:
    corpus, found = open_corpus(forms[form], tmp_path), find_list(forms[form], "trials", tmp_path)
    assert found is not None and find_list(forms[form], "mix2_extraction.csv", tmp_path) is None
    figures = evaluate_verification(levels, corpus, Trials.load(found), progress=False)
    again = evaluate_verification(
        levels, open_corpus(tables), Trials.load(tables / "trials"), progress=False
    )
    assert figures == again and figures["skipped_trials"] == 0
    planner = ScenePlanner(speakers=2, chunk=0.5, enrollment=0.5)
    batch = SceneStream(corpus, FileStore(corpus), planner, 2, seed=1)[0]
    assert batch.mixture is not None and batch.mixture.abs().max() > 0


@pytest.mark.parametrize("form", ["tables", "prepared", "shards", "url"])
def test_a_command_reads_every_form(
    form: str,
    forms: dict[str, str],
    tables: Path,
    tiny_checkpoint: Path,
    joint_command: Command,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)  # where shards of a URL are kept
    command = ("evaluate", "verification", "--checkpoint", tiny_checkpoint, "--data", forms[form])
    done = joint_command(*command, "--trials", tables / "trials", "--json", tmp_path / "eer.json")
    assert done.code == 0, done
    figures = json.loads((tmp_path / "eer.json").read_text())
    assert figures["trials"] == 4 and figures["utterances"] == 7
    assert figures["skipped_utterances"] == 0


def test_what_is_no_corpus_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no folder"):
        open_corpus(tmp_path / "nowhere")
    with pytest.raises(DataError, match=r"without a corpus.*wav\.scp"):
        open_corpus(tmp_path)


def test_an_unreadable_recording_of_tables_has_no_length(tables: Path, tmp_path: Path) -> None:
    for path in tables.iterdir():
        if path.is_file():
            (tmp_path / path.name).write_bytes(path.read_bytes())
    lines = (tables / "wav.scp").read_text().replace("audio/", f"{tables}/audio/")
    (tmp_path / "wav.scp").write_text(lines.replace(f"{tables}/audio/s0-1", f"{tmp_path}/bad"))
    (tmp_path / "bad.wav").write_bytes(b"junk")
    bad = open_corpus(tmp_path).by_id["s0-1"]
    assert bad.samples == 0
    with pytest.raises(AudioError, match=r"bad\.wav"):
        bad.waveform()


def test_what_cannot_be_read_is_left_out_and_logged(
    tables: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    rows = open_corpus(tables).utterances[:3]
    gone = replace(rows[1], path=str(tmp_path / "gone.wav"))
    found = list(readable([rows[0], gone, rows[2]]))
    assert [u.id for u, _ in found] == ["s0-0", "s0-2"]
    assert np.array_equal(found[1][1], rows[2].waveform())
    assert "skipped s0-1" in caplog.text and "gone.wav" in caplog.text


def test_a_prepared_folder_moves_with_its_recordings(
    tables: Path, forms: dict[str, str], tmp_path: Path
) -> None:
    """Paths relative to the folder, as in a corpus that is handed on."""
    import gzip

    for name in (RECORDINGS, SUPERVISIONS):
        with gzip.open(Path(forms["prepared"]) / name, "rt") as file:
            content = file.read().replace(f"{tables}/audio", "audio")
        with gzip.open(tmp_path / name, "wt") as file:
            file.write(content)
    (tmp_path / "audio").symlink_to(tables / "audio")
    for folder in (tmp_path, write_subset(tmp_path, ["s0-0"], tmp_path / "elsewhere" / "part")):
        first = open_corpus(folder).utterances[0]
        assert first.path == str(tmp_path / "audio" / "s0-0.wav")
        assert len(first.waveform()) == 16_000


def test_an_id_stands_once(tables: Path) -> None:
    whole = open_corpus(tables)
    with pytest.raises(DataError, match="s0-0 a second time"):
        Corpus([*whole.utterances, whole.utterances[0]], "twice")
