"""One caption per shot of the second edition: from three words to a paragraph, and how to read them.

The first character named stands on the left, or the caption says who stands where. What a caption leaves
open (outfit hue, layout, the clock) is decided by the episode, and what it does not mention (rain, snow,
dust, a moving or a close camera, a walker who comes in or goes out) is not there.

Every slot of a caption draws its words by itself, from the telling and the slot's name. Two shots that
differ in one fact are, with one telling, told in the same words but for those of that fact.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from itertools import permutations
from typing import Any, NamedTuple, Protocol, TypeVar

from longtake.files import seed_of
from longtake.world.second.shot import CaptionFacts

LONGEST = 77  # words, commas, colons and full stops of the longest caption
LENGTHS = (69, 10, 21)  # per cent of captions with a template of SHORT, MIDDLE, LONG

Phrases = tuple[str, ...]
T = TypeVar("T")


def _listed(text: str) -> Phrases:
    """The phrases of a list such as "in the city | in town"."""
    return tuple(" ".join(phrase.split()) for phrase in text.split("|"))


def _table(**lists: str) -> dict[str, Phrases]:
    return {key: _listed(text) for key, text in lists.items()}


_SIDES = {-1: "left", 1: "right"}
# name | look | he, him, his
_CHARACTERS = {
    "fox": ("Ollie", "orange", ("he", "him", "his")),
    "frog": ("Pip", "green", ("he", "him", "his")),
    "penguin": ("Nima", "blue", ("she", "her", "her")),
    "rabbit": ("Luna", "pink", ("she", "her", "her")),
    "robot": ("Bolt", "metal", ("it", "it", "its")),
    "elephant": ("Ella", "purple", ("she", "her", "her")),
}

# -- phrases: of the lists up to "Of these, all are learnt" training never uses the last one -----------------

_SUBJECTS = _listed(
    """{n} | {n} the {s} | the {s} | the {l} {s} | {n} the {l} {s} | {a_look} {s} | {n} |
    {a_name} called {n} | the {s} {n} | {a_name} | our friend {n} | {n} , the {s} , | our friend the {s}"""
)
# The first word is the verb; {d} is left or right.
_ACTIONS = _table(
    walk="""walk to the {d} | walk {d} | stroll to the {d} | wander {d} | go {d} on foot | march {d} |
    stroll {d} | wander to the {d} | march to the {d} | trot to the {d} | head {d} | set off to the {d} |
    take a walk to the {d} | hike to the {d} | trot {d}""",
    jump="""jump | jump up and down | hop | leap into the air | jump for joy | jump high into the air |
    hop up and down | leap up | jump again and again | hop on the spot | bounce up and down |
    spring into the air | make little jumps | jump on the spot""",
    wave="""wave | wave hello | wave at us | say hello | raise a hand to greet us | wave to us | wave a hand |
    give us a wave | greet us | say hello with a wave | give a friendly wave | hold up a hand to wave |
    lift a hand to say hello | greet us with a wave""",
    sleep="""sleep | take a nap | nap | lie asleep | doze | rest with closed eyes | sleep soundly |
    have a nap | lie fast asleep | snooze | sleep on the ground | lie there asleep | dream with closed eyes |
    sleep with closed eyes""",
    sit="""sit down | take a seat | sit on the ground | settle down | sit down on the ground | have a seat |
    sit down for a rest | settle on the ground | sit down slowly | take a seat on the ground |
    plop down to sit | sit down to rest | settle down for a rest""",
    ball="""play with a ball | drop a ball | bounce a ball | play ball | let a red ball fall |
    play with a red ball | let a ball bounce | bounce a red ball | drop a red ball | make a ball bounce |
    have fun with a ball | let a ball fall | have fun with a red ball""",
)
# {f}: from where, {d}: to where a walker goes.
_ENTERS = _listed(
    """come into the picture | enter {f} | come in {f} | step into the picture | come into view {f} |
    enter the scene | appear {f} | enter the scene {f}"""
)
_LEAVES = _listed(
    """leave the picture | exit {d} | go out of sight | disappear {d} | leave the scene | pass out of view |
    leave {d} | go out of view"""
)
_PLACES = _table(
    meadow="""in the meadow | in a green meadow | on the grass | in a field of grass | by the old tree |
    out on the meadow | in the tall grass | in a grassy meadow | near the old tree | on the green grass |
    in the middle of a meadow | on the soft green grass | by the old meadow tree""",
    beach="""at the beach | by the sea | on the shore | by the palm tree on the beach | at the seaside |
    on the beach | on the sandy beach | by the ocean | near the palm tree | near the shore |
    beside the sea | on the sand by the sea | on the sandy shore""",
    desert="""in the desert | among the dunes | in the hot desert | by a cactus | in the dry desert |
    out in the desert | between the sand dunes | near a tall cactus | on the desert sand |
    in the sandy desert | in the middle of the desert | in the wide desert | among the desert dunes""",
    mountains="""in the mountains | in the snow | up in the snowy mountains | below the white peaks |
    by a snowy pine | high in the mountains | among the snowy peaks | on a snowy mountain |
    up on the mountain | on a snowy slope | near a pine in the mountains | in the high mountains |
    high among the white peaks""",
    city="""in the city | in town | downtown | on a city street | by the clock tower in the city |
    in the middle of the city | on the street | between the houses | in front of the clock tower |
    in the streets | near the clock tower | among the houses of the city | on a street in the city""",
    farm="""on the farm | by the barn | in the farmyard | in front of the red barn | at the farm |
    beside the barn | near the red barn | out on the farm | in the yard of the farm | on a farm |
    next to the barn | by the old barn | by the red barn on the farm""",
)
_TIMES = _table(
    morning="""in the morning | at sunrise | at dawn | early in the morning | on a fresh morning |
    at daybreak | in the early morning | as the sun comes up | at first light | as the sun rises |
    as a new day begins | as the morning begins""",
    day="""during the day | at noon | in broad daylight | at midday | on a bright day | in bright daylight |
    by day | in the daytime | around noon | in full daylight | around midday""",
    evening="""in the evening | at sunset | at dusk | as the sun goes down | on a warm evening |
    in the early evening | at twilight | as the sun sets | late in the evening | as evening falls |
    on a quiet evening | as the day ends""",
    night="""at night | by night | after dark | under the moon | late at night | deep in the night |
    at midnight | during the night | by moonlight | in the moonlight | on a dark night |
    in the dark of night""",
)
_WEATHERS = _table(
    clear="""|||||| under a clear sky | in fine weather | in clear weather""",
    rain="""in the rain | while it rains | as rain falls | in rainy weather | under a rainy sky |
    in pouring rain | in gentle rain | in falling rain | in wet weather | in heavy rain | in a rain shower |
    in a heavy shower""",
    snow="""while it snows | as snow falls | in falling snow | in a snowfall | in snowy weather |
    under a snowy sky | as snowflakes drift down | in drifting snow | in a snow flurry |
    among falling snowflakes | in heavy snow | in a heavy snowfall""",
    dust="""in a dust storm | as the dust blows | in blowing dust | in dusty weather | in a dusty storm |
    while dust blows by | in clouds of dust | under a dusty sky | in a dusty wind | in drifting dust |
    in thick dust clouds""",
)
_PANS = _listed(
    """the camera pans {d} | the camera moves {d} | the camera glides to the {d} |
    the view drifts to the {d} | the camera turns to the {d} | the camera pans slowly {d} |
    the camera travels {d} | the view slides slowly {d} | the camera glides slowly {d}"""
)
_CLOSE = _listed(
    """this is a close-up | it is a close shot | the camera is very near | we see it from close up |
    the camera is up close | this is a close shot"""
)

# Of these, all are learnt.
_SHOTS = _listed("close-up | a close shot | a close view | close shot")
_SLOW_PANS = _listed("slow pan to the {d} | camera pan to the {d} | slow pan {d} | pan {d} | pan to the {d}")
_PLACE_TAGS = _table(
    meadow="meadow | green meadow | grassy meadow",
    beach="beach | sandy beach | seaside",
    desert="desert | sand dunes | sandy desert",
    mountains="mountains | snowy mountains | high mountains",
    city="city | town | city street",
    farm="farm | farmyard | red barn",
)
_TIME_TAGS = _table(
    morning="morning | early morning | sunrise | dawn",
    day="day | noon | midday | daytime",
    evening="evening | sunset | dusk | twilight",
    night="night | midnight | late night | moonlight",
)
_WEATHER_TAGS = _table(
    clear="||| clear sky",
    rain="rain | raining | rainy",
    snow="snow | snowing | snowfall",
    dust="dust storm | blowing dust | dusty",
)
_HOURS = _table(  # it is ...
    morning="morning | early morning | dawn | early in the day",
    day="noon | midday | high noon | broad daylight",
    evening="evening | early evening | dusk | twilight",
    night="night | late at night | midnight | a dark night",
)
_ONES = _table(
    morning="one morning | one early morning | one fresh morning",
    day="one day at noon | one bright day | one day at midday",
    evening="one evening | one quiet evening | one day at dusk",
    night="one night | one dark night | one night by moonlight",
)
_IT_IS = _table(
    morning="it is morning | the sun is coming up | a new day begins | it is early morning | the sun rises",
    day="the day is bright | it is noon | it is day | the sun is high | it is midday",
    evening="it is evening | the sun is going down | the day is ending | evening is falling | the sun sets",
    night="it is night | the moon is up | it is late at night | night has fallen | it is a dark night",
)
_WEATHER_IS = _table(
    clear="||| the sky is clear | the weather is fine",
    rain="it is raining | rain is falling | rain is pouring down | it rains and rains",
    snow="it is snowing | snow is falling | snowflakes are drifting down | it snows and snows",
    dust="a dust storm blows | dust is blowing by | dust fills the air | a dust storm rages",
)
_SCENERY = _table(
    meadow="""an old tree stands in the grass | green hills rise behind the grass |
    soft grass covers the ground | an old tree spreads its green branches |
    soft grass grows around an old tree | the grass is green and soft | the old tree has a thick trunk""",
    beach="""a palm tree stands by the sea | the wide sea lies behind the sand |
    a palm tree grows by the sea | white foam runs along the sea | the sea reaches to the horizon |
    the sand is yellow and soft | a palm tree leans over the sand""",
    desert="""a green cactus stands in the sand | dunes rise in the distance |
    there is sand and a tall cactus | dune after dune stretches to the horizon |
    a tall cactus stands all alone | the dunes are yellow and round | sand lies all around""",
    mountains="""snowy peaks rise behind a pine | a green pine stands in the snow |
    white peaks tower high above a pine | the mountains are white with snow |
    snow covers the ground and the peaks | there are high peaks and a pine |
    the peaks are white at the top""",
    city="""a clock tower rises above the houses | houses stand in a long row |
    there are houses and a clock tower | the clock tower looks down on everything |
    grey houses stand along the street | the houses have many windows | the clock tower has a pointed roof""",
    farm="""a red barn stands among the fields | brown fields lie around the barn | there is a big red barn |
    the red barn has a white door | the barn has a big dark roof | brown fields stretch out behind the barn |
    the barn is big and red""",
)
# Behind ~: where the sky is not clear.
_LIGHT = _table(
    morning="""soft pink light fills the sky | the first light is soft | the sun shines softly |
    pale morning light falls on everything | the morning sky is pink | the young day is pale""",
    day="""bright daylight falls on everything | the sun stands high above | the daylight is bright and even |
    the light is very bright | the midday sun stands overhead | the light of noon is white""",
    evening="""the sky glows orange and red | warm evening light falls on everything |
    the sun glows red and orange | the evening sun turns everything golden |
    the last light is red and golden | the evening sky is purple and red""",
    night="""the moon shines in the dark sky | pale moonlight falls on everything |
    only the moon gives some light | the moon and the stars shine ~ the moon shines alone |
    it is dark but for the moon | stars twinkle around the moon ~ the moon looks down""",
)
_SOUNDS = _table(
    meadow="""a soft wind rustles the leaves | one can hear the grass rustle |
    a breeze whispers in the grass | the grass rustles in the wind""",
    beach="""the sea murmurs softly | one can hear the sea | the surf rushes up the sand |
    water splashes on the shore | the sea comes and goes""",
    desert="""the wind whispers over the sand | one can hear only the desert wind |
    the sand hisses in the wind | the wind sings in the dunes""",
    mountains="""a cold wind whistles around the peaks | one can hear the mountain wind |
    an icy wind blows from the peaks | the wind sings high in the mountains""",
    city="""cars hum in the streets | one can hear a car horn | the noise of the streets never ends |
    cars honk and hum""",
    farm="""a wind blows around the barn | the wind whistles at the barn | a breeze blows over the fields |
    the wind blows over the farm""",
)
_SKY = _table(
    clear="the air is clear and fresh | the weather could not be finer | the sky is clear and wide",
    rain="the rain drums on the ground | raindrops splash all around | grey rain clouds hang low",
    snow="""the snowflakes whirl through the air | big snowflakes fall without a sound |
    white snowflakes dance in the air""",
    dust="""the wind whirls the dust about | brown dust hangs in the air |
    fine dust is everywhere""",
)
_LOOKS = _table(
    fox="""has orange fur and a bushy tail | has pointed ears and a bushy tail |
    has an orange coat and a black nose""",
    frog="""has green skin and a wide mouth | has big round eyes and a wide mouth |
    has green skin and round eyes""",
    penguin="""has blue feathers and an orange beak | has a white face and an orange beak |
    has short wings and orange feet""",
    rabbit="""has pink fur and two long ears | has long ears and a round tail |
    has soft pink fur and a small nose""",
    robot="has a square metal head | has an antenna on its square head | is made of shiny metal",
    elephant="""has purple skin and a long trunk | has big round ears and a trunk |
    has a long trunk and wide ears""",
)
_STILL = _listed(
    """the camera does not move | the camera stands still | the camera stays where it is |
    the view stays the same"""
)
_FOLLOWS = _listed("the camera follows along | the camera goes along | the camera keeps up")
_BACK = _listed("{} | {} | {} | in the background {}")
_CLOSE_OF = _listed("a close-up of | a close shot of | a close view of")

# How two are told of: finite verbs, then verbs in -ing. {ah} is "him" for the first, {ax} "his".
_CLAUSES = _listed(
    """{a} {va} and {b} {vb} | {a} {va} while {b} {vb} | {a} {va} , and {b} {vb} | {a} {va} and {b} {vb} |
    {a} {va} while {b} {vb} | {a} {va} , and next to {ah} {b} {vb} | {a} {va} , and to {ax} right {b} {vb} |
    on the left {a} {va} and on the right {b} {vb} | on the left {a} {va} , while on the right {b} {vb} |
    on the right {b} {vb} and on the left {a} {va} | {b} {vb} , and to {bx} left {a} {va} |
    {a} {va} . beside {ah} {b} {vb} | {b} {vb} . on the left {a} {va}"""
)
_BRIEF = 7  # as many of them are short
_VIEWS = _listed(
    """{a} {va} and {b} {vb} | {a} {va} , and {b} {vb} | {a} {va} , with {b} {vb} |
    {a} {va} , and next to {ah} {b} {vb} | on the left {a} {va} , on the right {b} {vb} |
    on the right {b} {vb} , on the left {a} {va}"""
)
_TAG_VIEWS = _listed("{a} {va} , {b} {vb} | {a} {va} and {b} {vb}")
_TAG_SUBJECTS = _listed("{s} | {n} | {l} {s} | {n} the {s}")
_BRIEF_SUBJECTS = _listed(
    """{n} | the {s} | {n} the {s} | {n} | {a_name} | the {s} | the {l} {s} | {a_look} {s}"""
)
_TOGETHER = _listed(
    """{a} and {b} {v} | {a} and {b} are {ing} | {a} and {b} both {v} | {a} and {b} are both {ing}"""
)
_ENDS = _listed("{s} {v} at the end | in the end {s} {v} | then {s} {v} | finally {s} {v} | at last {s} {v}")
_STARTS = _listed("{s} {v} at the beginning | in the beginning {s} {v} | at first {s} {v}")
_WHEN = _listed("at the end ||")
_NOBODY = _listed("nobody is there | nobody is to be seen | no one is in sight")
# None, or what comes before verbs in -ing.
_LEADS = _listed("||||| we see | here we see | the picture shows | you can see")

# Between full stops there are sentences; & joins what is there of two. The last of each is held out.
SHORT = _listed(
    """{brief} {place} {time} {weather} | {time} , {brief} {place} {weather} |
    {place} , {brief} {time} {weather} | {who} {time} {place} {weather} | {weather} {time} , {brief} {place} |
    {time} {place} : {brief} {weather} | {view} {place} {time} {weather} |
    {close_of} {tags} {place} {time} {weather} | {one} {place} , {who} {weather} |
    {weather} , {brief} {place} {time} | it is {hour} {place} . {brief} {weather} |
    {brief} . {place_tag} , {time_tag} , {weather_tag} | {place_tag} , {time_tag} . {brief} {weather} |
    {time_tag} {place} : {tags} {weather} | {who} {place} {time} {weather} |
    {tags} , {place_tag} , {time_tag} , {weather_tag} , {close_tag} , {pan_tag} |
    {close_tag} , {place_tag} , {time_tag} , {weather_tag} : {tags} , {pan_tag} |
    {tags} . {place_tag} . {time_tag} . {weather_tag} . {close_tag} . {pan_tag} |
    {time_tag} , {weather_tag} , {place_tag} . {close_tag} . {tags} . {pan_tag} |
    {close_tag} , {pan_tag} , {tags} {place} , {time_tag} , {weather_tag} | {tags} {place} {time} {weather} |
    {tags} {place} , {time_tag} , {weather_tag} , {close_tag} , {pan_tag} |
    a scene {place} {time} : {brief} {weather} | {place} {weather} {time} , {who}"""
)
MIDDLE = _listed(
    """{who} {place} . {it_is} & {weather_is} | {who} . it happens {place} {time} {weather} |
    {who} {place} {time} {weather} . {look} | {who} {time} {weather} . {scenery} . we are {place} |
    {scenery} . {time} , {who} {place} {weather} | it is {hour} {place} & {weather_is} . {who} . {look} |
    {place} it is {hour} & {weather_is} . {who} . {sound} | {light} . {who} {place} {time} {weather} |
    {time} {place} , {scenery} . {who} {weather} | we are {place} . {it_is} & {weather_is} . {who} |
    {who} {place} {time} . {weather_is} & {sound} | {one} {place} , {who} . {look} . {weather_is} |
    a little scene {place} : {time} , {brief} {weather} . {sound} |
    {scenery} & {it_is} . {who} {place} {weather}"""
)
LONG = _listed(
    """it is {hour} {place} . {scenery} & {sound} . {brief} {weather} . {look} . {light} . {sky} . {still} |
    {brief} {place} {time} {weather} . {look} . {scenery} & {sound} . {light} . {sky} . {still} |
    {scenery} . {light} & {sound} . {time} , {brief} {place} {weather} . {look} . {sky} . {still} |
    {place} , {time} , {brief} . {look} . {weather_is} & {sound} . {scenery} . {light} . {still} |
    {time} we are {place} . {scenery} . {sky} & {light} . {brief} {weather} . {look} . {sound} . {still} |
    {brief} . {look} . it happens {place} {time} {weather} . {scenery} . {light} & {sound} . {sky} |
    {light} . {sound} . {place} {time} , {brief} {weather} . {look} . {scenery} . {sky} . {still} |
    a story {place} {time} : {brief} {weather} . {look} . {scenery} & {light} . {sound} . {sky} |
    {one} , {brief} {place} {weather} . {look} . {light} . {scenery} & {sound} . {sky} . {still} |
    we are {place} . {sky} . {scenery} & {sound} . {time} {brief} {weather} . {look} . {light} . {still} |
    {sound} . {scenery} . {brief} {time} {place} {weather} . {look} . {light} . {sky} . {still}"""
)

# Only understood, never told: words of people's own prompts. A hint counts where nothing clearer is said.
_ALSO: dict[str, Mapping[Any, Phrases]] = {
    "place": _table(
        meadow="a meadow | grassland | meadows",
        beach="a beach | seashore | coast | ocean",
        desert="dunes | a desert",
        mountains="mountain | mountaintop",
        city="a city | streets | a town",
        farm="a farm | barnyard",
    ),
    "place hint": _table(
        meadow="grass | old tree",
        beach="sea | shore | palm tree | palm",
        desert="cactus | dune",
        mountains="peaks | peak | pine",
        city="street | clock tower | houses",
        farm="barn | hay",
    ),
    "time": _table(
        morning="daybreak | in the morning sun",
        day="afternoon | in the middle of the day",
        evening="nightfall | in the evening sun | at the end of the day",
        night="moonlit | nighttime | under the stars | starry | in the middle of the night",
    ),
    "time hint": _table(
        morning="morning sun", day="daylight", evening="evening sun", night="moon | stars | dark"
    ),
    "weather": _table(
        clear="sunny | sunshine",
        rain="rains | shower | drizzle | raindrops | thunderstorm | pouring",
        snow="snows | snowflakes | snowstorm | blizzard | the snow falls | the snow is falling",
        dust="dust | sandstorm | sand storm | dust clouds",
    ),
    "snowy ground": {"": _listed("in the snow | on the snow | through the snow | in deep snow | the snow")},
    "action": {
        ("sleep", 0): _listed("asleep | sleepy"),
        ("sit", 0): _listed("seated"),
        ("ball", 0): _listed("a ball | the ball | red ball | balls"),
    },
    "close": {True: _listed("close shot | close view | closeup | up close | the camera is close")},
    "camera": {"": _listed("camera | pan | pans | panning")},
    "quiet": {  # what would be misunderstood
        "": _listed(
            """the waves | waves of | small waves | big waves | gentle waves | waves roll | waves crash |
            the leaves | green leaves | one day | every day | all day | some day | the camera follows |
            good night | good morning | good evening | close to | from both sides | on both sides"""
        )
    },
}
_ALSO_ENTERS = _listed(
    """walk in {f} | come into the picture {f} | step into the picture {f} | enter the picture {f} |
    arrive {f} | walk into the picture {f} | come into the shot {f} | walk into view {f} | step in {f}"""
)
_ALSO_LEAVES = _listed(
    """walk out {d} | walk out of the picture {d} | leave the picture {d} | leave the scene {d} |
    walk away {d} | go out of the picture {d} | leave the shot {d} | walk off {d} | walk out of view {d} |
    go out of view {d}"""
)
_WAYS = {  # left and right, of whom or what
    "side": _listed("on the {d} | on the {d} side | at the {d} | on {d} | at {d}"),
    "theirs": _listed("to his {d} | to her {d} | to its {d} | on his {d} | on her {d} | on its {d}"),
    "of": _listed("to the {d} of | {d} of | on the {d} of"),
    "way": _listed("{d} | to the {d} | {d}ward | {d}wards | towards the {d} | toward the {d}"),
}
_FROM = {"from the left": 1, "from the right": -1, "from left": 1, "from right": -1, "": 0}
_TO = {"to the left": -1, "to the right": 1, "on the left": -1, "on the right": 1, "left": -1, "right": 1}
_FROM["from both sides"] = _TO["on both sides"] = _TO["at the end"] = _TO[""] = 0
_ALSO_ACTIONS = _table(
    walk="""walk | stroll | wander | march | hike | run | run {d} | run to the {d} | move {d} |
    move to the {d} | go {d} | go to the {d}""",
    jump="leap | skip | bounce",
    wave="greet",
    sleep="snore | slumber",
    sit="sit",
    ball="have a ball | roll a ball | kick a ball | throw a ball | catch a ball",
)


# -- verbs -----------------------------------------------------------------------------------------------

_THIRD = {"go": "goes", "have": "has", "march": "marches", "pass": "passes", "catch": "catches"}
_DOUBLED = ("hop", "nap", "sit", "let", "drop", "trot", "set", "step", "plop", "skip", "run")
_PROGRESSIVE = {"lie": "lying"} | {verb: f"{verb}{verb[-1]}ing" for verb in _DOUBLED}


def _third(phrase: str) -> str:
    """jump up -> jumps up"""
    verb, _, rest = phrase.partition(" ")
    return f"{_THIRD.get(verb, verb + 's')} {rest}".strip()


def _progressive(phrase: str) -> str:
    """jump up -> jumping up"""
    verb, _, rest = phrase.partition(" ")
    return f"{_PROGRESSIVE.get(verb, verb.removesuffix('e') + 'ing')} {rest}".strip()


def _plural(phrase: str) -> str:
    """play with a ball -> play with balls"""
    return re.sub(r"\ba (red )?ball\b", r"\1balls", phrase)


_FORMS: dict[str, Callable[[str], str]] = {
    "third": _third,
    "ing": _progressive,
    "plural": _plural,
    "plural ing": lambda phrase: _progressive(_plural(phrase)),
}
_INFLECTED = {
    (form, phrase): inflect(phrase)
    for form, inflect in _FORMS.items()
    for table in (*_ACTIONS.values(), *_ALSO_ACTIONS.values(), _ENTERS, _LEAVES, _ALSO_ENTERS, _ALSO_LEAVES)
    for phrase in table
}


# -- telling ---------------------------------------------------------------------------------------------


class Described(Protocol):
    """What a caption needs to know of a shot."""

    @property
    def place(self) -> str: ...
    @property
    def time(self) -> str: ...
    @property
    def weather(self) -> str: ...
    @property
    def pan(self) -> int: ...
    @property
    def close(self) -> bool: ...
    @property
    def enters(self) -> bool: ...  # all who walk do; nobody else can
    @property
    def leaves(self) -> bool: ...  # the same
    @property
    def cast(self) -> Sequence[tuple[str, str, int]]: ...  # name, action, direction; left to right, at most 2


def caption(shot: Described, telling: int, *, held_out: bool = False) -> str:
    """Words for `shot`, chosen by `telling`; `held_out` allows phrases and orders that are never learnt."""
    return _Telling(shot, telling, held_out).text()


_DETAILS = ("look", "scenery", "light", "sound", "sky", "still")  # what a long caption tells beside the facts
_ORDERS = tuple(permutations(_DETAILS))
_MOST_DETAILS = 5  # in the caption of one of whom nothing is told but what it does
# What tells the place, the time and the weather, by slot.
_BY_PLACE = {"place": _PLACES, "place_tag": _PLACE_TAGS, "scenery": _SCENERY, "sound": _SOUNDS}
_BY_TIME = {"time": _TIMES, "time_tag": _TIME_TAGS, "hour": _HOURS, "one": _ONES, "it_is": _IT_IS}
_BY_TIME["light"] = _LIGHT
_BY_WEATHER = {"weather": _WEATHERS, "weather_tag": _WEATHER_TAGS, "weather_is": _WEATHER_IS, "sky": _SKY}
_SLOTS_OF = {template: frozenset(re.findall(r"\{(\w+)\}", template)) for template in (*SHORT, *MIDDLE, *LONG)}


class _Telling:
    """One caption in the making."""

    def __init__(self, shot: Described, telling: int, held_out: bool) -> None:
        self.shot, self.cast, self.telling, self.held_out = shot, shot.cast, telling, held_out
        self.walkers = [k for k, (_, action, _) in enumerate(self.cast) if action == "walk"]
        assert self.walkers or not (shot.enters or shot.leaves), "only who walks comes and goes"
        self.two = len(self.cast) == 2
        self.extras = (shot.pan != 0) + shot.close + shot.enters + shot.leaves
        self.crowded = self.two and self.extras > 1  # then two are told of in short
        alike = self.two and self.cast[0][1:] == self.cast[1][1:]
        self.together = alike and self.one("together", (True, True, False))
        # Told along with their walk, or else in a sentence of its own:
        along = self.together or len(self.walkers) == 1
        self.enters_along = shot.enters and along
        self.leaves_along = shot.leaves and along and self.one("leaves along", (True, True, False))

    def one(self, slot: str, options: Sequence[T]) -> T:
        """One of the options, by the slot's own chance."""
        return options[seed_of(f"{self.telling} {slot}") % len(options)]

    def learnt(self, slot: str, options: Sequence[str]) -> str:
        """The same; the last of them only where held-out words are allowed."""
        return self.one(slot, options if self.held_out else options[:-1])

    def text(self) -> str:
        """The caption."""
        length = self.one("length", range(100))
        short, middle, _ = LENGTHS
        group = SHORT if length < short else MIDDLE if length < short + middle else LONG
        template = self.learnt("template", group)
        slots = _SLOTS_OF[template]
        left_out = frozenset(_DETAILS) - self._details(slots)
        words = {slot: "" if slot in left_out else self._words(slot) for slot in slots}
        sentences = _sentences(template.format_map(words))
        self._add_pan(sentences, slots, short=group is SHORT)
        self._add_close(sentences, slots, short=group is SHORT)
        return " ".join(f"{s[0].upper()}{s[1:]}." for s in sentences)

    def _details(self, slots: frozenset[str]) -> frozenset[str]:
        """Which details of the template there is room for, whatever their words turn out to be."""
        room = max(0, _MOST_DETAILS - 2 * self.two - self.extras)
        wanted = slots - ({"still"} if self.shot.pan else set()) - (set() if self.cast else {"look"})
        return frozenset([detail for detail in self.one("details", _ORDERS) if detail in wanted][:room])

    def _words(self, slot: str) -> str:
        """The words of one slot."""
        shot = self.shot
        match slot:
            case "place" | "time" | "weather":
                table = {"place": _PLACES, "time": _TIMES, "weather": _WEATHERS}[slot]
                return self.learnt(slot, table[getattr(shot, slot)])
            case "who":
                lead = self.one("lead", _LEADS) if self.cast and not self.crowded else ""
                return f"{lead} {self._view('full')}" if lead else self._clause("full")
            case "brief":
                return self._clause("brief")
            case "view" | "tags":
                return self._view("tags" if slot == "tags" or self.crowded else "full")
            case "look":
                return self._look()
            case "still":
                return self.one("still", _FOLLOWS if self._followed() else _STILL)
            case "close_of" | "close_tag":
                return self.one(slot, _CLOSE_OF if slot == "close_of" else _SHOTS) if shot.close else ""
            case "pan_tag":
                return self._slow_pan() if shot.pan else ""
            case "scenery":
                return self.one("scenery where", _BACK).format(self.one(slot, _SCENERY[shot.place]))
            case "light":
                clear, _, hazy = self.one(slot, _LIGHT[shot.time]).partition(" ~ ")
                return hazy if hazy and shot.weather != "clear" else clear
        for tables, fact in ((_BY_PLACE, shot.place), (_BY_TIME, shot.time), (_BY_WEATHER, shot.weather)):
            if slot in tables:
                return self.one(slot, tables[slot][fact])
        raise AssertionError(slot)

    # -- who does what

    def _subject(self, k: int, style: str) -> str:
        name = self.cast[k][0]
        own, look, _ = _CHARACTERS[name]
        if style == "full":
            pattern = self.learnt(f"subject {k}", _SUBJECTS)
        else:
            pattern = self.one(f"{style} {k}", _TAG_SUBJECTS if style == "tags" else _BRIEF_SUBJECTS)
        return pattern.format(n=own, s=name, l=look, a_look=_with_article(look), a_name=_with_article(name))

    def _pronoun(self, k: int, case: int) -> str:
        return _CHARACTERS[self.cast[k][0]][2][case]

    def _clause(self, style: str) -> str:
        """The cast as subjects of finite verbs."""
        if not self.cast:
            return self.one("nobody", _NOBODY)
        style = "brief" if self.crowded else style
        subjects = [self._subject(k, style) for k in range(len(self.cast))]
        if self.together:
            v, ing = self._does(0, "plural"), self._does(0, "plural ing")
            return self.one("both", _TOGETHER).format(a=subjects[0], b=subjects[1], v=v, ing=ing)
        verbs = []
        for k in range(len(self.cast)):
            form = self.one(f"tense {k}", ("third", "third", "ing"))
            verbs.append(f"is {self._does(k, form)}" if form == "ing" else self._does(k, form))
        return self._joined("clauses", _CLAUSES if style == "full" else _CLAUSES[:_BRIEF], subjects, verbs)

    def _view(self, style: str) -> str:
        """The cast with verbs in -ing."""
        if not self.cast:
            return "nobody"
        subjects = [self._subject(k, style) for k in range(len(self.cast))]
        if self.together:
            return f"{subjects[0]} and {subjects[1]} {self._does(0, 'plural ing')}"
        verbs = [self._does(k, "ing") for k in range(len(self.cast))]
        return self._joined("views", _VIEWS if style == "full" else _TAG_VIEWS, subjects, verbs)

    def _joined(self, slot: str, patterns: Phrases, subjects: list[str], verbs: list[str]) -> str:
        if not self.two:
            return f"{subjects[0]} {verbs[0]}"
        (a, b), (va, vb) = subjects, verbs
        ah, ax, bx = self._pronoun(0, 1), self._pronoun(0, 2), self._pronoun(1, 2)
        return self.one(slot, patterns).format(a=a, b=b, va=va, vb=vb, ah=ah, ax=ax, bx=bx)

    def _does(self, k: int, form: str) -> str:
        """What number k does, with the verb in that form."""
        action, side = self.cast[k][1:]
        act = self.learnt(f"action {k}", _ACTIONS[action])
        if action != "walk":
            return _INFLECTED[form, act]
        on_the_way = self.enters_along and self.one("coming", (True, False))  # comes in, walking to the left
        inner = form if not on_the_way else "plural ing" if "plural" in form else "ing"
        parts = [_INFLECTED[inner, act].format(d=_SIDES[side])]
        if self.leaves_along:
            parts.append(f"{self._passes('leaves', inner)} {self.one('leaves when', _WHEN)}")
        if self.enters_along and not on_the_way:
            parts.insert(0, self._passes("enters", form))
        told = " , ".join([*parts[:-2], " and ".join(parts[-2:])])
        return f"{self._passes('enters', form)} , {told}" if on_the_way else told

    def _passes(self, slot: str, form: str) -> str:
        """How those who walk come or go."""
        phrase = _INFLECTED[form, self.learnt(slot, _ENTERS if slot == "enters" else _LEAVES)]
        sides = {self.cast[k][2] for k in self.walkers}
        if len(sides) == 2:
            return phrase.format(f="from both sides", d="on both sides")
        (side,) = sides
        return phrase.format(f=f"from the {_SIDES[-side]}", d=f"to the {_SIDES[side]}")

    def _apart(self, slot: str, patterns: Phrases) -> str:
        """A sentence of its own on how they come or go."""
        pattern = self.one(f"{slot} apart", patterns)
        if len(self.walkers) > 1:
            return pattern.format(s="they", v=self._passes(slot, "plural"))
        (k,) = self.walkers
        subject = self._subject(k, "brief") if self.two else self._pronoun(k, 0)
        return pattern.format(s=subject, v=self._passes(slot, "third"))

    def _look(self) -> str:
        k = self.one("looked at", (0, 1)) if self.two else 0
        name = self.cast[k][0]
        other = f"the {name}" if self.two else self._pronoun(k, 0)
        subject = self.one("looker", (f"the {name}", _CHARACTERS[name][0], other))
        return f"{subject} {self.one('look', _LOOKS[name])}"

    # -- the camera

    def _followed(self) -> bool:
        """Does the camera go along? With one who walks, and with two who walk the same way."""
        return len(self.walkers) == len(self.cast) > 0 and len({side for _, _, side in self.cast}) == 1

    def _slow_pan(self) -> str:
        return self.one("slow pan", _SLOW_PANS).format(d=_SIDES[self.shot.pan])

    def _add_pan(self, sentences: list[str], slots: frozenset[str], short: bool) -> None:
        """Says, where no slot does, who comes or goes, and where the camera turns."""
        how = self.one("pan how", ("told", "told", "named", "joined"))
        wanted = self.shot.pan != 0 and "pan_tag" not in slots
        told = self.learnt("pan", _PANS).format(d=_SIDES[self.shot.pan]) if wanted else ""
        if wanted and short and how == "joined":
            sentences[-1] += f", {self.one('pan by', ('as', 'while'))} {told}"
            wanted = False
        if self.shot.enters and not self.enters_along:
            sentences.append(self._apart("enters", _STARTS))
        if self.shot.leaves and not self.leaves_along:
            sentences.append(self._apart("leaves", _ENDS))
        if wanted:
            at = len(sentences) if self.one("pan at", (True, True, False)) else 0
            sentences.insert(at, self._slow_pan() if how == "named" else told)

    def _add_close(self, sentences: list[str], slots: frozenset[str], short: bool) -> None:
        """Says, where no slot does, that the camera is near."""
        if self.shot.close and slots.isdisjoint({"close_of", "close_tag"}):
            at = len(sentences) if self.one("close at", (True, False)) else 0
            named = short or self.one("close how", (True, False))
            sentences.insert(at, self.one("close_tag", _SHOTS) if named else self.learnt("close", _CLOSE))


