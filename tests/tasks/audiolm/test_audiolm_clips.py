"""A Qwen2-Audio of random weights that is given the recordings themselves."""

from pathlib import Path

import numpy as np
import pytest
import torch
from tiny_language_models import save_audio_model, save_text_model
from tiny_models import encode_with, tiny_encoder

from joint.errors import ConfigError
from joint.scene import SceneBatch
from joint.seeding import seeded
from joint.task import Enrollment
from tasks.audiolm.answers import AnswerTokens
from tasks.audiolm.clips import ClipTask
from tasks.audiolm.loading import is_lora
from tasks.audiolm.prompts import clips_of, conversation
from tasks.audiolm.queries import Recordings

HEAD = "<|im_start|>system\nYou are a helpful assistant.<|im_end|>\n<|im_start|>user\n"
TAIL = "<|im_end|>\n<|im_start|>assistant\n"
CLIP = "<|audio_bos|><|AUDIO|><|audio_eos|>\n"
QUESTION = "Do both voices belong to the same speaker? Answer yes or no."


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_audio_model(tmp_path_factory.mktemp("audio") / "model")


@pytest.fixture(scope="module")
def task(folder: Path) -> ClipTask:
    with pytest.MonkeyPatch.context() as patched, seeded(0, "audiolm"):
        patched.setattr("tasks.audiolm.loading.precision", lambda: torch.float32)
        return ClipTask(12, str(folder), rank=2, pairs=4)


def recordings(count: int, seed: int = 0) -> Recordings:
    generator = torch.Generator().manual_seed(seed)
    lengths = torch.randint(8000, 16000, (count,), generator=generator)
    wave = 0.1 * torch.randn(count, 16000, generator=generator)
    return Recordings(torch.zeros(count, 12), wave, lengths)


def test_prompts_of_both_forms(task: ClipTask) -> None:
    assert task.prompt() == f"{HEAD}Audio 1: {CLIP}Audio 2: {CLIP}{QUESTION}{TAIL}"
    task.form = "concatenated"
    assert task.prompt() == (
        f"{HEAD}Audio 1: {CLIP}The recording has two voices, with a pause between them. "
        f"{QUESTION}{TAIL}"
    )
    task.form = "two clips"
    assert task.prompt("WE CALL IT BEAR") == (
        f"{HEAD}Audio 1: {CLIP}Audio 2: {CLIP}Do both voices belong to the same speaker, and does "
        f"the second one say the words asked for? Answer yes or no. Asked: we call it bear.{TAIL}"
    )
    with pytest.raises(ConfigError, match="form: found 'mixed'; expected 'two clips' or"):
        conversation("mixed")  # type: ignore[arg-type]


def test_clips() -> None:
    first, second = np.ones(16000, np.float32), np.full(20 * 16000, 2.0, np.float32)
    assert [len(clip) for clip in clips_of("two clips", first, second)] == [16000, 14 * 16000]
    (both,) = clips_of("concatenated", first, second)
    assert len(both) == (1 + 1 + 14) * 16000 and both.dtype == np.float32
    assert (both[:16000] == 1.0).all() and not both[16000:32000].any() and (both[32000:] == 2).all()


@pytest.mark.parametrize("form", ["two clips", "concatenated"])
def test_a_batch_is_its_pairs(task: ClipTask, form: str) -> None:
    task.form = form  # type: ignore[assignment]
    first, second = recordings(3), recordings(3, seed=1)
    with torch.no_grad():
        found = task.log_ratios(first, second)
        for row in range(3):
            alone = first.rows(torch.tensor([row])), second.rows(torch.tensor([row]))
            torch.testing.assert_close(found[row], task.log_ratios(*alone)[0], atol=1e-4, rtol=1e-4)
        swapped = task.log_ratios(second, first)
        shares = task.probabilities(first, second)
    assert float((found - swapped).abs().max()) > 1e-5
    torch.testing.assert_close(shares.yes + shares.no + shares.other, torch.ones(3))
    torch.testing.assert_close(found, shares.yes.log() - shares.no.log(), atol=1e-4, rtol=1e-4)
    task.form = "two clips"


def test_fine_tuning_reaches_the_text_model_alone(task: ClipTask) -> None:
    wave = recordings(4)
    assert wave.waveform is not None and wave.lengths is not None
    batch = SceneBatch(
        scene_ids=["0", "1", "2", "3"],
        enrollment=wave.waveform[:, None],
        enrollment_lengths=wave.lengths[:, None],
        speaker=torch.tensor([[0], [0], [1], [1]]),
        utterance=torch.arange(4)[:, None],
    )
    output = task.loss(encode_with(tiny_encoder().eval()), batch, 0.0)
    output.loss.backward()
    assert output.count == 4
    gradients = {n: p.grad for n, p in task.named_parameters() if p.grad is not None}
    reached = {name for name, gradient in gradients.items() if gradient.any()}
    assert reached and all(is_lora(name) and "language_model" in name for name in reached)
    answer = task.infer(
        encode_with(tiny_encoder().eval()), torch.zeros(16000), [Enrollment.of(wave.waveform[0])]
    )
    kept = Enrollment.kept(torch.zeros(12))
    with pytest.raises(ConfigError, match="a kept embedding without its recording"):
        task.infer(encode_with(tiny_encoder().eval()), torch.zeros(16000), [kept])
    assert answer.yes.shape == (1,) and 0.0 < float(answer.yes.detach()) < 1.0


def test_models_that_do_not_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = save_text_model(tmp_path / "text")
    with pytest.raises(ConfigError, match=r"text without audio tokens \(.*\); expected a language"):
        ClipTask(12, str(text))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(ConfigError, match="no answer from the hub about nobody/nothing"):
        ClipTask(12, "nobody/nothing")
    with pytest.raises(ConfigError, match="no token for yes and one for no"):
        AnswerTokens.of(lambda text: [1, 2], "model")
    with pytest.raises(ConfigError, match="no token for yes and one for no"):
        AnswerTokens.of(lambda text: [7], "model")
