"""When each enrolled person of a batch speaks."""

from torch import Tensor

from joint.scene import SceneBatch


def spoken(batch: SceneBatch) -> Tensor:
    """Whether each enrolled person speaks, `(B, K, A)` bool, a frame each `ACTIVITY_HOP` Samples:
    in any of the sources that are theirs; never, where they are absent."""
    assert batch.activity is not None and batch.speaker is not None
    assert batch.source_speakers is not None
    own = batch.speaker[:, :, None] == batch.source_speakers[:, None, :]
    return (own[..., None] & batch.activity[:, None]).any(dim=2)


def anybody(batch: SceneBatch) -> Tensor:
    """Whether any source speaks, enrolled or not, `(B, A)` bool."""
    assert batch.activity is not None
    return batch.activity.any(dim=1)