def _with_article(word: str) -> str:
    return f"{'an' if word[0] in 'aeio' else 'a'} {word}"


def _sentences(text: str) -> list[str]:
    """What stands between full stops, without the commas of slots that say nothing."""
    found = []
    for sentence in " ".join(text.split()).split("."):
        halves = [re.sub(r"(?: ,)+(?= [,:])", "", half).strip(" ,:") for half in sentence.split("&")]
        if told := ", and ".join(filter(None, halves)):
            found.append(told.replace(" ,", ",").replace(" :", ":"))
    return found


# -- the words -------------------------------------------------------------------------------------------


def vocabulary() -> list[str]:
    """Every word that a caption can contain or `read_caption` understands, sorted."""
    patterns = (SHORT, MIDDLE, LONG, _SUBJECTS, _TAG_SUBJECTS, _BRIEF_SUBJECTS, _CLAUSES, _VIEWS, _TOGETHER)
    others = (_LEADS, _BACK, _NOBODY, _STARTS, _ENDS, _WHEN, _STILL, _FOLLOWS)
    phrases = [phrase for table in (*patterns, *others) for phrase in table]
    phrases += [phrase for phrase, _, _ in _phrases()]
    phrases += [word for _, look, pronouns in _CHARACTERS.values() for word in (look, *pronouns)]
    plain = re.sub(r"\{\w*\}", " ", " ".join(phrases)).lower()
    return sorted({*re.findall(r"[a-z']+|[,:]", plain), *_OTHER_WORDS})


