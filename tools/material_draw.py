"""Draw the parts of made pictures: real frames and plain grounds, text, wear.

For `tools/material_examples.py`.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from PIL import Image, ImageChops, ImageDraw, ImageEnhance, ImageFilter, ImageFont, ImageOps

__all__ = [
    "Colour",
    "Drawer",
    "Example",
    "Generator",
    "Kind",
    "Picture",
    "colour_of",
    "compressed",
    "finish",
    "ink_of",
    "lines_of",
    "smooth",
    "soft",
    "wear",
]

Kind = Literal["picture", "title", "leader", "bars", "blank", "blurred"]
Colour = tuple[int, int, int]
Picture = Image.Image
Generator = np.random.Generator

_HEIGHT = 320
_ASPECTS = (4 / 3, 4 / 3, 1.19, 1.66, 16 / 9, 16 / 9, 16 / 9, 2.39, 0.5625)
_TEXT = (
    "the a of and to in night day war love story presents directed by produced film pictures "
    "music edited written starring with Maria John Anna Robert Elena Georges Victor Henri Jeanne "
    "city house river moon last first never forget journey trip beyond world all that they know "
    "one man woman children scene part end chapter meanwhile next morning later years before "
    "they came back home I love you said nothing more but who is he? where? oh! help me please "
    "coming soon summer this December in theatres everywhere based on true events Corporation "
    "copyright studio company cast crew camera sound costume design assistant special thanks "
    "été où garçon Straße für über "
    "1902 1927 1945 XIX 24 7 100 No. II 20th Inc. Ltd. & — the château Lumière Müller Sjöström"
)
_WORDS = _TEXT.split()
_WIDE_TEXT = "Москва режиссёр фильм конец часть первая музыка город ночь και το τέλος"
_WIDE_WORDS = _WIDE_TEXT.split()
_WIDE_FONTS = ("DejaVu", "FreeS", "FreeM")  # have Greek and Cyrillic letters
_CJK_FONTS = ("wqy", "dejima", "cjk")
_CJK = "月世界旅行電影終一二三人日本東京夜山川花火水木金土大小上下中国天地"


@dataclass(frozen=True, repr=False)
class Example:
    """An example: a picture, RGB of any size, what it is, and where text lies.

    Text is white in `text`, mode L; None where nobody knows whether there is text.
    """

    picture: Picture
    kind: Kind
    text: Picture | None


def finish(example: Example) -> tuple[NDArray[np.uint8], NDArray[np.uint8], NDArray[np.float32]]:
    """Return an example as an `Encoded` has it, and where it has text.

    Large (H, W, 3), its shorter side 256; squeezed (224, 224, 3); and the share of text in 7 x 7
    cells, negative where unknown.
    """
    picture = example.picture
    scale = 256 / min(picture.size)
    size = (round(picture.width * scale), round(picture.height * scale))
    large = picture.resize(size, Image.Resampling.BOX)
    squeezed = picture.resize((224, 224), Image.Resampling.BOX)
    cells = np.full((7, 7), -1, np.float32)
    if example.text is not None:
        small = example.text.resize((7, 7), Image.Resampling.BOX)
        cells = np.asarray(small, np.float32) / np.float32(255)
    return np.asarray(large), np.asarray(squeezed), cells


def lines_of(rng: Generator, count: int, words: tuple[int, int]) -> list[str]:
    """Return some lines of text, sometimes in capitals, other letters or Chinese characters."""
    chance = rng.random()
    if chance < 0.04:
        return ["".join(rng.choice(list(_CJK), rng.integers(2, 9))) for _ in range(count)]
    known = _WIDE_WORDS if chance < 0.1 else _WORDS
    lines = [" ".join(rng.choice(known, rng.integers(*words))) for _ in range(count)]
    return [line.upper() for line in lines] if rng.random() < 0.5 else lines


def colour_of(values: ArrayLike) -> Colour:
    """Return three numbers, 0 to 255, as a colour."""
    red, green, blue = (int(value) for value in np.asarray(values))
    return red, green, blue


def ink_of(rng: Generator) -> Colour:
    """Return a colour for text: mostly near white."""
    if rng.random() < 0.65:
        level = int(rng.integers(190, 256))
        return level, level, max(0, level - int(rng.integers(0, 40)))
    return colour_of(rng.integers(0, 256, 3))


def light_of(colour: Sequence[float]) -> float:
    """Return the light of a colour, 0 to 255."""
    return float(np.dot(colour, (0.3, 0.59, 0.11)))


def smooth(rng: Generator, size: tuple[int, int], cells: int) -> NDArray[np.float32]:
    """Return smooth noise, (H, W), 0 to 1."""
    seed = Image.fromarray(rng.integers(0, 256, (cells, cells), np.uint8))
    spread = np.asarray(seed.resize(size, Image.Resampling.BICUBIC), np.float32)
    return spread / np.float32(255)


def wear(rng: Generator, picture: Picture, much: float = 1.0) -> Picture:
    """Return a picture worn as old film: grain, scratches, dust, flicker, vignette, by chance."""
    seen: NDArray[np.floating[Any]] = np.asarray(picture, np.float32)
    height, width = seen.shape[:2]
    if rng.random() < 0.5 * much:
        y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
        seen = seen * (1 - rng.uniform(0.1, 0.6) * ((x**2 + y**2) / 2)[..., None])
    if rng.random() < 0.4 * much:
        seen = seen * (0.75 + 0.5 * smooth(rng, (width, height), 3)[..., None])
    if rng.random() < 0.6 * much:
        cell = int(rng.integers(1, 4))
        size = (-(-height // cell), -(-width // cell), 1 if rng.random() < 0.8 else 3)
        grain = rng.normal(0, rng.uniform(2, 16 * much), size).repeat(cell, 0).repeat(cell, 1)
        seen = seen + grain[:height, :width]
    worn = Image.fromarray(np.clip(seen, 0, 255).astype(np.uint8))
    draw = ImageDraw.Draw(worn)
    if rng.random() < 0.35 * much:
        for _ in range(rng.integers(1, 1 + round(8 * much))):
            x, level = rng.uniform(0, width), int(rng.choice([20, 230]))
            ends = sorted(rng.uniform(-0.3 * height, 1.3 * height, 2))
            draw.line([x, ends[0], x + rng.normal(0, 4), ends[1]], (level,) * 3)
    if rng.random() < 0.35 * much:
        for _ in range(rng.integers(1, 1 + round(25 * much))):
            x, y, r = rng.uniform(0, width), rng.uniform(0, height), rng.uniform(0.5, 4)
            box = [x - r, y - r * rng.uniform(0.5, 2), x + r, y + r]
            draw.ellipse(box, (int(rng.choice([10, 240])),) * 3)
    return worn


def compressed(rng: Generator, picture: Picture) -> Picture:
    """Return the picture after JPEG, whose blocks are like those of films."""
    kept = io.BytesIO()
    picture.save(kept, "jpeg", quality=int(rng.integers(25, 95)))
    return Image.open(kept).convert("RGB")


def soft(rng: Generator, picture: Picture, low: float, high: float) -> Picture:
    """Return a picture out of focus by `low` to `high` pixels."""
    return picture.filter(ImageFilter.GaussianBlur(float(rng.uniform(low, high))))


class Drawer:
    """A drawer of grounds and text.

    `frames` (RGB, known to hold no text unless `textless` says otherwise) are films and
    photographs; `fonts` are files. All chance comes from `seed`.
    """

    def __init__(
        self,
        frames: Sequence[NDArray[np.uint8]],
        textless: Sequence[bool],
        fonts: Sequence[Path],
        seed: int,
    ) -> None:
        self._frames, self._textless, self._fonts = frames, textless, fonts
        self._clean = [index for index, clean in enumerate(textless) if clean]
        self._rng = np.random.default_rng(seed)

    def _size(self) -> tuple[int, int]:
        return round(_HEIGHT * float(self._rng.choice(_ASPECTS)) / 2) * 2, _HEIGHT

    def _frame(self, size: tuple[int, int], clean: bool = False) -> tuple[Picture, bool]:
        """Return a real frame, cropped to `size`, changed a little, and whether it has no text."""
        rng = self._rng
        number = int(rng.choice(self._clean)) if clean else int(rng.integers(len(self._frames)))
        frame = Image.fromarray(self._frames[number])
        if rng.random() < 0.3:  # as it is
            size = round(size[1] * frame.width / frame.height), size[1]
        part = float(rng.uniform(0.6, 1) if rng.random() < 0.4 else 1)
        width, height = frame.size
        x, y = rng.uniform(0, 1 - part, 2) * frame.size
        frame = frame.crop((round(x), round(y), round(x + part * width), round(y + part * height)))
        frame = ImageOps.fit(frame, size, Image.Resampling.BICUBIC)
        if self._textless[number] and rng.random() < 0.5:
            frame = ImageOps.mirror(frame)
        if rng.random() < 0.5:
            frame = ImageEnhance.Contrast(frame).enhance(float(rng.uniform(0.5, 1.6)))
            frame = ImageEnhance.Color(frame).enhance(float(rng.uniform(0.2, 1.5)))
        return frame, self._textless[number]

    def _gradient(self, size: tuple[int, int], one: Colour, two: Colour) -> Picture:
        rng = self._rng
        angle = rng.uniform(0, 2 * np.pi)
        y, x = np.mgrid[-1 : 1 : size[1] * 1j, -1 : 1 : size[0] * 1j]
        along = np.cos(angle) * x + np.sin(angle) * y
        if rng.random() < 0.4:
            along = 2 * np.hypot(x, y) - 1
        mix = np.clip((along + 1) / 2, 0, 1)[..., None]
        seen = (1 - mix) * np.array(one) + mix * np.array(two)
        return Image.fromarray(seen.astype(np.uint8))

    def _plain(self, size: tuple[int, int]) -> Picture:
        """Return a ground for a card: black most often, a colour, a gradient, paper."""
        rng, chance = self._rng, self._rng.random()
        if chance < 0.5:
            dark = int(rng.integers(0, 35))
            return Image.new("RGB", size, (dark, dark, dark))
        one, two = (colour_of(rng.integers(0, 256, 3)) for _ in range(2))
        if chance < 0.75:
            return Image.new("RGB", size, one)
        if chance < 0.87:
            return self._gradient(size, one, two)
        rough = smooth(rng, size, int(rng.integers(8, 60)))[..., None] * rng.uniform(10, 60)
        return Image.fromarray(np.clip(rough + np.array(one), 0, 255).astype(np.uint8))

    def _font(self, height: float, text: str) -> ImageFont.FreeTypeFont:
        """Return a font that has the letters of `text`, as far as its file's name tells."""
        last = max(map(ord, text), default=0)
        names = _CJK_FONTS if last > 0x2FFF else _WIDE_FONTS if 0x36F < last < 0x2000 else ("",)
        fit = [font for font in self._fonts if any(name in font.name for name in names)]
        fit = fit or list(self._fonts)
        path = fit[int(self._rng.integers(len(fit)))]
        return ImageFont.truetype(str(path), max(8, round(height)))

    def _block(
        self,
        size: tuple[int, int],
        lines: Sequence[str],
        height: float,
        middle: tuple[float, float],
        widest: float = 0.92,
    ) -> Picture:
        """Return lines of text as a mask (L) of `size`.

        Each line is `height` of the picture's, around `middle` (parts of width and height); smaller
        where they would not fit.
        """
        rng, mask = self._rng, Image.new("L", size, 0)
        draw = ImageDraw.Draw(mask)
        text, align = "\n".join(lines), str(rng.choice(["center", "center", "left", "right"]))
        font = self._font(height * size[1], text)
        spacing = font.size * float(rng.uniform(0.1, 0.7))
        box = draw.multiline_textbbox((0, 0), text, font, spacing=spacing, align=align)
        fit = min(1, widest * size[0] / max(1, box[2]), 0.95 * size[1] / max(1, box[3]))
        if fit < 1:
            font, spacing = font.font_variant(size=max(7, int(font.size * fit))), spacing * fit
            box = draw.multiline_textbbox((0, 0), text, font, spacing=spacing, align=align)
        x = middle[0] * size[0] - (box[0] + box[2]) / 2
        y = middle[1] * size[1] - (box[1] + box[3]) / 2
        draw.multiline_text((x, y), text, 255, font, spacing=spacing, align=align)
        return mask

    def _inked(self, ground: Picture, mask: Picture, ink: Colour | None = None) -> Picture:
        """Return text on its ground, in a readable colour, by chance with shadow or outline."""
        rng = self._rng
        ink = ink or ink_of(rng)
        behind = (
            light_of(np.asarray(ground)[np.asarray(mask) > 128].reshape(-1, 3).mean(axis=0))
            if (np.asarray(mask).max() > 128)
            else 0
        )
        if abs(light_of(ink) - behind) < 70:
            ink = (245, 245, 240) if behind < 128 else (12, 12, 14)
        dark = (0, 0, 0) if light_of(ink) > 128 else (255, 255, 255)
        if rng.random() < 0.35:
            wide = mask.filter(ImageFilter.MaxFilter(int(rng.choice([3, 5]))))
            ground = Image.composite(Image.new("RGB", ground.size, dark), ground, wide)
        elif rng.random() < 0.25:
            moved = ImageChops.offset(mask, int(rng.integers(1, 5)), int(rng.integers(1, 5)))
            ground = Image.composite(Image.new("RGB", ground.size, dark), ground, moved)
        return Image.composite(Image.new("RGB", ground.size, ink), ground, mask)

    def _cover(self, mask: Picture) -> Picture:
        """Return where text is: the mask, its letters run together."""
        near = mask.resize((mask.width // 8, mask.height // 8), Image.Resampling.BOX)
        near = near.point(lambda v: 255 if v > 25 else 0)
        return near.filter(ImageFilter.MaxFilter(3)).resize(mask.size)

    def _corner(self, ground: Picture, tallest: float = 0.065) -> tuple[Picture, Picture]:
        """Return a ground with a time code, a name or a mark in a corner or at the lower edge."""
        rng = self._rng
        digits = "{:02d}:{:02d}:{:02d}:{:02d}".format(*rng.integers(0, 24, 4))
        words = str(rng.choice([digits, digits, *lines_of(rng, 3, (1, 3))]))
        x = float(rng.choice([0.17, 0.5, 0.83]))
        y = float(rng.choice([0.06, 0.93]))
        mask = self._block(ground.size, [words], rng.uniform(0.025, tallest), (x, y), 0.3)
        if rng.random() < 0.3:
            box = mask.getbbox() or (0, 0, 9, 9)
            ImageDraw.Draw(ground).rectangle(
                [box[0] - 5, box[1] - 4, box[2] + 5, box[3] + 4], (0, 0, 0)
            )
        if rng.random() < 0.3:
            draw, r = ImageDraw.Draw(ground), rng.uniform(6, 18)
            x, y = ground.width * x, ground.height * y
            draw.ellipse([x - r, y - r, x + r, y + r], ink_of(rng))
        return self._inked(ground, mask), mask

    def _marked(self, ground: Picture) -> tuple[Picture, Picture]:
        """Return a ground with the owner's translucent mark, once or twice, mostly low in it."""
        rng, size = self._rng, ground.size
        y = float(rng.choice([0.9, 0.86, 0.93, 0.08, 0.5]))
        sides = [0.28, 0.75] if rng.random() < 0.5 else [0.5]
        words = [" ".join(lines_of(rng, 1, (2, 5))) for _ in sides]
        tall = float(rng.uniform(0.04, 0.065))
        masks = [
            self._block(size, [w], tall, (x, y), 0.5) for w, x in zip(words, sides, strict=True)
        ]
        mask = masks[0] if len(masks) == 1 else ImageChops.lighter(masks[0], masks[1])
        share = float(rng.uniform(0.35, 0.8))
        thin = mask.point(lambda v: int(v * share))
        return Image.composite(Image.new("RGB", size, ink_of(rng)), ground, thin), mask
