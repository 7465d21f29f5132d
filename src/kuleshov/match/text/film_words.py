"""List words of films for which ImageNet has no class of its own, with classes that show as much.

ImageNet is of objects, and its classes' names say little of places, weather and trades.
"""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["SCENES"]

_SEA = "seashore, sandbar, breakwater, promontory, coral reef"
_AT_SEA = (
    "grey whale, killer whale, submarine, beacon, speedboat, catamaran, trimaran, fireboat, "
    "lifeboat, container ship"
)
_WATER = f"lakeside, {_SEA}, dam, fountain, geyser, canoe, pier, {_AT_SEA}"
_CITY = "cab, streetcar, traffic light, trolleybus, parking meter, street sign"
_TOWERS = "palace, cinema, monastery, church, dome, castle, library, boathouse, barn, greenhouse"
_WOODS = "lakeside, valley, rapeseed, hay, yurt, cliff"
_SOLDIERS = (
    "military uniform, assault rifle, tank, rifle, pickelhaube, bulletproof vest, half track"
)
_WEAPONS = "assault rifle, rifle, revolver, cannon, missile, projectile"
_SCREENS = "screen, monitor, television, desktop computer, laptop, notebook, home theater"
_BOATS = (
    "canoe, catamaran, trimaran, yawl, speedboat, lifeboat, gondola, fireboat, schooner, pirate, "
    "container ship, liner, aircraft carrier, submarine"
)
_BICYCLES = "mountain bike, bicycle-built-for-two, tricycle, unicycle"