_OTHER_WORDS = ("a", "an", "is", "they", "nobody", "as", "while", ".")
_LEADING = re.compile(
    r"^(?:(?:in front of|in the middle of|next to|beside|near|by|up|high|out|at|in|on|below|among|between|"
    r"along) )*(?:the |a )?"
)


def lexicon() -> dict[str, list[str]]:
    """Who and where: for every character and place the phrases that name it, and nothing else."""
    named = {name: [own.lower(), name] for name, (own, _, _) in _CHARACTERS.items()}
    placed = {}
    for place, phrases in _PLACES.items():
        bare = {_LEADING.sub("", phrase) for phrase in phrases} | set(_PLACE_TAGS[place])
        placed[place] = sorted("in the snow" if phrase == "snow" else phrase for phrase in bare)
    return named | placed


# -- reading ---------------------------------------------------------------------------------------------


class _Heard(NamedTuple):
    """A phrase that was understood."""

    start: int  # its first word
    end: int  # exclusive
    kind: str
    value: Any


def read_caption(text: str) -> CaptionFacts:
    """The facts in a caption of this grammar, or in any text that uses its phrases.

    Of phrases that overlap the longest counts. A character does what comes next after its name. A walk of
    which no direction is told has direction 0, as those have who do not walk.
    """
    tokens = re.findall(r"[a-z0-9']+|[,:.;!?]", text.lower())
    pan, heard = _camera(tokens, _hear(tokens))
    first: dict[str, Any] = {}
    for one in heard:
        first.setdefault(one.kind, one.value)
    place = first.get("place", first.get("place hint"))
    weather = first.get("weather", "clear" if pan or first.keys() - _SAYS_NOTHING else None)
    if "snowy ground" in first:  # of mountains, or else it must have fallen
        place = place or "mountains"
        if place != "mountains" and "weather" not in first:
            weather = "snow"
    return CaptionFacts(
        place=place,
        time=first.get("time", first.get("time hint")),
        weather=weather,
        pan=pan,
        close="close" in first,
        enters="enters" in first,
        leaves="leaves" in first,
        cast=_cast(tokens, heard),
    )


