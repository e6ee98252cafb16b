"""Jobs that embed a share of a corpus each, and an evaluation of what all of them wrote."""

import json
import zipfile
from pathlib import Path

import pytest
from support import Command, Refused

pytestmark = pytest.mark.usefixtures("loaded_once")


@pytest.fixture(scope="module")
def test_set(prepared: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Trials of all pairs of eight recordings, by four speakers."""
    from joint.data.opening import open_corpus
    from joint.data.prepare.subset import write_subset

    corpus = open_corpus(prepared / "test")
    chosen = [corpus.utterances[i] for spoken in corpus.of_speaker[:4] for i in spoken[:2]]
    folder = tmp_path_factory.mktemp("shares") / "test"
    write_subset(prepared / "test", [u.id for u in chosen], folder)
    pairs = [(a, b) for a in chosen for b in chosen if a.id < b.id]
    lines = [f"{int(a.speaker == b.speaker)} {a.id} {b.id}\n" for a, b in pairs]
    (folder / "trials").write_text("".join(lines))
    return folder


def test_shares_give_the_figures_of_the_whole(
    joint_command: Command, refused: Refused, tiny_checkpoint: Path, test_set: Path, tmp_path: Path
) -> None:
    common = ("--data", test_set, "--checkpoint", tiny_checkpoint)
    parts = [tmp_path / f"{k}.npz" for k in (1, 2, 3)]
    for k, part in enumerate(parts, start=1):
        embedded = joint_command("embed", *common, "--share", f"{k}/3", "--output", part)
        assert embedded.code == 0 and f"{(3, 3, 2)[k - 1]} embeddings" in embedded.out
    evaluate = ("evaluate", "verification", *common, "--trials", test_set / "trials")
    given = [word for part in parts for word in ("--embeddings", part)]
    found = []
    for name, options in (("whole", []), ("shares", given)):
        done = joint_command(*evaluate, *options, "--json", tmp_path / f"{name}.json")
        assert done.code == 0 and not done.err
        found.append(json.loads((tmp_path / f"{name}.json").read_text()))
    # other batches: the last digits of an embedding may differ
    assert found[0]["eer_percent"] == pytest.approx(found[1]["eer_percent"], abs=0.5)
    assert found[0]["trials"] == found[1]["trials"] == 28

    page = tmp_path / "shares.html"
    told = joint_command(*evaluate, *given, "--report", page)
    assert told.code == 0 and "Detection error trade-off" in page.read_text()
    assert "test/trials" in page.read_text()

    fewer = joint_command(*evaluate, *given[:4])
    assert fewer.code == 0 and "2 of 8 utterances of the trials are in no" in fewer.err[0]
    assert "each utterance once" in refused(*evaluate, *given, *given[:2])
    (tmp_path / "text.npz").write_text("no archive")
    line = refused(*evaluate, "--embeddings", tmp_path / "text.npz")
    assert "text.npz: found a file of another kind" in line
    assert "No such file" in refused(*evaluate, "--embeddings", tmp_path / "none.npz")

    with zipfile.ZipFile(parts[0], "a") as archive:
        stored = json.loads(archive.comment)["encoder"] | {"fingerprint": "1" * 64}
        archive.comment = json.dumps({"encoder": stored}).encode()
    assert "1.npz: found embeddings of encoder" in refused(*evaluate, *given)


@pytest.mark.parametrize("share", ["4/3", "0/3", "1/9", "half", "1/"])
def test_a_bad_share(
    refused: Refused, tiny_checkpoint: Path, test_set: Path, tmp_path: Path, share: str
) -> None:
    output = tmp_path / "e.npz"
    line = refused("embed", "--data", test_set, "--share", share, "--output", output)
    assert f"--share: found {share}; expected K/N with 1 <= K <= N <= 8" in line
    assert not output.exists()
