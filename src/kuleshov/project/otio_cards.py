"""Write and read cards, words on black, as OpenTimelineIO has them: clips of a generator.

See `project.file`.

`opentimelineio` has no types, so its objects are `Any` here.
"""

from __future__ import annotations

from typing import Any

__all__ = ["CARD", "card_clip", "card_text"]

CARD = "Card"
"""Kind of the generator that stands for words on black."""


def card_clip(text: str, span: Any, metadata: dict[str, Any]) -> Any:
    """Return the clip for a card that is shown for `span`, an OTIO range."""
    import opentimelineio as otio

    return otio.schema.Clip(
        name=next((line.strip() for line in text.splitlines() if line.strip()), CARD),
        media_reference=otio.schema.GeneratorReference(
            name=CARD, generator_kind=CARD, available_range=span, parameters={"text": text}
        ),
        source_range=span,
        metadata=metadata,
    )


def card_text(found: Any) -> str | None:
    """Return the words of a clip that is a card; None for anything else on a track."""
    import opentimelineio as otio

    reference = getattr(found, "media_reference", None)
    if not isinstance(reference, otio.schema.GeneratorReference):
        return None
    return str(reference.parameters.get("text", "")) if reference.generator_kind == CARD else None