_SAYS_NOTHING = frozenset({"quiet", "side", "way", "of", "theirs", "camera"})
_STOPS = frozenset(".;!?")
_BEGINS = frozenset({",", ":", "and", "while", "but", "as", "then", "see", "with", "shows", *_STOPS})


def _hear(tokens: Sequence[str]) -> list[_Heard]:
    """Every known phrase, in order; of those that overlap the longest, of equally long ones the first."""
    found: list[tuple[int, _Heard]] = []
    for start in range(len(tokens)):
        node = _tree()
        for end in range(start, len(tokens)):
            node = node.get(tokens[end], {})
            if not node:
                break
            if "" in node:
                length, kind, value = node[""]
                found.append((length, _Heard(start, end + 1, kind, value)))
    taken: set[int] = set()
    heard = []
    for _, one in sorted(found, key=lambda entry: (-entry[0], entry[1].start)):
        if taken.isdisjoint(range(one.start, one.end)):
            taken.update(range(one.start, one.end))
            heard.append(one)
    return sorted(heard, key=lambda one: one.start)


def _camera(tokens: Sequence[str], heard: list[_Heard]) -> tuple[int, list[_Heard]]:
    """Where the camera turns, and what else is heard: if "the camera moves to the left" then nobody walks."""
    for k, one in enumerate(heard):
        if one.kind == "pan":
            return one.value, heard
        for j in range(k + 1, len(heard)) if one.kind == "camera" else ():
            kind, value = heard[j].kind, heard[j].value
            if kind == "name" or not _STOPS.isdisjoint(tokens[one.end : heard[j].start]):
                break
            side = value if kind == "way" else value[1] if kind == "action" else 0
            if side:
                return side, heard[:j] + heard[j + 1 :]
    return 0, heard


