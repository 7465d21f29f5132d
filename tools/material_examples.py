"""Make pictures of all that `features/material` has to know, for `tools/fit_material.py`.

Real frames stand for themselves; titles, leader, bars, blanks and what is out of focus are drawn:
in the fonts given, on plain and pictured grounds, with the wear of old film and of compression.
Each picture says what it is and where text lies in it.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from PIL import Image, ImageChops, ImageDraw, ImageEnhance, ImageFilter, ImageOps

from material_cards import card
from material_draw import (
    Example,
    Kind,
    Picture,
    colour_of,
    compressed,
    finish,
    lines_of,
    soft,
    wear,
)
from material_pictures import Pictures

__all__ = ["KIND_SHARES", "Example", "Maker", "finish"]

KIND_SHARES: dict[Kind, float] = {
    "picture": 0.46,
    "title": 0.24,
    "leader": 0.08,
    "bars": 0.06,
    "blank": 0.09,
    "blurred": 0.07,
}
"""What share of the examples is of each kind."""


class Maker(Pictures):
    """A maker of examples of all kinds."""

    def make(self, kind: Kind | None = None) -> Example:
        """Return one example, of a kind by `KIND_SHARES` unless one is named."""
        makers: dict[Kind, Callable[[], Example]] = {
            "picture": self._picture,
            "title": self._title,
            "leader": self._leader,
            "bars": self._bars,
            "blank": self._blank,
            "blurred": self._blurred,
        }
        if kind is None:
            names, shares = list(KIND_SHARES), np.array(list(KIND_SHARES.values()))
            kind = names[int(self._rng.choice(len(names), p=shares / shares.sum()))]
        made = makers[kind]()
        picture = made.picture
        if self._rng.random() < 0.25:
            picture = ImageOps.grayscale(picture).convert("RGB")
            if self._rng.random() < 0.3:
                tint = self._rng.uniform(0.6, 1, 3)
                seen = np.asarray(picture, np.float32) * (tint / tint.max())
                picture = Image.fromarray(seen.astype(np.uint8))
        if self._rng.random() < 0.5:
            picture = compressed(self._rng, picture)
        return Example(picture, made.kind, made.text)

    def _title(self) -> Example:
        rng, size = self._rng, self._size()
        chance = rng.random()
        pictured = chance < 0.22
        if pictured:
            ground, _ = self._frame(size, clean=True)
            size = ground.size
            if rng.random() < 0.5:
                ground = soft(rng, ground, 4, 20)
            ground = ImageEnhance.Brightness(ground).enhance(float(rng.uniform(0.2, 1)))
        else:
            ground = self._plain(size)
        mask = self._card(size, pictured)
        picture = self._inked(ground, mask)
        if not pictured and rng.random() < 0.2:
            picture = self._ornament(picture)
        if not pictured and rng.random() < 0.2:  # within a fade
            picture = ImageEnhance.Brightness(picture).enhance(float(rng.uniform(0.3, 0.9)))
        if rng.random() < 0.3:
            picture = soft(rng, picture, 0.5, 1.8)
        return Example(wear(rng, picture, 0.8), "title", self._cover(mask))

    def _card(self, size: tuple[int, int], pictured: bool) -> Picture:
        """Return the mask of a title's text: from one word to a roll of credits."""
        rng, chance = self._rng, self._rng.random()
        middle = (0.5 + rng.normal(0, 0.04), 0.5 + rng.normal(0, 0.07))
        if pictured or chance < 0.3:  # a few large words
            lines = lines_of(rng, int(rng.integers(1, 4)), (1, 4))
            mask = self._block(size, lines, rng.uniform(0.09, 0.25), middle)
        elif chance < 0.65:  # an intertitle
            lines = lines_of(rng, int(rng.integers(2, 8)), (2, 7))
            mask = self._block(size, lines, rng.uniform(0.05, 0.1), middle)
        elif chance < 0.8:  # small words
            lines = lines_of(rng, int(rng.integers(1, 3)), (2, 5))
            mask = self._block(size, lines, rng.uniform(0.045, 0.08), middle)
        elif chance < 0.94:  # credits, in one column or two
            lines = lines_of(rng, int(rng.integers(6, 16)), (1, 6))
            middle = (middle[0], 0.5 + rng.uniform(-0.3, 0.3))
            mask = self._block(size, lines, rng.uniform(0.035, 0.06), middle)
            if rng.random() < 0.4:
                lines = lines_of(rng, len(lines), (1, 4))
                other = self._block(size, lines, 0.04, (0.75, middle[1]), 0.4)
                left = self._block(size, lines[::-1], 0.04, (0.25, middle[1]), 0.4)
                mask = ImageChops.lighter(other, left)
        else:  # so large that it is cut off
            lines = lines_of(rng, 1, (1, 3))
            mask = self._block(size, lines, rng.uniform(0.3, 0.7), middle, 2.2)
        if rng.random() < 0.12:
            mask = mask.rotate(float(rng.normal(0, 5)), Image.Resampling.BICUBIC)
        return mask

    def _ornament(self, picture: Picture) -> Picture:
        """Draw a frame and flourishes, as silent films have them."""
        rng, draw = self._rng, ImageDraw.Draw(picture)
        width, height = picture.size
        colour = colour_of(rng.integers(120, 256, 1).repeat(3))
        inset = float(rng.uniform(0.02, 0.08)) * height
        for ring in range(int(rng.integers(1, 3))):
            d = inset + ring * rng.uniform(4, 10)
            draw.rectangle(
                [d, d, width - d, height - d], outline=colour, width=int(rng.integers(1, 4))
            )
        for x in (inset, width - inset):
            for y in (inset, height - inset):
                for _ in range(int(rng.integers(0, 5))):
                    r = rng.uniform(5, 40)
                    box = [x - r, y - r * rng.uniform(0.4, 1), x + r, y + r]
                    start = float(rng.uniform(0, 360))
                    draw.arc(box, start, start + float(rng.uniform(60, 330)), colour, 2)
        return picture

    def _leader(self) -> Example:
        rng, size = self._rng, self._size()
        level = int(rng.choice([8, 30, 110, 150, 200, 235])) + int(rng.integers(-8, 9))
        shade = (
            np.clip(level * rng.uniform(0.8, 1, 3), 0, 255) if rng.random() < 0.4 else [level] * 3
        )
        ground = Image.new("RGB", size, colour_of(shade))
        text = Image.new("L", size, 0)
        if rng.random() < 0.68:
            ground, text = self._countdown(ground, level)
            return Example(wear(rng, ground, 0.9), "leader", self._cover(text))
        colour = colour_of(rng.integers(0, 140, 3)) if rng.random() < 0.4 else None
        if colour:
            ground = Image.new("RGB", size, colour)
        draw = ImageDraw.Draw(ground)
        for _ in range(int(rng.integers(8, 60))):
            x, tone = rng.uniform(0, size[0]), int(rng.choice([10, 200, 250]))
            ends = sorted(rng.uniform(-0.5, 1.5, 2) * size[1])
            draw.line(
                [x, ends[0], x + rng.normal(0, 5), ends[1]], (tone,) * 3, int(rng.integers(1, 3))
            )
        for _ in range(int(rng.integers(5, 120))):
            x, y, r = rng.uniform(0, size[0]), rng.uniform(0, size[1]), rng.exponential(2.5)
            draw.ellipse([x - r, y - r, x + r, y + r], (int(rng.choice([10, 235])),) * 3)
        if rng.random() < 0.15:
            r = rng.uniform(15, 60)
            x, y = rng.uniform(0.2, 0.8, 2) * size
            draw.ellipse([x - r, y - r, x + r, y + r], (245, 245, 240))
        return Example(wear(rng, wear(rng, ground)), "leader", text)

    def _countdown(self, ground: Picture, level: int) -> tuple[Picture, Picture]:
        """Draw a countdown: circles, a cross, a hand that turns, a number; or PICTURE START."""
        rng, size, draw = self._rng, ground.size, ImageDraw.Draw(ground)
        x, y = size[0] / 2 + rng.normal(0, 4), size[1] / 2 + rng.normal(0, 4)
        dark = level > 90
        ink = tuple([int(rng.integers(0, 40) if dark else rng.integers(190, 256))] * 3)
        if rng.random() < 0.6:
            start, sweep = -90.0, float(rng.uniform(0, 360))
            shade = tuple(max(0, min(255, v + (-50 if dark else 60))) for v in (level,) * 3)
            draw.pieslice([x - 900, y - 900, x + 900, y + 900], start, start + sweep, shade)
        line = int(rng.integers(1, 6))
        if rng.random() < 0.8:
            draw.line([0, y, size[0], y], ink, line)
            draw.line([x, 0, x, size[1]], ink, line)
        radius = size[1] * rng.uniform(0.3, 0.45)
        for _ in range(int(rng.choice([0, 1, 2, 2, 2]))):
            ring = [x - radius, y - radius, x + radius, y + radius]
            draw.ellipse(ring, outline=ink, width=line + 1)
            radius *= rng.uniform(0.75, 0.9)
        label = (
            str(rng.integers(1, 13))
            if rng.random() < 0.85
            else str(
                rng.choice(["PICTURE\nSTART", "START", "SOUND", "35", "16", "HEAD", "FOOT", "A"])
            )
        )
        tall = rng.uniform(0.35, 0.6) if "\n" not in label and len(label) < 3 else 0.15
        mask = self._block(size, label.split("\n"), tall, (x / size[0], y / size[1]))
        if rng.random() < 0.1:
            mask = mask.rotate(180)
        return Image.composite(Image.new("RGB", size, ink), ground, mask), mask

    def _bars(self) -> Example:
        rng, size = self._rng, self._size()
        picture, text = card(rng, size), Image.new("L", size, 0)
        if rng.random() < 0.25:
            picture, mask = self._corner(picture) if rng.random() < 0.5 else self._labelled(picture)
            text = self._cover(mask)
        if rng.random() < 0.4:  # tape: colour smeared sideways
            y, cb, cr = picture.convert("YCbCr").split()
            smear = ImageFilter.BoxBlur((float(rng.uniform(1, 9)), 1))
            parts = (soft(rng, y, 0.3, 1.5), cb.filter(smear), cr.filter(smear))
            picture = Image.merge("YCbCr", parts).convert("RGB")
        return Example(wear(rng, picture, 0.5), "bars", text)

    def _labelled(self, picture: Picture) -> tuple[Picture, Picture]:
        rng = self._rng
        words = str(
            rng.choice(["BARS & TONE", "TEST", "1 kHz", "LINE UP", "STUDIO 4", "BBC", "PM5544"])
        )
        mask = self._block(picture.size, [words], 0.09, (0.5, rng.uniform(0.3, 0.85)))
        box = mask.getbbox() or (0, 0, 9, 9)
        ImageDraw.Draw(picture).rectangle(
            [box[0] - 8, box[1] - 6, box[2] + 8, box[3] + 6], (0, 0, 0)
        )
        return self._inked(picture, mask, (235, 235, 235)), mask

    def _blank(self) -> Example:
        rng, size, chance = self._rng, self._size(), self._rng.random()
        text = Image.new("L", size, 0)
        if chance < 0.15:  # a real frame that can no longer be seen
            frame, _ = self._frame(size)
            peak = max(1.0, float(np.percentile(np.asarray(frame), 99)))
            frame = ImageEnhance.Brightness(frame).enhance(float(rng.uniform(0, 14)) / peak)
            return Example(frame, "blank", Image.new("L", frame.size, 0))
        dark = int(rng.integers(0, 30))
        ground = Image.new("RGB", size, (dark, dark, dark))
        if chance < 0.5:
            one = rng.integers(0, 256, 3)
            two = np.clip(one + rng.normal(0, 7, 3), 0, 255)
            ground = self._gradient(
                size,
                colour_of(one),
                colour_of(two),
            )
        elif chance < 0.8:
            both = self._corner(ground) if rng.random() < 0.75 else self._low(ground)
            ground, text = both[0], self._cover(both[1])
        if rng.random() < 0.7:
            ground = wear(rng, ground, 0.5)
        return Example(ground, "blank", text)

    def _low(self, ground: Picture) -> tuple[Picture, Picture]:
        """Draw the owner's mark at the lower edge of an empty ground."""
        while True:
            marked, mask = self._marked(ground)
            box = mask.getbbox()
            if box and box[1] > 0.75 * ground.height:
                return marked, mask

    def _blurred(self) -> Example:
        rng, size = self._rng, self._size()
        for _ in range(30):  # what had few edges (a sky) is the same picture afterwards
            frame, _ = self._frame(size)
            luma = np.asarray(ImageOps.grayscale(frame), np.float32)
            if np.abs(np.diff(luma, axis=1)).mean() + np.abs(np.diff(luma, axis=0)).mean() > 9:
                break
        frame = frame.filter(ImageFilter.BoxBlur(float(rng.uniform(14, 30))))
        frame = soft(rng, frame, 7, 17)
        if rng.random() < 0.5:
            seen = np.asarray(frame) + rng.normal(
                0, rng.uniform(0.5, 8), (frame.height, frame.width, 1)
            )
            frame = Image.fromarray(np.clip(seen, 0, 255).astype(np.uint8))
        return Example(frame, "blurred", Image.new("L", frame.size, 0))
