"""Voices as soft tokens of a language model of random weights."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from tiny_language_models import save_text_model
from torch import Tensor

from joint.errors import CheckpointError, ConfigError
from joint.outputs import SpeakerEncoding
from joint.scene import SceneBatch
from joint.seeding import seeded
from joint.task import Encode, Enrollment
from joint.training.checkpoint import load_into, model_tensors
from tasks.audiolm.loading import is_lora
from tasks.audiolm.queries import Recordings
from tasks.audiolm.soft_tokens import SoftTokenTask

DIM, SPEAKERS, EACH = 12, 6, 4
TEXTS = ("mark is going", "we call it bear", "see the elephant")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_text_model(tmp_path_factory.mktemp("language") / "model")


@pytest.fixture
def made(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., SoftTokenTask]:
    monkeypatch.setattr("tasks.audiolm.loading.precision", lambda: torch.float32)

    def make(**settings: Any) -> SoftTokenTask:
        with seeded(3, "audiolm"):
            return SoftTokenTask(DIM, str(folder), **{"rank": 4, "pairs": 16, **settings})

    return make


def planted() -> tuple[SceneBatch, Tensor]:
    """Recordings of a few people: each is its speaker's direction, and noise."""
    generator = torch.Generator().manual_seed(1)
    speaker = torch.arange(SPEAKERS).repeat_interleave(EACH)
    voices = torch.randn(SPEAKERS, DIM, generator=generator)
    embedding = voices[speaker] + 0.3 * torch.randn(len(speaker), DIM, generator=generator)
    batch = SceneBatch(
        scene_ids=[str(i) for i in range(len(speaker))],
        enrollment=torch.zeros(len(speaker), 1, 1600),
        enrollment_lengths=torch.full((len(speaker), 1), 1600),
        speaker=speaker[:, None],
        utterance=torch.arange(len(speaker))[:, None],
        enrollment_texts=[[TEXTS[i % 3]] for i in range(len(speaker))],
    )
    return batch, embedding


def encoding_as(embedding: Tensor) -> Encode:
    def encode(audio: Tensor, lengths: Tensor, role: str) -> SpeakerEncoding:
        return SpeakerEncoding(embedding[: len(lengths.flatten())])

    return encode


def test_the_prompt(made: Callable[..., SoftTokenTask]) -> None:
    task = made()
    prompt = task.prompt()
    assert prompt.before == (
        "<|im_start|>user\nDo both voices belong to the same speaker? Answer yes or no."
        "<|im_end|>\n<|im_start|>assistant\nVoices:"
    )
    assert prompt.row == ""
    prompt = task.prompt("WE CALL IT BEAR", "MARK IS GOING TO SEE THE BIG GREY ELEPHANT")
    assert prompt.before == (
        "<|im_start|>user\nDo both voices belong to the same speaker, and does the second one say "
        "the words asked for? Answer yes or no.<|im_end|>\n<|im_start|>assistant\n"
    )
    assert prompt.row == ("Asked: we call it bear. Said: mark is going to see the. Voices:")


def test_common_part_is_run_once_and_changes_nothing(made: Callable[..., SoftTokenTask]) -> None:
    """Ratios are those of the whole prompt without a cache, and of each pair by itself."""
    task = made().eval()
    _, embedding = planted()
    first, second = Recordings(embedding[:5]), Recordings(embedding[5:10], words=TEXTS + TEXTS[:2])
    for asked in (None, ("we call it bear", "mark", "see the elephant", "yes", "bear")):
        found = task.log_ratios(first, second, asked)
        for row in range(5):
            said = None if asked is None else second.words[row]  # type: ignore[index]
            prompt = task.prompt(None if asked is None else asked[row], said)
            text = torch.tensor(task.encode(prompt.before) + task.encode(prompt.row))
            voices = task.projection(embedding[row : row + 1], embedding[row + 5 : row + 6])
            whole = torch.cat([task.table[text][None], voices], dim=1)
            logits = task.model(inputs_embeds=whole).logits[:, -1]
            shares = task.tokens.probabilities(logits)
            torch.testing.assert_close(sum(shares), torch.ones(1))
            expected = shares.yes.log() - shares.no.log()
            torch.testing.assert_close(found[row : row + 1], expected, atol=1e-4, rtol=1e-4)


def test_lora_changes_the_output_and_not_the_model(made: Callable[..., SoftTokenTask]) -> None:
    task = made()
    batch, embedding = planted()
    before = {n: p.clone() for n, p in task.model.state_dict().items() if not is_lora(n)}
    first, second = Recordings(embedding[:8]), Recordings(embedding[8:16])
    untouched = task.log_ratios(first, second).detach()
    torch.manual_seed(0)
    task.loss(encoding_as(embedding), batch, 0.0).loss.backward()
    trained = {n for n, p in task.named_parameters() if p.requires_grad}
    ups = [n for n in trained if ".lora_B." in n]
    assert len(ups) == 2 * 4 and all(n.startswith(("model.", "projection.")) for n in trained)
    assert all(
        is_lora(n) or not p.requires_grad for n, p in task.named_parameters() if "model" in n
    )
    for name in ups:  # B is zero at first: the gradient of A begins with the second step
        assert float(task.get_parameter(name).grad.abs().max()) > 0.0  # type: ignore[union-attr]
    with torch.no_grad():
        for name in ups:
            parameter = task.get_parameter(name)
            parameter.sub_(10.0 * parameter.grad)  # type: ignore[operator]
    changed = task.log_ratios(first, second).detach()
    assert float((changed - untouched).abs().max()) > 1e-3
    after = {n: p for n, p in task.model.state_dict().items() if not is_lora(n)}
    assert before.keys() == after.keys()
    assert all(torch.equal(before[n], after[n]) for n in before)


