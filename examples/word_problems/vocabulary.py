"""Words of stories: first names, countable things in kinds with the verbs and containers that fit them, and places."""

from __future__ import annotations

from dataclasses import dataclass

WOMEN = (
    "Aisha Amara Beatriz Carmen Chloe Clara Daisy Delia Elena Esther Farah Fiona Freya Greta Hana Heidi Imani "
    "Ines Iris Joan Judith Kavya Keiko Lara Leila Lena Lucia Maya Mei Mina Nadia Naomi Nora Olga Petra Pia "
    "Priya Rosa Ruth Sofia Sonia Tara Thea Uma Vera Wanda Yara Zoe Sally Nancy Melissa Mary Joyce Susan Emily "
    "Amy Karen Lisa"
)
MEN = (
    "Abdul Adrian Amir Anton Arthur Boris Carlos Cedric Dante Diego Edgar Elias Emil Felix Finn Gavin Hugo "
    "Ivan Jamal Jonas Kenji Kofi Lars Leon Luca Malik Marco Mateo Milo Nico Nikhil Omar Oscar Otto Pavel Pedro "
    "Quentin Rafael Ravi Ruben Samir Simon Stefan Theo Tomas Viktor Walter Yusuf Zane Mike Sam Tom Jim Keith "
    "Tim Joe Alan Sean Billy"
)
DAYS = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]
SUBJECTS = ["math", "reading", "history", "science", "spelling", "geography"]
SHOPS = ("store", "market", "mall", "corner shop", "supermarket", "fair", "yard sale")
SELLERS = ("shop", "store", "market stall", "bazaar", "department store")
GROUPS = ("friends", "cousins", "classmates", "neighbors", "teammates", "children", "students", "guests")
PLACES = ("park", "beach", "library", "zoo", "museum", "lake", "train station", "swimming pool")
JOBS = ("mowing lawns", "washing cars", "walking dogs", "babysitting", "raking leaves", "delivering papers", "baking")


@dataclass(frozen=True, slots=True)
class Kind:
    """Things that the same verbs fit.

    Attributes:
        things: pairs of singular and plural.
        gain: verbs of getting one, as base form and past tense.
        lose: verbs of parting with one, as base form and past tense.
        boxes: containers, as singular and plural.
        traits: adjectives that tell some of them from others.
    """

    things: tuple[tuple[str, str], ...]
    gain: tuple[tuple[str, str], ...]
    lose: tuple[tuple[str, str], ...]
    boxes: tuple[tuple[str, str], ...]
    traits: tuple[str, ...]


def plural(noun: str) -> str:
    """Return the plural of a regular noun."""
    if noun.endswith(("s", "sh", "ch", "x")):
        return f"{noun}es"
    if noun.endswith("y") and noun[-2] not in "aeiou":
        return f"{noun[:-1]}ies"
    return f"{noun}s"


def _nouns(text: str) -> tuple[tuple[str, str], ...]:
    pairs = (entry.strip().partition(":") for entry in text.split(","))
    return tuple((one, many or plural(one)) for one, _, many in pairs)


def _verbs(text: str) -> tuple[tuple[str, str], ...]:
    return tuple((base, past) for base, _, past in (entry.strip().partition(":") for entry in text.split(",")))


