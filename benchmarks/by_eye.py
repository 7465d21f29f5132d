"""Ask people which answers look best, ours, nearest neighbours or random ones, unnamed.

    python benchmarks/by_eye.py make --archive DIR --source FILE --out FOLDER [--seed 0]
    python benchmarks/by_eye.py ask FOLDER --name WHO
    python benchmarks/by_eye.py page FOLDER
    python benchmarks/by_eye.py score FOLDER

`make` remakes the source in three ways, none of which shows anything twice: as `kuleshov recut`
does; by the nearest neighbour of each shot's middle frame (cosine of the encoder's pooled features,
in the order of the film); at random. For every shot that is not black it draws one picture: three
stills of the source, below them, in an order that is drawn anew each time, the answers A, B and C.
Which is which is kept in key.json. `ask` shows one file name after another and writes down what is
chosen; it may be stopped and goes on where it was. `page` makes a page to click through instead,
whose answers are downloaded. `score` gives the shares of first places with
95 % intervals (Wilson 1927). Three stills say little of movement, which is not judged here.
"""

from __future__ import annotations

import argparse
import base64
import json
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from kuleshov.footage import Video
from kuleshov.media import decode
from kuleshov.media.scale import Scaler

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = ["make", "page", "score", "strip", "wilson"]

WAYS = ("ours", "nearest neighbour", "random")
NONE = "none"
LETTERS = "ABC"
STILLS = 3
HEIGHT = 150  # of a still
Places = tuple[Path, Video, float, float]
"""A film, and what is shown of it, from and to, in seconds."""


def make(archive: Path, source: Path, out: Path, seed: int) -> int:
    """Draw the pictures and the key; return how many there are."""
    from foreign import Bench, say
    from kuleshov.media.worker import Worker
    from ways import nearest, random_ones, selects, slots_of

    with Worker() as worker:
        bench = Bench(archive, worker)
        say(f"describing {source.name}")
        asked = slots_of(source.absolute(), bench.analyst)
        offered = bench.offered(asked)
    found = {
        "ours": selects(asked, offered, bench.reference),
        "nearest neighbour": [[place] for place in nearest(asked, offered, once=True)],
        "random": random_ones(asked, offered, 1, seed, once=True),
    }
    films = {film.footage.checksum: film.footage for film in bench.rows.films}
    shape = float(asked.video.active_aspect)
    rng = np.random.default_rng(seed)
    key: dict[str, dict[str, object]] = {}
    out.mkdir(parents=True, exist_ok=True)
    for number, stretch in enumerate(asked.stretches):
        if not all(found[way][number] for way in WAYS):
            continue
        begin, length = float(stretch.start), float(stretch.duration)
        top = strip((asked.path, asked.video, begin, begin + length), shape)
        order = [WAYS[i] for i in rng.permutation(len(WAYS))]
        below, places = [], {}
        for letter, way in zip(LETTERS, order, strict=True):
            shown = found[way][number][0]
            film = films[shown.checksum]
            end = shown.start + length * shown.speed
            below.append(strip((film.path, film.probe.video, shown.start, end), shape))
            places[letter] = {"way": way, "film": film.path.name, "start": round(shown.start, 3)}
        name = f"{len(key) + 1:03d}.png"
        _drawn(top, below).save(out / name)
        key[name] = {"shot": stretch.shot, **places}
        say(name)
    (out / "key.json").write_text(json.dumps(key, indent=1))
    return len(key)


def strip(place: Places, shape: float) -> Image:
    """Return stills of a stretch side by side, each filling `shape`, width over height."""
    from PIL import Image

    path, video, begin, end = place
    wanted = [begin + (end - begin) * (2 * k + 1) / (2 * STILLS) for k in range(STILLS)]
    scale = max(1.0, shape / float(video.active_aspect))
    height = round(HEIGHT * scale)
    width = max(round(HEIGHT * shape), round(height * float(video.active_aspect)))
    scaler, stills = Scaler(video, height, width, video.bars), []
    last: decode.Picture | None = None
    with decode.Film(path, threads=1, video=video) as film:
        for picture in film.pictures(Fraction(round(begin * 1000), 1000)):
            while last is not None and wanted and float(picture.time) > wanted[0] + 1e-4:
                stills.append(scaler(last.frame))
                wanted.pop(0)
            last = picture
            if not wanted:
                break
        if last is not None:
            stills += [scaler(last.frame) for _ in wanted]
    across = round(HEIGHT * shape)
    made = Image.new("RGB", (across * STILLS + 4 * (STILLS - 1), HEIGHT), "white")
    for number, still in enumerate(stills):
        top, left = (height - HEIGHT) // 2, (width - across) // 2
        part = still[top : top + HEIGHT, left : left + across]
        made.paste(Image.fromarray(np.ascontiguousarray(part)), (number * (across + 4), 0))
    return made


