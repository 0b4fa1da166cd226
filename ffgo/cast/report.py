"""What is said of entities, in lines."""

from collections.abc import Sequence

from .entity import Entity


def describe_entities(entities: Sequence[Entity]) -> list[str]:
    """Who they are and where, one a line."""
    return [_described(number, one) for number, one in enumerate(entities, 1)]


def _described(number: int, entity: Entity) -> str:
    parts = [f"{number}. {entity.name}"]
    if entity.cast_id:
        parts.append("of the cast")
    if entity.box:
        box = entity.box
        parts.append(f"{box.width}x{box.height} px at ({box.x}, {box.y})")
    if entity.mask is not None:
        parts.append(f"{float(entity.mask.sum()):,.0f} px of it seen")
    if not entity.shown:
        parts.append("hidden")
    if entity.picture is None:
        parts.append("nothing of it to look for")
    elif not entity.is_whole:
        parts.append("as the frame shows it")
    return ", ".join(parts)
