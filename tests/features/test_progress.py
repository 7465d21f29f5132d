"""How far looking at a film is, as it is told."""

from __future__ import annotations

from fractions import Fraction

from fakes import film_of_shots, quick_analyst
from films import noise
from told import Told


def test_frames_are_counted_in_whole_ones(tmp_path):
    """The sound is longer than the picture, and the container's length no number of frames."""
    rate = Fraction(24000, 1001)
    path = film_of_shots(tmp_path / "film.mp4", rate=rate, sound=noise(1.03))
    with quick_analyst() as analyst:
        analyst.index(path, job=(job := Told()))
    told = [(done, of) for what, done, of in job.moves if what == "looking at film.mp4"]
    assert told
    for done, of in told:
        assert of is not None
        assert done == int(done)
        assert of == int(of)