_COLOURS = ("red", "blue", "green", "yellow", "purple", "orange", "white", "black", "pink", "brown")
KINDS = {
    "fruit": Kind(
        _nouns("apple, banana, pear, peach, lemon, plum, mango:mangoes, lime, apricot, melon, coconut"),
        _verbs("buy:bought, pick:picked, get:got, gather:gathered"),
        _verbs("eat:ate, give away:gave away, sell:sold, use:used, throw away:threw away"),
        _nouns("basket, bag, box, crate, bowl"),
        ("ripe", "unripe", "fresh", "dried", "small", "large"),
    ),
    "food": Kind(
        _nouns("cookie, muffin, sandwich, cupcake, pancake, doughnut, pretzel, waffle, bagel, pie, cracker, brownie"),
        _verbs("make:made, buy:bought, bake:baked, get:got"),
        _verbs("eat:ate, give away:gave away, sell:sold, share:shared"),
        _nouns("plate, tray, bag, box, jar, tin"),
        ("plain", "chocolate", "vanilla", "salty", "sweet", "cheese"),
    ),
    "toy": Kind(
        _nouns(
            "marble, toy car, doll, balloon, puzzle, kite, block, yo-yo, toy boat, teddy bear, whistle, robot, "
            "toy train, jump rope, bouncy ball"
        ),
        _verbs("buy:bought, get:got, win:won, find:found"),
        _verbs("lose:lost, give away:gave away, break:broke, sell:sold, trade away:traded away"),
        _nouns("box, bag, chest, basket, drawer"),
        _COLOURS,
    ),
    "collected": Kind(
        _nouns("stamp, seashell, coin, sticker, postcard, bead, button, baseball card, comic book, badge, key, poster"),
        _verbs("find:found, buy:bought, collect:collected, get:got"),
        _verbs("lose:lost, give away:gave away, sell:sold, trade away:traded away"),
        _nouns("album, box, jar, bag, binder, envelope, case"),
        ("old", "new", "foreign", "shiny", "broken", "rare", "common"),
    ),
    "school": Kind(
        _nouns("pencil, notebook, eraser, marker, ruler, folder, pen, paintbrush, crayon, paper clip, glue stick"),
        _verbs("buy:bought, get:got, find:found, order:ordered"),
        _verbs("lose:lost, use up:used up, give away:gave away, lend:lent"),
        _nouns("box, desk, pencil case, drawer, pack, backpack, cup"),
        _COLOURS,
    ),
    "plant": Kind(
        _nouns("rose, tulip, daisy, sunflower, lily, violet, orchid, carnation, daffodil"),
        _verbs("buy:bought, pick:picked, plant:planted, grow:grew"),
        _verbs("sell:sold, give away:gave away, use:used"),
        _nouns("vase, bouquet, pot, row, flower bed"),
        _COLOURS,
    ),
    "vegetable": Kind(
        _nouns("carrot, potato:potatoes, tomato:tomatoes, onion, pumpkin, turnip, cucumber, radish, beet, pepper"),
        _verbs("grow:grew, pick:picked, buy:bought, harvest:harvested"),
        _verbs("sell:sold, give away:gave away, cook:cooked, eat:ate, use:used"),
        _nouns("sack, basket, crate, box, row, bag"),
        ("big", "small", "fresh", "rotten", "washed", "peeled"),
    ),
    "clothes": Kind(
        _nouns("shirt, hat, scarf:scarves, sweater, sock, glove, dress, jacket, belt, ribbon, skirt, cap, coat"),
        _verbs("buy:bought, get:got, knit:knitted, sew:sewed"),
        _verbs("sell:sold, give away:gave away, lose:lost, donate:donated"),
        _nouns("drawer, closet, suitcase, box, shelf:shelves, laundry basket"),
        _COLOURS,
    ),
    "tool": Kind(
        _nouns("nail, screw, board, brick, tile, bolt, hammer, hook, wheel, rope, light bulb, battery, ladder, plank"),
        _verbs("buy:bought, get:got, find:found, order:ordered"),
        _verbs("use:used, sell:sold, lose:lost, give away:gave away"),
        _nouns("box, bucket, crate, shelf:shelves, toolbox, bin, pile"),
        ("long", "short", "new", "old", "rusty", "heavy"),
    ),
    "animal": Kind(
        _nouns(
            "chicken, duck, goat, cow, rabbit, goldfish:goldfish, hamster, horse, goose:geese, pig, turkey, sheep:sheep"
        ),
        _verbs("buy:bought, get:got, raise:raised"),
        _verbs("sell:sold, give away:gave away"),
        _nouns("pen, barn, cage, field"),
        ("young", "old", "brown", "white", "black", "spotted"),
    ),
    "book": Kind(
        _nouns("book, magazine, novel, photo, map, game, movie, song, newspaper, picture book, cookbook"),
        _verbs("buy:bought, get:got, download:downloaded"),
        _verbs("sell:sold, give away:gave away, lose:lost, lend:lent"),
        _nouns("shelf:shelves, box, bag, folder, cabinet"),
        ("funny", "old", "new", "short", "long", "scary"),
    ),
}
