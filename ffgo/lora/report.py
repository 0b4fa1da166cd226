"""What was loaded onto an expert, as a row of a table and in a few lines for the user."""

from typing import cast

from ..bases.base import Expert, spoken
from .keys import ExpertLoRA


def report_row(expert: Expert, lora: ExpertLoRA | None, strength: float, how: str) -> dict[str, str]:
    """Describe one expert's LoRA, in words by what they are about; None is an expert that was left as it is."""
    if lora is None:
        return {"expert": expert, "strength": "0", "applied": "left as it is"}
    evidence = lora.file.evidence
    return {
        "expert": expert,
        "file": lora.file.name,
        "names": lora.dialect,
        "rank": _range([patch.rank for patch in lora.patches]) or "none",
        "alpha": _range([patch.alpha for patch in lora.patches]) or "not given (scale 1)",
        "modules": f"{len(lora.patches)} of {lora.modules_in_file}",
        **({"idle": f"{len(lora.idle)} module{'s' * (len(lora.idle) > 1)}"} if lora.idle else {}),
        "strength": f"{strength:g}",
        "applied": how,
        "made_for": evidence.expert or "unknown",
        "evidence": f"{'certain' if evidence.certain else 'not certain'}: {evidence.reason}",
    }


def report_lines(row: dict[str, str]) -> list[str]:
    """The row in sentences."""
    if "file" not in row:
        return [f"{spoken(cast(Expert, row['expert']))}: strength {row['strength']}, {row['applied']}"]
    idle = f", {row['idle']} without effect" if "idle" in row else ""
    return [
        f"{spoken(cast(Expert, row['expert']))}: {row['file']}",
        f"  names: {row['names']}",
        f"  rank {row['rank']}, alpha {row['alpha']}; {row['modules']} modules{idle}",
        f"  strength {row['strength']}, {row['applied']}",
        f"  made for: {row['made_for']} ({row['evidence']})",
    ]


def _range(values: list[float | None]) -> str:
    """Render the given values as "128" or "64 to 128"; empty where none is given."""
    given = sorted({value for value in values if value is not None})
    return " to ".join(f"{value:g}" for value in sorted({*given[:1], *given[-1:]}))
