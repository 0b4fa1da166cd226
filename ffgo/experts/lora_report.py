"""What was loaded onto an expert, in a few lines for the user."""

from .lora_file import Expert
from .lora_keys import ExpertLoRA


def report_lines(expert: Expert, lora: ExpertLoRA | None, strength: float, how: str) -> list[str]:
    """Describe one expert's LoRA; None is an expert that was left as it is."""
    if lora is None:
        return [f"{expert}-noise expert: strength 0, left as it is"]
    evidence = lora.file.evidence
    certainty = "certain" if evidence.certain else "not certain"
    rank = _range([patch.rank for patch in lora.patches]) or "none"
    alpha = _range([patch.alpha for patch in lora.patches]) or "not given (scale 1)"
    return [
        f"{expert}-noise expert: {lora.file.name}",
        f"  names: {lora.dialect}",
        f"  rank {rank}, alpha {alpha}; {len(lora.patches)} of {lora.modules_in_file} modules",
        f"  strength {strength:g}, {how}",
        f"  made for: {evidence.expert or 'unknown'} ({certainty}: {evidence.reason})",
    ]


def _range(values: list[float | None]) -> str:
    """Render the given values as "128" or "64 to 128"; empty where none is given."""
    given = sorted({value for value in values if value is not None})
    return " to ".join(f"{value:g}" for value in sorted({*given[:1], *given[-1:]}))
