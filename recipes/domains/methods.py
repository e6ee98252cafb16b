"""The methods of adaptation by name, their titles in the table, and what each is compared to."""

SOURCE, COSINE, PLDA = "source", "cosine", "source-plda"
"""The encoder of the source domain, and its scores without adaptation by cosine and by a PLDA."""
ENCODERS = {
    "adda": "ADDA",
    "adversarial": "multi-task and adversarial",
    "distances": "CDMA",
    "labelled": "*with labels: encoder*",
}
"""Adaptations of the encoder, scored by cosine: recipes of this folder."""
BACKENDS = {
    "mean": "mean of the target, cosine",
    "coral": "CORAL",
    "coral+": "CORAL+",
    "coral++": "CORAL++",
    "plda": "adapted PLDA",
    "labelled-plda": "*with labels: PLDA*",
}
"""Adaptations of the back-end, on embeddings of the source domain's encoder."""
METHODS = [*ENCODERS, *BACKENDS]


def before(method: str) -> str:
    """The scores without adaptation that a method is compared to."""
    return COSINE if method in (*ENCODERS, "mean") else PLDA