def _cast(tokens: Sequence[str], heard: Sequence[_Heard]) -> tuple[tuple[str, str | None, int], ...]:
    """Who does what, left to right."""
    names = list(dict.fromkeys(one.value for one in heard if one.kind == "name"))
    sides = _sides(tokens, heard, names)
    if len(names) == 2 and len(sides) == 1:
        ((known, side),) = sides.items()
        sides[names[1 - names.index(known)]] = -side
    names.sort(key=lambda name: sides.get(name, 0))
    return tuple((name, *_doing(heard, name)) for name in names)


def _sides(tokens: Sequence[str], heard: Sequence[_Heard], names: Sequence[str]) -> dict[str, int]:
    """Who is said to be on the left (-1) or on the right (1)."""
    told = [one for one in heard if one.kind == "side" or _heads(tokens, one)]
    if len(told) == len(names) == 2:  # one for each, in the order of their names
        return {name: one.value for name, one in zip(names, told, strict=True)}
    sides: dict[str, int] = {}
    for k, one in enumerate(heard):
        before = [other.value for other in heard[:k] if other.kind == "name"]
        after = heard[k + 1] if k + 1 < len(heard) else None
        gap = tokens[one.end : after.start] if after else []
        named = after.value if after and after.kind == "name" and len(gap) <= 4 else None
        if one.kind == "theirs" and before:  # "to his left": he is on the right
            sides.setdefault(before[-1], -one.value)
        elif one.kind == "of" and named:  # "to the left of the frog"
            sides.setdefault(named, -one.value)
        elif one in told:
            begins = one.start == 0 or tokens[one.start - 1] in _BEGINS
            if named and begins and not {"and", "while", "."} & set(gap):  # "on the left a fox"
                sides.setdefault(named, one.value)
            elif before:
                sides.setdefault(before[-1], one.value)
    return sides


