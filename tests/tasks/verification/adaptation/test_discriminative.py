"""ADDA: the target's embeddings become like the source's, and only the adapted encoder moves."""

from pathlib import Path

import pytest
import torch
from planted_domains import COUNT, DIM, Projection, corpora, mixed_batch, of_one_domain, recordings
from support import ROOT
from torch import Tensor, nn

from joint.errors import ConfigError
from joint.outputs import SpeakerEncoding
from joint.training import checkpoint
from joint.training.run import train
from tasks.verification.adaptation.discriminative import Adda


def planted_adda() -> tuple[Adda, Projection]:
    torch.manual_seed(0)
    encoder = Projection()
    task = Adda(DIM, Projection, hidden=16)  # type: ignore[arg-type]
    task.setup(corpora())
    task.before_step(encoder, 0.0)
    return task, encoder


def adapt(task: Adda, encoder: Projection, steps: int) -> list[float]:
    """Train both sides in turn; how often the critic was right in each step."""
    own = torch.optim.Adam(encoder.parameters(), lr=0.003, betas=(0.5, 0.9))
    judges = torch.optim.Adam(task.critic_parameters(), lr=0.01, betas=(0.5, 0.9))
    right = []

    def encode(audio: Tensor, lengths: Tensor, role: str) -> SpeakerEncoding:
        found: SpeakerEncoding = encoder(audio.flatten(0, -2), lengths.flatten())
        return found

    for step in range(steps):
        batch = mixed_batch(step, scenes=96)
        own.param_groups[0]["lr"] = 0.003 * (1.0 - step / steps)
        own.zero_grad()
        task.loss(encode, batch, step / steps).loss.backward()
        own.step()
        judges.zero_grad()  # of what the loss above has left there
        output = task.critic_loss(encode, batch, step / steps)
        output.loss.backward()
        judges.step()
        right.append(float(output.metrics["accuracy"]))
    return right


def told_apart(source: Tensor, target: Tensor) -> float:
    """How often a critic that is trained on some recordings is right on others."""
    torch.manual_seed(1)
    critic = nn.Sequential(nn.Linear(DIM, 16), nn.ReLU(), nn.Linear(16, 1))
    optimizer = torch.optim.Adam(critic.parameters(), lr=0.02)
    x = nn.functional.normalize(torch.cat([source, target]).detach())
    y = (torch.arange(len(x)) < len(source)).float()
    half = torch.arange(len(x)) % 2 == 0
    for _ in range(150):
        optimizer.zero_grad()
        loss = nn.functional.binary_cross_entropy_with_logits(critic(x[half])[:, 0], y[half])
        loss.backward()
        optimizer.step()
    return float(((critic(x[~half])[:, 0] > 0) == y[~half].bool()).float().mean())


def test_no_critic_can_tell_after_the_adaptation() -> None:
    task, encoder = planted_adda()
    domain = torch.arange(1000) % 2 == 1
    audio, lengths = recordings(domain, seed=99)[:, 0], torch.full((1000,), 8)
    source = task.source.eval()(audio[~domain], lengths[~domain]).embedding
    before = told_apart(source, encoder(audio[domain], lengths[domain]).embedding)
    adapt(task, encoder, 120)
    after = told_apart(source, encoder(audio[domain], lengths[domain]).embedding)
    assert before > 0.9 and after < 0.65


def test_only_the_adapted_encoder_moves() -> None:
    task, encoder = planted_adda()
    first = {name: value.clone() for name, value in encoder.state_dict().items()}
    task.train()
    adapt(task, encoder, 3)
    task.before_step(encoder, 0.5)
    for name, value in task.source.state_dict().items():
        assert torch.equal(value, first[name]), name
    assert not torch.equal(encoder.layer.weight, first["layer.weight"])
    assert not torch.equal(encoder.state_dict()["norm.running_mean"], first["norm.running_mean"])


def test_a_batch_of_one_domain() -> None:
    task, encoder = planted_adda()

    def encode(audio: Tensor, lengths: Tensor, role: str) -> SpeakerEncoding:
        found: SpeakerEncoding = encoder(audio.flatten(0, -2), lengths.flatten())
        return found

    batch = of_one_domain(mixed_batch(0))
    output = task.loss(encode, batch, 0.0)
    assert output.count == 0 and output.loss.item() == 0.0 and output.loss.requires_grad
    assert task.critic_loss(encode, batch, 0.0).count == len(batch) < COUNT


def test_the_source_encoder_of_a_training(prepared: Path, tmp_path: Path) -> None:
    recipe = ROOT / "recipes" / "domains" / "adda.yaml"
    small = [
        "encoders@encoder=xvector_256",
        f"data.train.source.path={prepared / 'train'}",
        f"data.train.target.path={prepared / 'test'}",
        "data.cache=null",
        "streams.domains.scenes.enrollment=0.6",
        "streams.domains.batch_size=12",
        "validation=null",
        "trainer.max_minutes=null",
        "trainer.workers=0",
    ]
    first = train(recipe, [*small, f"output={tmp_path / 'a'}", "init=[]", "trainer.max_steps=1"])
    last = train(
        recipe, [*small, f"output={tmp_path / 'b'}", f"init=[{first}]", "trainer.max_steps=2"]
    )
    before, after = (checkpoint.read(path)[0] for path in (first, last))
    shared, copied = f"{checkpoint.MODEL}encoder.", f"{checkpoint.MODEL}tasks.adda.source."
    names = [name.removeprefix(shared) for name in before if name.startswith(shared)]
    assert names and all(torch.equal(after[copied + n], before[shared + n]) for n in names)
    assert not all(torch.equal(after[shared + n], before[shared + n]) for n in names)


def test_other_corpora() -> None:
    task, _ = planted_adda()
    with pytest.raises(ConfigError, match=r"data.train: found new and old; expected source: "):
        task.setup(corpora(("old", "new")))
    with pytest.raises(ConfigError, match=r"data.train: found one corpus, or names in"):
        task.setup(corpora().subset(["source"]))
