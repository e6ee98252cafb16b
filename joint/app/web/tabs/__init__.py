"""The tabs of the page, in the order in which they are shown."""

from types import ModuleType

from joint.app.web.tabs import (
    conversion,
    diarization,
    extraction,
    people,
    recognition,
    saliency,
    synthesis,
    verification,
)

TABS: tuple[ModuleType, ...] = (
    verification,
    people,
    extraction,
    diarization,
    recognition,
    synthesis,
    conversion,
    saliency,
)