def _heads(tokens: Sequence[str], one: _Heard) -> bool:
    """Whether it is the left of "left: a fox", or of "a fox, left, ..."."""
    around = [*tokens[max(0, one.start - 1) : one.start], *tokens[one.end : one.end + 1]]
    return one.kind == "way" and one.end - one.start == 1 and (around[-1:] == [":"] or around == [",", ","])


def _doing(heard: Sequence[_Heard], name: str) -> tuple[str | None, int]:
    """Action and direction of `name`: what is told before another one is named, or else what comes next."""
    mentions = [k for k, one in enumerate(heard) if one.kind == "name" and one.value == name]
    told = [one for k in mentions for one in _until_another(heard, k)]
    at_first = _until_another(heard, mentions[0])
    passing = next((one for one in at_first if one.kind in ("enters", "leaves")), None)
    acting = [one.value for one in told if one.kind == "action"]
    if not acting and not passing and mentions[0] and heard[mentions[0] - 1].end == heard[mentions[0]].start:
        acting = [
            one.value for one in heard[mentions[0] - 1 : mentions[0]] if one.kind == "action"
        ]  # a sleeping fox
    if not acting and not passing:
        acting = [one.value for one in heard[mentions[0] :] if one.kind == "action"]
    if not acting and not passing:
        return None, 0
    action, side = acting[0] if acting else ("walk", passing.value if passing else 0)
    if action == "walk" and not side:
        ways = [one.value for one in told if one.kind in ("way", "enters", "leaves")]
        side = next(filter(None, ways), 0)
    return action, side


