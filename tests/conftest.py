"""Shared fixtures: the embedded corpus, prepared, and a very small joint model trained on it."""

import gc
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from support import ROOT, TINY, Command, Outcome, short

if TYPE_CHECKING:
    from torch import Tensor


def pytest_collection_finish() -> None:
    """What the tests have imported stays: a tenth of their time would go to looking through it for
    garbage."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> None:
    """Test processes share the cores; threads of each would fight for them."""
    import torch

    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def embedded_corpus() -> Path:
    """The real speech that travels with the repository, as a corpus."""
    return ROOT / "recipes" / "speechocean762" / "embedded"


@pytest.fixture(scope="session")
def prepared(embedded_corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The embedded corpus with manifests: `train` and `test`."""
    from recipes.speechocean762.prepare import prepare

    output = tmp_path_factory.mktemp("prepared") / "data"
    prepare(embedded_corpus, output)
    return output


@pytest.fixture(scope="session")
def recordings(embedded_corpus: Path) -> "Tensor":
    """Four speakers, 0.45 s of each, `(4, 7200)`."""
    import torch

    from joint.audio import read_audio

    folders = sorted((embedded_corpus / "WAVE").iterdir())[:4]
    waveforms = [read_audio(sorted(folder.iterdir())[0]) for folder in folders]
    return torch.stack([torch.from_numpy(w[8_000:15_200]) for w in waveforms])


@pytest.fixture(scope="session")
def aligned(prepared: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """24 recordings of 6 people with the phones in them and their times."""
    from joint.data.opening import open_corpus
    from joint.data.prepare.subset import write_subset
    from tasks.phonetics.align import align_folder

    corpus = open_corpus(prepared / "train")
    chosen = [
        u.id
        for speaker in corpus.speakers[:6]
        for u in [u for u in corpus.utterances if u.speaker == speaker][:4]
    ]
    folder = tmp_path_factory.mktemp("aligned") / "train"
    write_subset(prepared / "train", chosen, folder)
    align_folder(folder, {})
    return folder


@pytest.fixture(scope="session")
def tested(aligned: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Kaldi tables and conversations of two beside the manifests of the aligned corpus."""
    import itertools

    from joint.data.opening import open_corpus
    from tasks.recognition.conversations.lists import Conversation, Turn, write_conversations

    corpus = open_corpus(aligned)
    folder = tmp_path_factory.mktemp("tested") / "test"
    folder.mkdir()
    for path in aligned.iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    for name, field in (("wav.scp", "path"), ("text", "text"), ("utt2spk", "speaker")):
        lines = (f"{u.id}\t{getattr(u, field)}\n" for u in corpus.utterances)
        (folder / name).write_text("".join(lines))
    known = [u for u in corpus.utterances if u.pronunciation is not None]
    by_speaker = [[u.id for u in known if u.speaker == s] for s in corpus.speakers]
    pairs = [(a, b) for a, b in itertools.pairwise(by_speaker) if len(a) > 1 < len(b)]
    rows = [
        Conversation(f"m{i}", (Turn(a[0], 0, a[1]), Turn(b[0], 9000, b[1])))
        for i, (a, b) in enumerate(pairs)
    ]
    write_conversations(folder / "mix2_recognition.csv", rows)
    return folder


@pytest.fixture(scope="session")
def tiny_overrides(prepared: Path) -> list[str]:
    """Keys that point `tiny.yaml` at the prepared corpus."""
    return [f"data.train={prepared / 'train'}"]


@pytest.fixture(scope="session")
def tiny_checkpoint(tiny_overrides: list[str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A joint model of verification and extraction after two steps: it answers, knowing nothing."""
    from joint.training.run import train

    output = tmp_path_factory.mktemp("tiny") / "run"
    return train(TINY, [*tiny_overrides, f"output={output}", "trainer.max_steps=2"])


@pytest.fixture
def joint_command(capfd: pytest.CaptureFixture[str]) -> Command:
    """Run `joint ARGUMENTS` in this process."""
    from joint.app.cli.main import main

    def run(*arguments: object) -> Outcome:
        capfd.readouterr()
        with pytest.raises(SystemExit) as exit_:
            main([str(argument) for argument in arguments])
        captured = capfd.readouterr()
        code = exit_.value.code
        assert code is None or isinstance(code, int)
        return Outcome(code or 0, captured.out, captured.err.splitlines())

    return run


@pytest.fixture
def refused(joint_command: Command) -> Callable[..., str]:
    """Run a command that must be refused: exit 2, one line; gives the line."""

    def run(*arguments: object) -> str:
        outcome = joint_command(*arguments)
        assert outcome.code == 2, outcome
        assert len(outcome.err) == 1, outcome.err
        assert outcome.err[0].startswith("error: "), outcome.err
        # A training shows its progress before it meets what stops it.
        assert arguments[0] == "train" or not outcome.out, outcome.out
        return outcome.err[0]

    return run


@pytest.fixture(scope="session")
def recogniser(aligned: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small recognisers of `recognition.yaml` after three steps."""
    from joint.training.run import train

    output = tmp_path_factory.mktemp("recognition") / "run"
    recipe = ROOT / "tests" / "recognition.yaml"
    return train(recipe, [f"data.train={aligned}", f"output={output}"])


@pytest.fixture(scope="session")
def speaking_checkpoint(aligned: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small voices of `speaking.yaml` after two steps: they make sounds, not yet speech."""
    from joint.training.run import train

    output = tmp_path_factory.mktemp("speaking") / "run"
    recipe = ROOT / "tests" / "speaking.yaml"
    return train(recipe, [f"data.train={aligned}", f"output={output}"])


@pytest.fixture(scope="session")
def after_two_steps(
    prepared: Path, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str], Path]:
    """The checkpoint of a recipe of speechocean762 for conversations, by the recipe's name, after
    two steps on the shipped encoder."""
    from joint.training.run import train
    from pretrained.names import named_checkpoint

    def trained(name: str) -> Path:
        recipe = ROOT / "recipes" / "speechocean762" / f"{name}.yaml"
        output = tmp_path_factory.mktemp(name) / "run"
        folder = prepared / "train"
        common = short(recipe, folder, folder, output)
        small = ["validation.batches=1", "validation.batch_size=2", "validation.scenes.turns=2"]
        overrides = [o for o in common if "validation.batch" not in o] + small
        return train(recipe, overrides, find=named_checkpoint)

    return trained


@pytest.fixture(scope="session")
def one_person(embedded_corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A recording of one person, `talk.wav`."""
    from joint.audio import read_audio, write_audio

    path = tmp_path_factory.mktemp("talk") / "talk.wav"
    files = sorted((embedded_corpus / "WAVE").rglob("*.ogg"))
    write_audio(path, read_audio(files[0]))
    return path
