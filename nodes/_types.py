"""The pack's own sockets, declared once."""

from comfy_api.latest import io

DATASET = io.Custom("FFGO_DATASET")
"""Training examples by their files: `ffgo.dataset.examples.Dataset`."""

ENCODED_DATASET = io.Custom("FFGO_ENCODED_DATASET")
"""Examples encoded on disk: `ffgo.dataset.encoded.EncodedDataset`."""

CONCEPT = io.Custom("FFGO_CONCEPT")
"""What is given of a concept, in a folder: `ffgo.concept.material.ConceptMaterial`."""

LORA_MODEL = io.Custom("LORA_MODEL")
"""The host's: a dict of tensors."""

LOSS_MAP = io.Custom("LOSS_MAP")
"""The host's: {"loss": one number a step}."""

SCORES = io.Custom("FFGO_SCORES")
"""What was measured of one clip: `ffgo.evaluation.compared.ClipScores`."""

ENTITIES = io.Custom("FFGO_ENTITIES")
"""Who a clip should show: a tuple of `ffgo.cast.entity.Entity`."""

PRESENCE = io.Custom("FFGO_PRESENCE")
"""Who is there, frame by frame: `ffgo.cast.presence.Presence`."""

TRACK_DATA = io.Custom("SAM3_TRACK_DATA")
"""The host's: masks of what SAM3 Video Track followed."""

FFGO_SAM2 = io.Custom("FFGO_SAM2")
"""A loaded SAM2 model in the host's memory management: `nodes/_sam2.py`, `SAM2`."""
