"""Decide what is shown of the nearest moments: when to stay with a clip and when to change.

    holder = Holder(moments, reference)
    answer = holder.answer(glance, mask, options)

What is shown runs on by itself, as a clip does, and is scored anew with each frame. In the way
*mirror* another moment takes its place as soon as that is a little more alike; in the way *cut* a
clip is held, and cut away from where something is clearly more alike, sooner on a peak of movement,
or where its shot ends. How much more alike is a matter of calmness. What was shown lately is tired
and loses some bits for a while: freshness.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from kuleshov.errors import UsageError
from kuleshov.features.facet import MOVEMENT, Reference
from kuleshov.features.watching import Glance
from kuleshov.match.align.strength import DEFAULT_WEIGHTS, Strength, Weights, checked
from kuleshov.match.live.moments import Moment, Moments, Rows, Spot
from kuleshov.match.live.past import Past

__all__ = ["WAYS", "Holder", "LiveOptions", "LiveWay", "Shown"]

LiveWay = Literal["mirror", "cut"]
WAYS: tuple[LiveWay, ...] = ("mirror", "cut")
"""How a camera is answered."""

_SAME = 0.15  # s; a moment so near to what is shown anyhow is no other one
_MIRROR = (0.1, 3.0)  # bits by which another moment must be more alike: restless, and calm
_CUT = (0.5, 6.0)
_WITHIN = 0.15  # share of these bits at least, where it lies in the same shot
_SURE = 0.7  # bits for how changes agree (`Moment.timed`) at which none of them would be asked
_HELD = (0.4, 4.0)  # s that a clip is held at least, in the way cut
_PEAK = 0.35  # share of these bits, on a peak of movement
_BLINK = 0.12  # s between two changes in the way mirror
_TIRED = 8.0  # bits that a shot loses right after it was shown
_RESTED = 45.0  # s after which that is a third
_SHOWN = 128  # shots that are remembered
_LAST = 0.04  # s before the end of a shot at which it is over
_LOUD = 1.6  # times its own mean that a movement must be to have a peak
_SEEN = 0.05  # of the picture's size a second; slower movement has no peaks
_FADING = 1.5  # s over which the mean of movement is taken


@dataclass(frozen=True)
class LiveOptions:
    """The options of answering. All may change from frame to frame.

    `calm` and `fresh` run from 0 to 1; `weights` by facet; `mirror` also tries the archive flipped.
    With `beat`, clips of the way *cut* change on beats alone, or where their shot ends.
    """

    way: LiveWay = "mirror"
    calm: float = 0.4
    fresh: float = 0.0
    weights: Weights = field(default_factory=lambda: dict(DEFAULT_WEIGHTS))
    mirror: bool = False
    beat: bool = False

    def __post_init__(self) -> None:
        if self.way not in WAYS:
            raise UsageError(f"There is no way {self.way!r}; there are {', '.join(WAYS)}.")
        for name, value in (("Calmness", self.calm), ("Freshness", self.fresh)):
            if not 0 <= value <= 1:
                raise UsageError(f"{name} lies between 0 and 1, not at {value:g}.")
        checked(self.weights)


@dataclass(frozen=True)
class Shown:
    """A clip as it is shown now: where, since when, and how alike it is to the picture.

    `at` is the time of the frame that it answers, `spot.time` the media time that is shown at that
    instant; it runs on until `high`. `number` counts the clips: where it grew, another one begins.
    `score` runs from 0 (a random pair) to 1 (the same picture); `facets` are shares of random pairs
    that are less alike. `wanted` is the nearest moment of all, whatever is shown.
    """

    at: float
    spot: Spot
    number: int
    strength: float
    score: float
    facets: Mapping[str, float]
    low: float
    high: float
    wanted: Moment


@dataclass(frozen=True)
class _Held:
    """The clip that is shown: where it began, at which time, and its number."""

    spot: Spot
    since: float
    number: int
    high: float

    def now(self, at: float) -> Spot:
        """Return where the clip is at a time."""
        return replace(self.spot, time=self.spot.time + (at - self.since))


class Holder:
    """A holder of one screen: what it shows, and what it showed lately."""

    def __init__(self, moments: Moments, reference: Reference) -> None:
        self._moments, self._reference = moments, reference
        self._held: _Held | None = None
        self._number = 0
        self._tired: deque[tuple[Spot, float]] = deque(maxlen=_SHOWN)
        self._movement, self._past = _Movement(), Past()

    def forget(self) -> None:
        """Show nothing, as in the beginning."""
        self._held, self._movement, self._past = None, _Movement(), Past()

    def answer(
        self,
        glance: Glance,
        mask: Rows,
        options: LiveOptions,
        *,
        frozen: bool = False,
        beat: bool = False,
    ) -> Shown | None:
        """Return what is shown at a glance; None where nothing may be.

        `frozen`: the clip that is shown is shown on, as long as it lasts. `beat`: music has struck
        since the glance before.
        """
        self._past.add(glance)
        known = [*glance.rows, *([MOVEMENT] if glance.curve is not None else [])]
        how = Strength.of(options.weights, self._reference, known)
        at, held = glance.time, self._held
        if held is not None and not held.since <= at:
            held = None  # another camera, or its clock began anew
        running = None if held is None else held.now(at)
        over = held is None or running is None or running.time > held.high - _LAST
        peak = self._movement.peak(glance) or (options.beat and beat)
        waits = options.beat and options.way == "cut" and not beat
        found, kept = self._moments.nearest(
            glance.rows,
            how,
            mask,
            tired=self._weary(at, options, held),
            also=None if over else running,
            anew=glance.cut or over,
        )
        if not found:
            self._held = None
            return None
        found, kept = self._past.refined(self._moments, found, how, kept)
        best = found[0]
        if over or kept is None or held is None or running is None:
            shown, held = best, self._begun(best, at)
        else:
            others = [best, *(one for one in found[1:] if one.spot.of_shot(running))]
            better = (
                one for one in others if self._changes(one, kept, held, running, at, options, peak)
            )
            new = None if frozen or waits else next(better, None)
            if new is not None:
                self._tired.append((held.spot, at))
                shown, held = new, self._begun(new, at)
            else:
                shown = replace(kept, spot=running)
        self._held = held
        same = how.itself({name: rows[:1] for name, rows in glance.rows.items()})
        return Shown(
            at,
            shown.spot,
            held.number,
            shown.strength,
            how.score(shown.strength, same),
            {
                name: float(how.scales[name].percentile(value))
                for name, value in shown.similarity.items()
            },
            shown.low,
            shown.high,
            best,
        )

    def _begun(self, moment: Moment, at: float) -> _Held:
        self._number += 1
        return _Held(moment.spot, at, self._number, moment.high)

    def _weary(
        self, at: float, options: LiveOptions, held: _Held | None
    ) -> list[tuple[Spot, float]]:
        """Return the shots that were shown lately, with the bits that each loses."""
        lost: dict[tuple[int, int], tuple[Spot, float]] = {}
        for spot, ended in self._tired if options.fresh else ():
            bits = options.fresh * _TIRED * math.exp(-max(0.0, at - ended) / _RESTED)
            lost[spot.film, spot.shot] = spot, bits
        if held is not None:
            lost.pop((held.spot.film, held.spot.shot), None)
        return list(lost.values())

    @staticmethod
    def _changes(
        best: Moment,
        kept: Moment,
        held: _Held,
        running: Spot,
        at: float,
        options: LiveOptions,
        peak: bool,
    ) -> bool:
        """Return whether the best moment takes the place of the clip that is shown."""
        spot = best.spot
        same = (spot.film, spot.mirrored) == (running.film, running.mirrored)
        if same and abs(spot.time - running.time) < _SAME:
            return False
        gain, share = best.strength - kept.strength, 1.0
        if spot.of_shot(running):
            # The better changes agree, the surer it is the instant: less must speak for it.
            gain, share = gain + best.timed - kept.timed, max(_WITHIN, 1 - best.timed / _SURE)
        if options.way == "mirror":
            margin = _between(_MIRROR, options.calm) * share
            return at - held.since >= _BLINK and gain > margin
        margin = _between(_CUT, options.calm) * (_PEAK if peak else 1.0)
        long = at - held.since >= _between(_HELD, options.calm) * (_PEAK if peak else 1.0)
        return long and gain > margin


def _between(ends: tuple[float, float], share: float) -> float:
    return ends[0] + (ends[1] - ends[0]) * share


class _Movement:
    """The movement before the camera, by which peaks are known: the last speeds and their mean."""

    def __init__(self) -> None:
        self._mean, self._last, self._rising, self._at = 0.0, 0.0, False, -math.inf

    def peak(self, glance: Glance) -> bool:
        """Return whether movement, which was clearly more than usual, begins to grow less."""
        speed, passed = glance.speed, max(0.0, glance.time - self._at)
        loud = self._last > max(_SEEN, _LOUD * self._mean)
        found = self._rising and speed < self._last and loud
        self._rising = speed > self._last or (self._rising and not found and speed == self._last)
        new = 1 - math.exp(-min(passed, _FADING) / _FADING)
        self._mean += new * (speed - self._mean)
        self._last, self._at = speed, glance.time
        return found