def _drawn(top: Image, below: Sequence[Image]) -> Image:
    """Return the source's strip above the answers', a letter before each."""
    from PIL import Image, ImageDraw, ImageFont

    margin, gap = 40, 24
    height = HEIGHT * (1 + len(below)) + gap + 6 * len(below) + 12
    made = Image.new("RGB", (top.width + margin + 8, height), "white")
    draw = ImageDraw.Draw(made)
    made.paste(top, (margin, 6))
    for number, (letter, part) in enumerate(zip(LETTERS, below, strict=True), 1):
        y = 6 + HEIGHT * number + gap + 6 * (number - 1)
        made.paste(part, (margin, y))
        draw.text((12, y + HEIGHT // 2 - 12), letter, "black", ImageFont.load_default(24))
    return made


# Asking and counting


def ask(folder: Path, name: str) -> None:
    """Ask one person on the terminal, from where they stopped."""
    path = folder / f"answers-{name}.jsonl"
    done = _answers(path)
    files = [file for file in sorted(_key(folder)) if file not in done]
    print("Which of A, B, C is most like the strip on top? a, b, c, or = where none is better.")
    for number, file in enumerate(files, 1):
        try:
            said = _asked(f"{number} of {len(files)}  {folder / file}: ")
        except (EOFError, KeyboardInterrupt):
            print("\nStopped; the same command goes on from here.")
            return
        with path.open("a") as answers:
            answers.write(json.dumps({"file": file, "best": said}) + "\n")
    print(f"All done, thank you. The answers are in {path}.")


def _asked(text: str) -> str:
    while (said := input(text).strip().upper()) not in (*LETTERS, "="):
        print("Please answer a, b, c or =.")
    return said


def _key(folder: Path) -> Mapping[str, Mapping[str, Mapping[str, str]]]:
    key: Mapping[str, Mapping[str, Mapping[str, str]]] = json.loads(
        (folder / "key.json").read_text()
    )
    return key


def _answers(path: Path) -> dict[str, str]:
    """Return what one person chose, file to letter; of two answers to a picture the later."""
    if not path.is_file():
        return {}
    lines = (json.loads(line) for line in path.read_text().splitlines() if line.strip())
    return {line["file"]: line["best"] for line in lines}


def score(folder: Path) -> str:
    """Return the shares of first places, for each person and for all together."""
    key, lines = _key(folder), []
    whole: Counter[str] = Counter()
    for path in sorted(folder.glob("answers-*.jsonl")):
        own: Counter[str] = Counter()
        for file, letter in _answers(path).items():
            own[NONE if letter == "=" else key[file][letter]["way"]] += 1
        whole += own
        lines.append(_line(path.stem.removeprefix("answers-"), own))
    if not lines:
        return f"Nobody has answered yet: python benchmarks/by_eye.py ask {folder} --name WHO"
    return "\n".join([*lines, _line("all together", whole)])


def _line(who: str, count: Counter[str]) -> str:
    total, parts = sum(count.values()), []
    for way in (*WAYS, NONE):
        low, high = wilson(count[way], total)
        parts.append(f"{way} {count[way] / total:.2f} ({low:.2f} to {high:.2f})")
    return f"{who}, {total} pictures: " + ", ".join(parts)


def wilson(hits: int, total: int, z: float = 1.96) -> tuple[float, float]:
    """Return the interval of a share (Wilson, 1927), 95 % by default."""
    if not total:
        return 0.0, 1.0
    share = hits / total
    middle = (share + z * z / (2 * total)) / (1 + z * z / total)
    half = z * math.sqrt(share * (1 - share) / total + z * z / (4 * total**2)) / (1 + z * z / total)
    return max(0.0, middle - half), min(1.0, middle + half)


_PAGE = """<!doctype html><meta charset="utf-8"><title>Which is most alike?</title>
<style>body{font:18px sans-serif;text-align:center}img{max-width:98%;max-height:80vh}
button{font-size:20px;margin:6px;padding:6px 24px}</style>
<p>Which of A, B, C is most like the strip on top? <span id="n"></span></p><img id="i">
<p><button>A</button><button>B</button><button>C</button><button value="=">none better</button></p>
<p><a id="d">Download the answers</a> and put them beside the pictures.</p>
<script>
const all = PICTURES, said = [];
function show() {
  const next = all[said.length];
  document.getElementById("n").textContent = said.length + " of " + all.length + " done";
  document.getElementById("i").src = next ? next[1] : "";
  const text = said.map((best, k) => JSON.stringify({file: all[k][0], best})).join("\\n") + "\\n";
  const link = document.getElementById("d");
  link.href = "data:application/json," + encodeURIComponent(text);
  link.download = "answers-page.jsonl";
}
for (const b of document.querySelectorAll("button")) b.onclick = () => {
  if (said.length < all.length) { said.push(b.value || b.textContent); show(); }
};
show();
</script>
"""


def page(folder: Path) -> Path:
    """Write one page to choose by clicking, pictures and all; the key is not in it."""
    pictures = [
        (name, "data:image/png;base64," + base64.b64encode((folder / name).read_bytes()).decode())
        for name in sorted(_key(folder))
    ]
    path = folder / "page.html"
    path.write_text(_PAGE.replace("PICTURES", json.dumps(pictures)))
    return path


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    verbs = parser.add_subparsers(dest="verb", required=True)
    making = verbs.add_parser("make", help="draw the pictures")
    making.add_argument("--archive", type=Path, required=True)
    making.add_argument("--source", type=Path, required=True)
    making.add_argument("--out", type=Path, required=True)
    making.add_argument("--seed", type=int, default=0)
    for verb, text in (("ask", "choose"), ("page", "a page to choose on"), ("score", "count")):
        one = verbs.add_parser(verb, help=text)
        one.add_argument("folder", type=Path)
        if verb == "ask":
            one.add_argument("--name", required=True, help="who chooses")
    options = parser.parse_args()
    if options.verb == "make":
        count = make(options.archive, options.source, options.out, options.seed)
        print(f"{count} pictures in {options.out}")
    elif options.verb == "ask":
        ask(options.folder, options.name)
    elif options.verb == "page":
        print(page(options.folder))
    else:
        print(score(options.folder))


if __name__ == "__main__":
    main()