SCENES: Mapping[str, str] = {
    "water": _WATER,
    "sea": f"{_SEA}, {_AT_SEA}",
    "ocean": f"{_SEA}, {_AT_SEA}",
    "wave": f"seashore, sandbar, breakwater, geyser, promontory, {_AT_SEA}",
    "surf": f"seashore, sandbar, breakwater, geyser, promontory, {_AT_SEA}",
    "beach": "seashore, sandbar, bathing cap, bikini, swimming trunks",
    "coast": _SEA,
    "lake": "lakeside, canoe, boathouse, dock",
    "river": "lakeside, dam, canoe, suspension bridge, gondola",
    "bridge": "suspension bridge, steel arch bridge, viaduct, pier",
    "snow": "ski, snowmobile, dogsled, snowplow, alp, bobsled, ski mask",
    "winter": "ski, snowmobile, dogsled, snowplow, alp, bobsled",
    "ice": "ice bear, bobsled, puck, ice lolly",
    "mountain": "alp, volcano, valley, cliff, mountain tent",
    "hill": "valley, alp, cliff, promontory",
    "valley": "valley, alp, lakeside, cliff",
    "landscape": "valley, lakeside, alp, cliff, promontory, seashore",
    "desert": "sandbar, sidewinder, Arabian camel, horned viper",
    "forest": _WOODS,
    "wood": _WOODS,
    "tree": _WOODS,
    "jungle": "howler monkey, macaw, tree frog, lakeside, spider monkey, African chameleon",
    "meadow": "hay, rapeseed, valley, ox, harvester",
    "field": "hay, rapeseed, harvester, thresher, plow, tractor",
    "grass": "hay, lawn mower, golf ball, croquet ball",
    "flower": "daisy, yellow lady's slipper, pot, rapeseed, bee",
    "garden": "greenhouse, pot, lawn mower, picket fence, patio",
    "sky": "airship, parachute, balloon, kite, airliner, wing",
    "cloud": "alp, volcano, airship, parachute, balloon, wing",
    "sunset": "seashore, promontory, lakeside, breakwater, volcano",
    "space": "space shuttle, planetarium, radio telescope, missile",
    "rocket": "missile, projectile, space shuttle",
    "street": _CITY,
    "road": f"{_CITY}, moving van, trailer truck",
    "traffic": f"{_CITY}, minivan, minibus, trailer truck",
    "city": f"{_CITY}, {_TOWERS}",
    "skyscraper": "beacon, obelisk, bell cote, palace, dock, pier, crane",
    "building": f"{_TOWERS}, mosque, stupa, prison, home theater, restaurant, triumphal arch",
    "house": "boathouse, barn, mobile home, birdhouse, patio, sliding door, tile roof",
    "church": "church, bell cote, altar, vault, monastery, dome",
    "factory": "lumbermill, oil filter, crane, forklift, chainlink fence",
    "ruin": "megalith, triumphal arch, cliff dwelling, castle",
    "train": "steam locomotive, electric locomotive, passenger car, freight car, bullet train",
    "railway": "steam locomotive, electric locomotive, passenger car, freight car, bullet train",
    "bicycle": _BICYCLES,
    "bike": _BICYCLES,
    "motorcycle": "moped, motor scooter, crash helmet",
    "car": "sports car, convertible, beach wagon, cab, limousine, minivan, jeep, racer, grille, "
    "car wheel, car mirror, Model T, pickup",
    "bus": "minibus, school bus, trolleybus",
    "truck": "trailer truck, pickup, tow truck, garbage truck, moving van, fire engine, half track",
    "plane": "airliner, warplane, wing, airship",
    "aeroplane": "airliner, warplane, wing, airship",
    "airplane": "airliner, warplane, wing, airship",
    "aircraft": "airliner, warplane, wing, airship, balloon",
    "boat": _BOATS,
    "ship": _BOATS,
    "soldier": _SOLDIERS,
    "army": _SOLDIERS,
    "war": f"{_SOLDIERS}, {_WEAPONS}, warplane",
    "weapon": _WEAPONS,
    "gun": "assault rifle, rifle, revolver, holster",
    "explosion": "volcano, cannon, missile, projectile, geyser",
    "fire": "volcano, stove, torch, candle, matchstick, fire engine",
    "smoke": "volcano, steam locomotive, cannon",
    "bottle": "beer bottle, wine bottle, water bottle, pop bottle, pill bottle, water jug",
    "coffee": "espresso, cup, coffee mug, coffeepot, espresso maker",
    "drink": "espresso, cup, beer glass, red wine, goblet, eggnog, beer bottle",
    "kitchen": "stove, microwave, refrigerator, dishwasher, frying pan, wok, toaster",
    "pan": "frying pan, wok, caldron, Crock Pot",
    "cooking": "frying pan, wok, caldron, stove, spatula, Crock Pot",
    "computer": "desktop computer, laptop, notebook, monitor, computer keyboard, mouse, hand-held "
    "computer",
    "screen": _SCREENS,
    "monitor": _SCREENS,
    "television": _SCREENS,
    "telephone": "dial telephone, cellular telephone, pay-phone",
    "phone": "dial telephone, cellular telephone, pay-phone",
    "book": "book jacket, bookcase, bookshop, library, comic book",
    "hand": "Band Aid, hand-held computer, hand blower, nail, screwdriver, ballpoint",
    "drawing": "pencil box, ballpoint, fountain pen, rubber eraser, rule, quill, paintbrush",
    "writing": "ballpoint, fountain pen, quill, pencil box, envelope, notebook",
    "bed": "studio couch, four-poster, crib, cradle, quilt, pillow",
    "room": "studio couch, home theater, window shade, bookcase, dining table, wardrobe",
    "window": "window shade, window screen, sliding door",
    "stage": "stage, theater curtain, spotlight, electric guitar, drum, microphone",
    "theatre": "stage, theater curtain, spotlight",
    "concert": "stage, electric guitar, drum, microphone, acoustic guitar, accordion",
    "music": "electric guitar, drum, microphone, acoustic guitar, accordion, grand piano, violin",
    "speech": "stage, suit, microphone, notebook, Windsor tie",
    "suit": "suit, Windsor tie, bow tie, trench coat",
    "flag": "flagpole, bow tie, suit, parachute",
    "moustache": "wig, bow tie, bearskin, bolo tie, Windsor tie, mask",
    "mask": "mask, ski mask, gasmask, oxygen mask",
    "astronaut": "space shuttle, oxygen mask, bulletproof vest, crash helmet",
    "wedding": "groom, gown, bow tie",
    "sport": "basketball, volleyball, rugby ball, soccer ball, baseball, tennis ball, ballplayer",
    "swimming": "bathing cap, swimming trunks, snorkel, scuba diver, bikini",
    "toy": "teddy, jigsaw puzzle, rocking chair, toyshop, puck, swing",
    "rabbit": "wood rabbit, hare, Angora",
    "deer": "hartebeest, impala, gazelle, bighorn, ibex, ram",
    "monkey": "baboon, macaque, langur, colobus, capuchin, howler monkey, titi, marmoset",
    "parrot": "African grey, macaw, sulphur-crested cockatoo, lorikeet",
    "horse": "sorrel, horse cart, zebra",
    "cow": "ox, water buffalo, bison",
    "mouse": "hamster, mouse, guinea pig",
}
"""The names of classes for each word, which stands in the singular."""
