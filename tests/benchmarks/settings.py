"""What all benchmarks are told, and where their speech comes from."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from joint.data.corpus import Corpus
from joint.data.opening import open_corpus
from joint.data.scenes.planning import ScenePlanner
from joint.data.scenes.stream import SceneStream
from joint.data.storage.store import PackedStore

ROOT = Path(__file__).parents[2]
EMBEDDED = ROOT / "recipes" / "speechocean762" / "embedded"


@dataclass(frozen=True)
class Settings:
    """`data` holds what `joint prepare` wrote, `scratch` what may be thrown away afterwards;
    `share` shrinks the benchmarks that read many files (a check that they run)."""

    data: Path
    scratch: Path
    repeats: int = 7
    share: float = 1.0
    wespeaker: Path | None = None
    wesep: Path | None = None
    checkpoints: Sequence[str] = ()

    def some(self, count: int) -> int:
        """`count`, or this run's share of it."""
        return max(1, round(count * self.share))

    def corpus(self) -> Corpus:
        """The training split."""
        return open_corpus(self.data / "train")

    def stream(self, planner: ScenePlanner, batch_size: int) -> SceneStream:
        """Scenes of the training split, read from a packed store as the recipes do."""
        corpus = self.corpus()
        store = PackedStore(corpus, planner.speeds, self.scratch / "cache")
        return SceneStream(corpus, store, planner, batch_size, seed=1)


def prepare_embedded(scratch: Path) -> Path:
    """The speech that travels with the repository, prepared below `scratch`."""
    from recipes.speechocean762.prepare import prepare

    data = scratch / "embedded"
    if not data.is_dir():
        prepare(EMBEDDED, data)
    return data
