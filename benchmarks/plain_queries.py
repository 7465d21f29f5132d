"""List 60 plain queries for benchmarks/words.py --plain, as people wrote them down.

They were written with stills of all 195 shots in sight, before any was run and before anything of
what answers them was changed. Most ask for footage that `queries` has nothing of (the trailers of
*Sintel* and of *A Trip to the Moon*, three films of OpenCV's documentation), or for what no query
there asks of the other films. Those at even places are for tuning, those at odd places are held
out. Shots are given as in `queries.RELEVANT`.
"""

__all__ = ["PLAIN"]

_ANIMATED = "bbb 0-3, sintel 1-18, Megamind"
_TITLES = "trip 3 5 8 14 16 18 20 22 25 27, sintel 19-22"

PLAIN: dict[str, str] = {
    "sand dunes": "sintel 18",
    "a desert": "sintel 18, abomb 2",
    "the moon": "trip 4 24",
    "a planet with rings": "trip 19",
    "a girl in the snow": "sintel 2 7, opossum_snow 0",
    "a woman with an animal in the snow": "opossum_snow 0",
    "snow-covered mountains": "sintel 1",
    "a snow storm": "sintel 1-2 7-8",
    "a dragon": "sintel 13 16-17",
    "a girl with a dragon": "sintel 16-17",
    "an old man with a beard": "sintel 4",
    "a man with glasses": "Megamind 2 4, pexels_woman_portrait",
    "a girl with red hair": "sintel 5 11 14, pexels_woman_close",
    "a clown with a red background": "bodypaint 16 18-19",
    "a sky at sunset": "sintel 12-17",
    "orange clouds": "sintel 13-17",
    "a narrow street between old houses": "sintel 10",
    "an old town in the evening": "sintel 12",
    "a ship at sea": "trip 17",
    "a harbour": "trip 17",
    "white text on black": _TITLES,
    "closing credits": "trip 27, sintel 22",
    "a sign with text": "abomb 1",
    "people at work in the dark": "nasa 0-2",
    "a woman with a glass of wine": "Megamind 1 3",
    "a candle on a table": "Megamind 1-3, bodypaint 39",
    "animation": _ANIMATED,
    "a cartoon character": _ANIMATED,
    "a tree": "tree, bbb 0",
    "green leaves": "tree, bodypaint 9-12 41-47",
    "people walking on a road": "vtest",
    "a lawn beside a road": "vtest",
    "a round table": "people_one_by_one",
    "a room with a wooden floor": "people_one_by_one",
    "an alarm clock": "shot_change 0",
    "a cat eating from a hand": "shot_change 1",
    "a toy made of bricks": "small",
    "a yellow machine": "small",
    "a worker on a lifting platform": "nasa 0-2",
    "a golden mirror": "nasa 0-2",
    "a big cake": "bodypaint 78",
    "a woman with a basket": "bodypaint 75",
    "red curtains": "bodypaint 72-75",
    "a crow on a head": "bodypaint 14-15",
    "a red flower and green leaves": "bodypaint 41-42 45",
    "a man painted as a skull": "bodypaint 76-77",
    "a propeller": "bodypaint 48",
    "a wheel": "bodypaint 55-60, bikes 4-5, trip 2",
    "newspapers on a wall": "bodypaint 5 85-87",
    "a cyclist beside a car": "bikes 2",
    "a dry leaf on a stone": "leaf_deer 1 5",
    "a man in a white jacket": "pexels_woman_portrait",
    "a woman in pink and blue light": "pexels_woman_neon",
    "two men at a lectern": "obama",
    "an animal in a green sweater": "opossum_snow 3-11",
    "people on a ski slope": "opossum_snow 2 4 11",
    "lit windows of an office tower": "cityCC0",
    "an aeroplane in a grey sky": "plane 0",
    "a rabbit in front of a cave": "bbb 1-2",
    "dancers in a row on a stage": "trip 6-7",
}
"""What answers each query, by looking at one still of each shot."""
