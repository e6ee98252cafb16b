"""A loaded checkpoint's extractor, in torch."""

import numpy as np
import torch
from torch import Tensor

from joint.app.base import LoadedModel
from joint.app.results import Recording
from joint.app.shared.extraction import Extracting
from joint.task import Enrollment
from joint.training.precision import autocast_for


class TargetExtractor(Extracting, LoadedModel):
    """A model that extracts enrolled people, where it has a task of extraction."""

    def check_extractor(self) -> None:
        """See Extracting."""
        self._task("extraction")

    def estimate(self, mixture: Recording, enrollment: Recording | Enrollment) -> np.ndarray:
        """See Extracting."""
        task = self._task("extraction")
        mixed = torch.from_numpy(self._waveform(mixture, "mixture")).to(self.device)
        enrolled = self._enrollment(enrollment)
        with torch.inference_mode(), autocast_for(self.precision, self.device):
            found: Tensor = task.infer(self.model.view("extraction"), mixed, [enrolled])
        return found[0].float().cpu().numpy()