def _until_another(heard: Sequence[_Heard], k: int) -> Iterator[_Heard]:
    """What is heard after entry k, a name, until somebody else is named."""
    for one in heard[k + 1 :]:
        if one.kind == "name" and one.value != heard[k].value:
            return
        yield one


@cache
def _tree() -> dict[str, Any]:
    """Known phrases word by word; under "" the length, kind and meaning of the phrase that ends there."""
    tree: dict[str, Any] = {}
    for phrase, kind, value in _phrases():
        node = tree
        for token in re.findall(r"[a-z0-9']+|[,:]", phrase):
            node = node.setdefault(token, {})
        known = node.setdefault("", (len(phrase), kind, value))
        assert known[1:] == (kind, value), f"{phrase!r} means {known} and {kind} {value!r}"
    return tree


def _phrases() -> Iterator[tuple[str, str, Any]]:
    """(phrase, kind, what it means) of all that is understood."""
    for kind, tables in (("place", _BY_PLACE), ("time", _BY_TIME), ("weather", _BY_WEATHER)):
        for value, phrases in (entry for table in tables.values() for entry in table.items()):
            for phrase in filter(None, " ~ ".join(phrases).split(" ~ ")):
                yield (phrase, "snowy ground", "") if phrase == "in the snow" else (phrase, kind, value)
    for kind, meanings in _ALSO.items():
        yield from ((phrase, kind, value) for value, phrases in meanings.items() for phrase in phrases)
    for name, (own, _, _) in _CHARACTERS.items():
        yield from ((word, "name", name) for word in (own.lower(), name))
    yield from ((phrase, "close", True) for phrase in (*_CLOSE, *_SHOTS, *_CLOSE_OF))
    looks = [phrase for phrases in _LOOKS.values() for phrase in phrases]
    yield from ((phrase, "quiet", "") for phrase in (*_STILL, *_FOLLOWS, *looks))
    yield from ((said, "pan", side) for phrase in (*_PANS, *_SLOW_PANS) for said, side in _each_way(phrase))
    for action, phrases in (*_ACTIONS.items(), *_ALSO_ACTIONS.items()):
        for said, side in (way for phrase in _in_all_forms(phrases) for way in _each_way(phrase)):
            yield said, "action", (action, side)
    comings = ("enters", (*_ENTERS, *_ALSO_ENTERS), _FROM), ("leaves", (*_LEAVES, *_ALSO_LEAVES), _TO)
    for kind, phrases, ways in comings:
        for phrase in _in_all_forms(phrases):
            for way, side in ways.items() if "{" in phrase else [("", 0)]:
                if (said := phrase.format(f=way, d=way).strip()) != "leaves":  # those of a tree
                    yield said, kind, side
    for kind, phrases in _WAYS.items():
        yield from ((said, kind, side) for phrase in phrases for said, side in _each_way(phrase))


def _in_all_forms(phrases: Sequence[str]) -> list[str]:
    return sorted({_INFLECTED[form, phrase] for form in _FORMS for phrase in phrases})


def _each_way(phrase: str) -> list[tuple[str, int]]:
    """The phrase for left and right, or once where it tells no way."""
    if "{" not in phrase:
        return [(phrase, 0)]
    return [(phrase.format(d=word), side) for side, word in _SIDES.items()]
