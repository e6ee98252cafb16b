"""The speaker encoder: a bare training step, training with its data, embeddings of files."""

import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from joint.app.api import SpeakerModel
from joint.data.scenes.planning import ScenePlanner
from joint.encoders.backbones.ecapa import EcapaTdnn
from joint.encoders.backbones.residual.repvgg import RepVggTinyA0, fold
from joint.encoders.backbones.residual.resnet import ResNet34
from joint.encoders.encoder import SpeakerEncoder
from joint.encoders.frames import Frames
from joint.encoders.frontends.filterbank import Filterbank, Frontend
from joint.encoders.pooling.statistics import AttentiveStatisticsPooling, StatisticsPooling
from joint.losses.margin import AamSoftmax
from joint.model import JointModel, StreamBatch
from joint.scene import SceneBatch
from joint.training.config.schema import OptimizerConfig
from joint.training.optimizers import MAIN, make_optimizers
from joint.units import SAMPLE_RATE
from tasks.verification.embedding import embed_files
from tasks.verification.task import VerificationTask
from tests.benchmarks.peers import wespeaker_ecapa, wespeaker_resnet34
from tests.benchmarks.settings import Settings
from tests.benchmarks.timing import Contestant, Line, race

BATCH, FRAMES, BINS, SPEAKERS = 64, 198, 80, 375
SETTLING, COUNTED = 6, 10
"""Steps of a training that are run untimed, until what was rendered ahead is used up; then those
that are timed."""


class GivenFeatures(Frontend):
    """A front-end for those who bring features `(B, F, bins)`."""

    window, hop = Filterbank.window, Filterbank.hop

    def forward(self, features: Tensor, lengths: Tensor) -> Frames:
        """All recordings equally long."""
        return Frames(features, None)


def ecapa_512(frontend: Frontend) -> SpeakerEncoder:
    """The encoder of the races, 512 channels wide."""
    pooling = partial(AttentiveStatisticsPooling, global_context=False)
    return SpeakerEncoder(frontend, EcapaTdnn(), pooling)


def resnet34(frontend: Frontend) -> SpeakerEncoder:
    """The r-vector of the races."""
    return SpeakerEncoder(
        frontend, ResNet34(), partial(StatisticsPooling, unbiased=True), norm=False
    )


def bare_step(
    model: nn.Module, embedding: Callable[[Tensor], Tensor], bf16: bool
) -> Callable[[], None]:
    """Forward, margin loss, backward and an SGD step on 64 × 2 s of features."""
    torch.manual_seed(0)
    criterion = AamSoftmax(192, SPEAKERS)
    features = torch.randn(BATCH, FRAMES, BINS)
    speakers = torch.randint(0, SPEAKERS, (BATCH,))
    optimizer = torch.optim.SGD([*model.parameters(), *criterion.parameters()], lr=0.01)
    model.train()

    def step() -> None:
        with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
            loss = criterion(embedding(features).float(), speakers)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()

    return step


def wespeaker_step(model: nn.Module, bf16: bool) -> Contestant:
    """WeSpeaker's bare step."""
    name = f"WeSpeaker {'bf16' if bf16 else 'float32'}"
    return Contestant(name, bare_step(model, lambda x: model(x)[-1], bf16), BATCH)


def race_of_steps(
    what: str,
    settings: Settings,
    ours: Callable[[Frontend], SpeakerEncoder],
    theirs: Callable[[Path], nn.Module],
) -> list[Line]:
    """Bare training steps in both precisions."""
    contestants = []
    for bf16 in (True, False):
        model = ours(GivenFeatures())
        step = bare_step(model, lambda x, model=model: model(x).embedding, bf16)  # type: ignore[misc]
        contestants.append(Contestant(f"ours {'bf16' if bf16 else 'float32'}", step, BATCH))
    if settings.wespeaker:
        checkout = settings.wespeaker
        contestants += [wespeaker_step(theirs(checkout), bf16) for bf16 in (True, False)]
    return race(f"{what} training step, 64 × 2 s", contestants, "samples/s", settings.repeats)


def encoder_step(settings: Settings) -> list[Line]:
    """ECAPA-512, a bare training step."""
    return race_of_steps("ECAPA-512", settings, ecapa_512, wespeaker_ecapa)


def resnet_step(settings: Settings) -> list[Line]:
    """ResNet34, a bare training step."""
    return race_of_steps("ResNet34", settings, resnet34, wespeaker_resnet34)


class Training:
    """Verification training as a recipe runs it, on a stream of augmented recordings."""

    def __init__(
        self,
        batches: Iterator[SceneBatch],
        speakers: int,
        encoder: SpeakerEncoder | None = None,
    ) -> None:
        criterion = partial(AamSoftmax, margin=0.2, scale=32.0)
        task = VerificationTask(192, speakers, criterion)
        encoder = encoder or ecapa_512(Filterbank())
        self.model = JointModel(encoder, {"verification": task}).train()
        self.optimizer = make_optimizers(self.model, OptimizerConfig())[MAIN]
        self.batches = batches
        self.waited, self.taken = 0.0, 0.0

    def step(self) -> None:
        """Wait for a batch, then learn from it."""
        begin = time.perf_counter()
        batch = next(self.batches)
        self.waited += time.perf_counter() - begin
        with torch.autocast("cpu", torch.bfloat16):
            loss = self.model([StreamBatch(batch, ["verification"])], 0.5).loss
        loss.backward()
        nn.utils.clip_grad_norm_(self.model.parameters(), 5.0)
        self.optimizer.step()
        self.optimizer.zero_grad()
        self.taken += time.perf_counter() - begin

    def steps(self, count: int) -> None:
        """Several steps, their waiting alone on record."""
        self.waited = self.taken = 0.0
        for _ in range(count):
            self.step()


