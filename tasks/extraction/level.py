"""The level of an estimate whose scale means nothing."""

from torch import Tensor


def at_level_in(estimate: Tensor, mixture: Tensor) -> Tensor:
    """Each of `estimate (K, S)` times the factor with which it explains most of `mixture (S,)`,
    ⟨mixture, estimate⟩ / ⟨estimate, estimate⟩: speech of somebody who is present is then as loud as
    it is there, since other voices hardly correlate with it. Silence stays silent."""
    power = estimate.square().sum(dim=1, keepdim=True)
    factor = (estimate * mixture).sum(dim=1, keepdim=True) / power.clamp(min=1e-20)
    return estimate * factor