def test_planted_pairs_are_learnt(made: Callable[..., SoftTokenTask]) -> None:
    task = made(pairs=32, bank=0).train()
    batch, embedding = planted()
    encode = encoding_as(embedding)
    chance = task.validate(encode, [batch, batch])
    optimizer = torch.optim.Adam([p for p in task.parameters() if p.requires_grad], lr=1e-2)
    torch.manual_seed(0)
    for _ in range(60):
        optimizer.zero_grad()
        task.loss(encode, batch, 0.0).loss.backward()
        torch.nn.utils.clip_grad_norm_(task.parameters(), 1.0)
        optimizer.step()
    learnt = task.validate(encode, [batch, batch])
    assert chance["accuracy_percent"] < 70.0 < 95.0 <= learnt["accuracy_percent"]
    # a voice enrolled by its embedding is answered like a row of the batch
    answer = task.infer(encode, torch.zeros(1600), [Enrollment.kept(embedding[i]) for i in (1, 9)])
    assert answer.yes[0] > 0.5 > answer.yes[1]
    torch.testing.assert_close(answer.yes, answer.log_ratio.sigmoid())


def test_tokens_of_voices(made: Callable[..., SoftTokenTask]) -> None:
    """Each voice has its tokens, the product one more; the scale of embeddings means nothing."""
    _, embedding = planted()
    first, second = embedding[:5], embedding[5:10]
    for settings, count in (({}, 3), ({"compared": False}, 2), ({"tokens_per_voice": 2}, 5)):
        tokens = made(**settings).projection(first, second)
        assert tokens.shape == (5, count, 32)
        scaled = made(**settings).projection(3.0 * first, second)
        torch.testing.assert_close(tokens, scaled)


def test_checkpoints_hold_what_is_trained(
    made: Callable[..., SoftTokenTask], folder: Path, tmp_path: Path
) -> None:
    task = made()
    with torch.no_grad():
        for parameter in task.parameters():
            if parameter.requires_grad:
                parameter.add_(0.1)
    tensors = model_tensors(task)
    assert not [n for n in tensors if ".model." in n and not is_lora(n)]
    assert {"model/projection.voice.weight", "model/fingerprint"} <= set(tensors)
    other = made(rank=4)
    load_into(other, tensors, tmp_path / "checkpoint", "model/")
    _, embedding = planted()
    pair = Recordings(embedding[:3]), Recordings(embedding[3:6])
    torch.testing.assert_close(task.log_ratios(*pair), other.log_ratios(*pair))
    another = SoftTokenTask(DIM, str(save_text_model(tmp_path / "another", seed=1)), rank=4)
    with pytest.raises(CheckpointError, match=r"another: found files of fingerprint [0-9a-f]{12};"):
        load_into(another, tensors, tmp_path / "checkpoint", "model/")


def test_the_bank_keeps_embeddings_of_a_frozen_encoder(made: Callable[..., SoftTokenTask]) -> None:
    task = made(bank=30, text_dependent=True).train()
    batch, embedding = planted()
    torch.manual_seed(0)
    task.loss(encoding_as(embedding), batch, 0.0)
    assert task.bank is not None and int((task.bank.speaker >= 0).sum()) == SPEAKERS * EACH
    assert batch.speaker is not None
    shifted = replace(batch, speaker=batch.speaker + SPEAKERS)
    task.loss(encoding_as(-embedding), shifted, 0.0)
    torch.testing.assert_close(task.bank.embedding[: len(embedding)], -embedding)
    torch.testing.assert_close(task.bank.embedding[len(embedding) :], embedding[:6])
    kept = [bytes(row.tolist()).rstrip(b"\0").decode() for row in task.bank.letters]
    assert kept[: len(embedding)] == [TEXTS[i % 3] for i in range(len(embedding))]
    # of an encoder that is trained nothing is kept
    with_gradient = embedding.clone().requires_grad_()
    state = task.bank.embedding.clone()
    output = task.loss(encoding_as(with_gradient), batch, 0.0)
    output.loss.backward()
    assert torch.equal(state, task.bank.embedding)
    assert with_gradient.grad is not None and float(with_gradient.grad.abs().max()) > 0.0


def test_unfit_settings(made: Callable[..., SoftTokenTask], tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="pairs: found 7; expected an even number"):
        made(pairs=7)
    with pytest.raises(ConfigError, match="layers: found no layer called query in Llama"):
        made(layers=["query"])
    with pytest.raises(ConfigError, match="rank: found 0"):
        made(rank=0)
    with pytest.raises(ConfigError, match=r"source: found nowhere; expected a folder, a \.gguf"):
        SoftTokenTask(DIM, "nowhere")
    with pytest.raises(ConfigError, match="no package 'no_such_package'"):
        SoftTokenTask(DIM, "no_such_package:model.gguf")
    with pytest.raises(ConfigError, match=r"no file .*lm\.gguf"):
        SoftTokenTask(DIM, str(tmp_path / "lm.gguf"))
    (tmp_path / "lm.gguf").write_bytes(b"GGUF of something else")
    with pytest.raises(ConfigError, match=r"lm\.gguf: .*; expected a causal language model"):
        SoftTokenTask(DIM, str(tmp_path / "lm.gguf"))
    (tmp_path / "empty").mkdir()
    with pytest.raises(ConfigError, match=r"empty: .*; expected a causal language model"):
        SoftTokenTask(DIM, str(tmp_path / "empty"))
