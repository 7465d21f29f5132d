from fractions import Fraction

import opentimelineio as otio
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edit.random_films import RATES
from kuleshov.errors import UsageError
from kuleshov.smpte import Counting
from kuleshov.timecode import exact_rate, parse_rate

F = Fraction


@pytest.mark.parametrize("rate", [F(30000, 1001), F(60000, 1001)])
def test_drop_frame_counts_every_label_that_exists(rate: Fraction) -> None:
    counting = Counting.of(rate)
    dropped = 2 if counting.nominal == 30 else 4
    frame = 0
    for minute in range(21):
        for second in range(60):
            for number in range(counting.nominal):
                if minute % 10 and second == 0 and number < dropped:
                    continue
                label = f"00:{minute:02d}:{second:02d};{number:02d}"
                assert counting.label(frame) == label
                assert counting.frame(label) == frame
                frame += 1
    with pytest.raises(UsageError, match="drop frame"):
        counting.frame("00:01:00;00")
    # Drop frame keeps up with the clock: an hour of labels is an hour, to a few frames a day.
    assert abs(counting.frame("01:00:00:00") / rate - 3600) < F(1, 100)


@given(rate=st.sampled_from(RATES[:-1]), frame=st.integers(0, 2_000_000))
def test_labels_are_those_of_opentimelineio(rate: Fraction, frame: int) -> None:
    counting = Counting.of(rate)
    frame %= counting.day
    label = counting.label(frame)
    assert counting.frame(label) == frame
    assert otio.opentime.from_timecode(label, float(rate)).value == frame


def test_what_is_no_label_and_what_wraps() -> None:
    counting = Counting.of(F(24000, 1001))
    assert counting == Counting(24)
    assert counting.label(counting.day) == "00:00:00:00"
    for text in ("", "1:2:3", "01:00:00:24", "25:00:00:00", "01:60:00:00"):
        with pytest.raises(UsageError, match="timecode"):
            counting.frame(text)
    with pytest.raises(UsageError, match="drop-frame"):
        Counting(25, drop=True)


def test_another_rate_keeps_hour_minute_and_second() -> None:
    assert Counting(25).label(Counting(25).converted("10:20:30:12", 24)) == "10:20:30:12"
    assert Counting(60).label(Counting(60).converted("10:20:30:12", 24)) == "10:20:30:30"
    drop = Counting(30, drop=True)
    assert drop.label(drop.converted("10:21:00:00", 24)) == "10:21:00;02"


def test_rates_that_files_claim() -> None:
    assert exact_rate(F(2997, 100)) == F(30000, 1001)
    assert exact_rate(F(23976, 1000)) == F(24000, 1001)
    assert exact_rate(F(165, 10)) == F(33, 2)


@pytest.mark.parametrize(
    ("text", "rate"),
    [
        ("23.976", F(24000, 1001)),
        ("23.98", F(24000, 1001)),
        ("29.97", F(30000, 1001)),
        ("24000/1001", F(24000, 1001)),
        ("24", F(24)),
        ("16.7", F(167, 10)),
    ],
)
def test_rates_that_people_write(text: str, rate: Fraction) -> None:
    assert parse_rate(text) == rate


@pytest.mark.parametrize("text", ["fast", "0", "-25", "1/0"])
def test_what_is_no_rate(text: str) -> None:
    with pytest.raises(UsageError, match="is not a frame rate: write 25"):
        parse_rate(text)
