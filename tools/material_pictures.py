"""Make pictures that are pictures: real frames in all weathers, simple things, text in them.

For `tools/material_examples.py`.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageEnhance

from material_draw import Drawer, Example, Picture, colour_of, lines_of, smooth, soft, wear

__all__ = ["Pictures"]


class Pictures(Drawer):
    """A drawer of ordinary pictures, with text in some."""

    def _picture(self) -> Example:
        rng, size, chance = self._rng, self._size(), self._rng.random()
        if chance < 0.18:
            drawn = self._object(size) if chance < 0.09 else self._shapes(size)
            return Example(wear(rng, drawn, 0.7), "picture", Image.new("L", size, 0))
        frame, clean = self._frame(size, clean=chance < 0.5)
        text = Image.new("L", frame.size, 0) if clean else None
        if chance < 0.5:
            frame, mask = self._written(frame)
            text = self._cover(mask)
        else:
            frame = self._weather(frame)
        if rng.random() < 0.15:
            frame = soft(rng, frame, 0.5, 2.5 if chance >= 0.5 else 1.0)
        if rng.random() < 0.4:
            frame = wear(rng, frame, float(rng.uniform(0.3, 1)))
        return Example(frame, "picture", text)

    def _weather(self, frame: Picture) -> Picture:
        """Return a frame changed as by night, fog, snow, a fade, a moved camera."""
        rng, chance = self._rng, self._rng.random()
        if chance < 0.15:
            return ImageEnhance.Brightness(frame).enhance(float(rng.uniform(0.12, 0.5)))
        if chance < 0.3:
            level = int(rng.integers(120, 250))
            fog = Image.new("RGB", frame.size, (level, level, min(255, level + 6)))
            return Image.blend(frame, fog, float(rng.uniform(0.3, 0.82)))
        if chance < 0.38:
            small = frame.resize((max(1, frame.width // int(rng.integers(8, 40))), frame.height))
            return small.resize(frame.size, Image.Resampling.BICUBIC)
        if chance < 0.45:
            size = frame.width, frame.height // int(rng.integers(2, 4))
            return frame.resize(size).resize(frame.size, Image.Resampling.BICUBIC)
        return frame

    def _object(self, size: tuple[int, int]) -> Picture:
        """Return part of a real frame on a plain ground.

        A bird in the sky, a lamp in the dark.
        """
        rng, (width, height) = self._rng, size
        ground = self._plain(size)
        if rng.random() < 0.3:
            ground = soft(rng, self._frame(size, clean=True)[0], 12, 40)
        for _ in range(int(rng.choice([1, 1, 1, 2, 5]))):
            part = float(rng.choice([0.04, 0.08, 0.15, 0.3, 0.6]) * rng.uniform(0.8, 1.5))
            box = max(9, round(width * part)), max(6, round(height * part))
            thing, _ = self._frame(size, clean=True)
            thing = thing.resize(box)
            blob = smooth(rng, thing.size, int(rng.integers(4, 9)))
            y, x = np.mgrid[-1 : 1 : thing.height * 1j, -1 : 1 : thing.width * 1j]
            inside = (blob - 0.9 * (x**2 + y**2)) > -0.15
            mask = Image.fromarray((inside * 255).astype(np.uint8))
            mask = soft(rng, mask, 0.3, float(rng.choice([1, 1, 8])))
            at = rng.uniform(0.1, 0.9, 2) * size - np.array(thing.size) / 2
            ground.paste(thing, (int(at[0]), int(at[1])), mask)
        return ground

    def _clutter(self, picture: Picture) -> Picture:
        """Draw grass, twigs, hair, a crowd: many strokes of many shades, along no lines."""
        rng, draw = self._rng, ImageDraw.Draw(picture)
        width, height = picture.size
        main, spread = rng.uniform(0, np.pi), rng.choice([0.2, 0.5, 3])
        low, high = np.sort(rng.integers(0, 256, 2))
        for _ in range(int(rng.integers(60, 900))):
            x, y = rng.uniform(0, width), rng.uniform(0, height)
            length, angle = rng.exponential(18) + 2, main + rng.normal(0, spread)
            shade = colour_of(rng.integers(low, high + 1) * rng.uniform(0.7, 1, 3))
            ends = [x, y, x + length * np.cos(angle), y + length * np.sin(angle)]
            if rng.random() < 0.1:
                box = [x, y, x + length / 2, y + length / 3]
                draw.ellipse(box, shade)
            else:
                draw.line(ends, shade, int(rng.integers(1, 6)))
        return soft(rng, picture, 0.3, 1.5)

    def _shapes(self, size: tuple[int, int]) -> Picture:
        """Return simple things that are pictures.

        Discs, horizons, silhouettes, stars, folds, windows.
        """
        rng = self._rng
        if rng.random() < 0.3:
            ground = self._frame(size, clean=True)[0] if rng.random() < 0.5 else self._plain(size)
            return self._clutter(ground)
        one, two = (colour_of(rng.integers(0, 256, 3)) for _ in range(2))
        ground = self._gradient(size, one, two)
        if rng.random() < 0.5:
            ground = ImageEnhance.Brightness(ground).enhance(float(rng.uniform(0, 0.3)))
        draw, chance = ImageDraw.Draw(ground), rng.random()
        width, height = size
        if chance < 0.2:  # sea and sky
            y = height * rng.uniform(0.3, 0.8)
            draw.rectangle([0, y, width, height], two)
            waves = smooth(rng, size, 50)[..., None] * rng.uniform(5, 60)
            seen = np.asarray(ground) + waves * (np.arange(height) > y)[:, None, None]
            return Image.fromarray(np.clip(seen, 0, 255).astype(np.uint8))
        if chance < 0.4:  # a moon, a sun, lights
            for _ in range(int(rng.choice([1, 1, 2, 6]))):
                x, y, r = rng.uniform(0, width), rng.uniform(0, height), rng.uniform(8, 120)
                shade = colour_of(rng.integers(120, 256, 3))
                draw.ellipse([x - r, y - r, x + r, y + r], shade)
            soft = smooth(rng, size, 24)[..., None]
            return Image.fromarray((np.asarray(ground) * (0.6 + 0.4 * soft)).astype(np.uint8))
        if chance < 0.55:  # stars
            for _ in range(int(rng.integers(30, 400))):
                x, y, r = rng.uniform(0, width), rng.uniform(0, height), rng.exponential(1)
                draw.ellipse([x - r, y - r, x + r, y + r], (int(rng.integers(80, 256)),) * 3)
            return ground
        if chance < 0.75:  # folds of a curtain, a fence, blinds
            count, phase = rng.uniform(3, 30), rng.uniform(0, 6)
            along = np.linspace(0, 1, width)[None, :] + 0.1 * smooth(rng, size, 3)
            wave = (np.sin(2 * np.pi * count * along + phase) + 1) / 2
            seen = np.asarray(ground) * (0.3 + 0.7 * wave[..., None])
            turned = Image.fromarray(seen.astype(np.uint8))
            return turned.rotate(90, expand=False) if rng.random() < 0.3 else turned
        if chance < 0.88:  # windows of a house
            step, x0 = rng.uniform(18, 70), rng.uniform(0, 40)
            for x in np.arange(x0, width, step):
                for y in np.arange(x0, height, step * 1.3):
                    if rng.random() < 0.6:
                        shade = colour_of(rng.integers(0, 256, 3))
                        draw.rectangle([x, y, x + step * 0.5, y + step * 0.8], shade)
            return ground.rotate(float(rng.normal(0, 6)), Image.Resampling.BICUBIC)
        for _ in range(int(rng.integers(1, 7))):  # silhouettes
            at = rng.uniform(0, 1, 2) * size
            points = [tuple(at + rng.normal(0, 80, 2)) for _ in range(int(rng.integers(4, 9)))]
            draw.polygon(points, colour_of(rng.integers(0, 90, 3)))
        return ground

    def _written(self, frame: Picture) -> tuple[Picture, Picture]:
        """Return a picture with text in it: subtitles, names, signs, a time code in a corner."""
        rng, size, chance = self._rng, frame.size, self._rng.random()
        if chance < 0.3:
            lines = lines_of(rng, int(rng.integers(1, 3)), (2, 7))
            middle = (0.5, rng.uniform(0.84, 0.92))
            mask = self._block(size, lines, rng.uniform(0.045, 0.07), middle, 0.8)
            return self._inked(frame, mask), mask
        if chance < 0.45:
            lines = lines_of(rng, int(rng.integers(1, 3)), (1, 4))
            middle = (rng.uniform(0.25, 0.45), rng.uniform(0.75, 0.9))
            mask = self._block(size, lines, rng.uniform(0.05, 0.08), middle, 0.45)
            box = mask.getbbox() or (0, 0, 9, 9)
            if rng.random() < 0.6:
                edge = [box[0] - 9, box[1] - 7, box[2] + 9, box[3] + 7]
                shade = colour_of(rng.integers(0, 256, 3))
                ImageDraw.Draw(frame).rectangle(edge, shade)
            return self._inked(frame, mask), mask
        if chance < 0.53:
            return self._corner(frame, 0.07)
        if chance < 0.63:
            return self._marked(frame)
        return self._sign(frame)

    def _sign(self, frame: Picture) -> tuple[Picture, Picture]:
        """Return a picture with a board, a shop's name, a page, seen at an angle, lit unevenly."""
        rng, size = self._rng, frame.size
        part = float(rng.uniform(0.9, 1.15) if rng.random() < 0.25 else rng.uniform(0.2, 0.95))
        board_size = (round(size[0] * part), round(size[1] * part * rng.uniform(0.25, 0.95)))
        colour = colour_of(rng.integers(0, 256, 3))
        board = Image.new("RGB", board_size, colour)
        lines = lines_of(rng, int(rng.integers(1, 6)), (1, 4))
        letters = self._block(board_size, lines, rng.uniform(0.15, 0.5), (0.5, 0.5), 0.9)
        board = self._inked(board, letters)
        light = 0.5 + 0.8 * smooth(rng, board_size, 3)[..., None]
        rough = rng.normal(0, rng.uniform(0, 12), (board_size[1], board_size[0], 1))
        seen = np.clip(np.asarray(board) * light + rough, 0, 255)
        board = soft(rng, Image.fromarray(seen.astype(np.uint8)), 0.3, 1.2)
        open_ = rng.random() < 0.25  # letters on the wall itself
        solid = letters if open_ else Image.new("L", board_size, 255)
        low, high = sorted((-0.03, 1.03 - part))
        at = [float(v) for v in rng.uniform(low, high, 2) * size]
        spots = np.array([[0, 0], [0, 1], [1, 1], [1, 0]], float) * board_size + at
        spots = spots + rng.normal(0, 0.05 * min(board_size), (4, 2))
        quad = _perspective(spots, board_size)
        how = (size, Image.Transform.PERSPECTIVE, quad, Image.Resampling.BICUBIC)
        mask, letters = solid.transform(*how), letters.transform(*how)
        return Image.composite(board.transform(*how), frame, mask), letters


def _perspective(spots: NDArray[np.float64], size: tuple[int, int]) -> tuple[float, ...]:
    """Return Pillow's eight numbers for laying a board with its corners on `spots` (4, 2).

    The board is of `size`.
    """
    corners = np.array([[0, 0], [0, 1], [1, 1], [1, 0]], float) * size
    rows, right = [], []
    for (x, y), (u, v) in zip(spots, corners, strict=True):
        rows += [[x, y, 1, 0, 0, 0, -u * x, -u * y], [0, 0, 0, x, y, 1, -v * x, -v * y]]
        right += [u, v]
    return tuple(float(value) for value in np.linalg.solve(np.array(rows), np.array(right)))