def encoder_training(settings: Settings) -> list[Line]:
    """ECAPA-512, training with data and augmentation against the peer's bare step."""
    planner = ScenePlanner(
        speakers=0,
        enrollment=2.0,
        enrollment_noise_probability=0.4,
        enrollment_room_probability=0.3,
    )
    stream = settings.stream(planner, BATCH)
    training = Training(stream.batches(0, workers=1), planner.speaker_count(stream.corpus))
    counted, waiting = settings.some(COUNTED), []

    def timed() -> None:
        training.steps(counted)
        waiting.append(100.0 * training.waited / training.taken)

    settle = partial(training.steps, settings.some(SETTLING))
    what = "ECAPA-512 training, data and augmentation included"
    contestants = [Contestant("ours bf16, all of it", timed, counted * BATCH, settle)]
    if settings.wespeaker:
        # an untimed step first: by its end the worker has rendered ahead, and rests
        peer = wespeaker_step(wespeaker_ecapa(settings.wespeaker), bf16=False)
        contestants.append(Contestant(f"{peer.name}, bare step", peer.run, BATCH, peer.run))
    lines = race(what, contestants, "samples/s", settings.repeats)
    return [*lines, Line(what, "ours, waiting for data", waiting[1:], "% of the time")]


def inference(settings: Settings) -> list[Line]:
    """Embeddings in the two forms that an encoder can have: branches folded or not, bf16 or not."""
    waveform = torch.randn(16, 4 * SAMPLE_RATE)
    unfolded = SpeakerEncoder(Filterbank(), RepVggTinyA0(), StatisticsPooling).eval()
    folded = SpeakerEncoder(Filterbank(), RepVggTinyA0(), StatisticsPooling).eval()
    fold(folded)
    ecapa = ecapa_512(Filterbank()).eval()

    def run(encoder: SpeakerEncoder, bf16: bool) -> None:
        with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16, enabled=bf16):
            encoder(waveform)

    seconds = waveform.numel() / SAMPLE_RATE
    what = "inference, 16 × 4 s"
    lines = []
    for bf16 in (False, True):
        precision = "bf16" if bf16 else "float32"
        contestants = [
            Contestant("folded", partial(run, folded, bf16), seconds),
            Contestant("as trained", partial(run, unfolded, bf16), seconds),
        ]
        lines += race(
            f"RepVGG-tiny-A0 {what}, {precision}", contestants, "× real time", settings.repeats
        )
    contestants = [
        Contestant("bf16", partial(run, ecapa, True), seconds),
        Contestant("float32", partial(run, ecapa, False), seconds),
    ]
    return lines + race(f"ECAPA-512 {what}", contestants, "× real time", settings.repeats)


def embedding(settings: Settings) -> list[Line]:
    """Embeddings of files, the whole path: reading, filterbank, encoder."""
    chosen = settings.corpus().utterances[:: max(1, len(settings.corpus()) // settings.some(300))]
    paths = {u.id: Path(u.path) for u in chosen}
    mean = sum(u.samples for u in chosen) / len(chosen) / SAMPLE_RATE
    model = JointModel(ecapa_512(Filterbank()), {})
    ours = SpeakerModel(model, {}, Path("untrained"))
    contestants = [Contestant("ours bf16", lambda: embed_files(ours.embed, paths), len(paths))]
    if settings.wespeaker:
        few = list(paths.values())[: settings.some(60)]
        peer = wespeaker_ecapa(settings.wespeaker).eval()
        one_by_one = partial(embed_one_by_one, peer, few)
        contestants.append(Contestant("WeSpeaker float32, file by file", one_by_one, len(few)))
    what = f"embeddings of files, mean {mean:.1f} s"
    return race(what, contestants, "utterances/s", settings.repeats)


@torch.no_grad()
def embed_one_by_one(model: nn.Module, paths: list[Path]) -> list[Tensor]:
    """What WeSpeaker's command does: Kaldi's filterbank and a run of the model for each file."""
    import soundfile
    from torchaudio.compliance.kaldi import fbank

    embeddings = []
    for path in paths:
        samples, rate = soundfile.read(path, dtype="float32")
        waveform = torch.from_numpy(samples).unsqueeze(0) * (1 << 15)
        features = fbank(waveform, num_mel_bins=BINS, sample_frequency=rate, window_type="hamming")
        features = features - features.mean(dim=0)
        embeddings.append(F.normalize(model(features.unsqueeze(0))[-1]))
    return embeddings
