"""Lightning Fabric: devices, precision and processes of a training. Imported from here only."""

import sys

# Fabric asks for the version of torchmetrics alone, for something that is not used here; importing
# it, with the transformers and matplotlib that it imports, takes longer than importing torch.
_unknown = "torchmetrics" not in sys.modules
if _unknown:
    sys.modules["torchmetrics"] = None  # type: ignore[assignment]  # found: not installed
try:
    from lightning_fabric import Fabric
    from lightning_fabric.strategies import DDPStrategy, ModelParallelStrategy
finally:
    if _unknown:
        del sys.modules["torchmetrics"]

__all__ = ["DDPStrategy", "Fabric", "ModelParallelStrategy"]
