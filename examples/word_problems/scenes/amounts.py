"""Scenes of amounts that are measured or stocked: water, weight, height, stairs, stock, and tasks of a team."""

from __future__ import annotations

from word_problems.scenes.scene import scene

SCENES = (
    scene(
        "stock",
        "morning+noon=sold sold+left=stock noon+more=morning",
        "noon:n more:n left:n",
        [
            (
                "a {seller} had {stock|some} {xs}",
                "in the morning there were {stock|many} {xs} on the shelves of a {seller}",
            ),
            (
                "it sold {morning|some} {xs} before noon and {noon|some} after noon",
                "{morning|some} {xs} were sold before noon and {noon|some} {xs} after noon",
            ),
            ("in the evening {left} {xs} were still there", "at closing time there were {left} {xs} left"),
            ("{sold} {xs} were sold on that day",),
        ],
        {
            "stock": ("how many {xs} did the {seller} have at first", "how many {xs} were there in the morning"),
            "sold": ("how many {xs} were sold on that day", "how many {xs} did it sell in all"),
            "left": ("how many {xs} were left", "how many {xs} were not sold"),
            "more": (
                "how many more {xs} were sold before noon than after noon",
                "how many fewer {xs} were sold after noon than before noon",
            ),
            "morning": ("how many {xs} were sold before noon",),
            "noon": ("how many {xs} were sold after noon",),
        },
    ),
    scene(
        "tank",
        "was+rain=full out+now=full buckets*size=out",
        "was:n rain:n buckets:s size:s",
        [
            ("a tank held {was|some} liters of water", "there were {was|some} liters of water in {his} tank"),
            ("!rain added {rain|some} liters", "{he} poured in {rain|some} more liters"),
            (
                "then {he} took out {buckets|some} buckets of {size} liters each",
                "then {he} filled {buckets} buckets of the same size from it",
                "!then {he} filled a few buckets from it",
            ),
            ("in this way {he} took {out} liters out of the tank",),
            ("after that the tank held {now} liters", "{now} liters are in the tank now"),
        ],
        {
            "was": ("how many liters were in the tank at first",),
            "rain": ("how many liters were added",),
            "full": ("how many liters were in the tank before {he} took any out",),
            "out": ("how many liters did {he} take out", "how much water in liters was taken out"),
            "now": ("how many liters are in the tank now", "how many liters of water does the tank still hold"),
            "size": ("how many liters does one bucket hold",),
            "buckets": ("how many buckets did {he} fill",),
        },
    ),
    scene(
        "growth",
        "was+up=now other+ahead=now yearly*years=up",
        "was:n yearly:s years:s ahead:n",
        [
            (
                "{A}'s tree was {was|not very many} inches tall when it was planted",
                "{A} planted a tree of {was|a few} inches",
            ),
            (
                "it grew {yearly} inches a year",
                "each year the tree grew by {yearly} inches",
                "each year it grew by the same number of inches",
            ),
            ("that was {years} years ago",),
            ("in all it has grown {up} inches since then", "since then it has become {up} inches taller"),
            ("today the tree is {now} inches tall",),
            ("{B}'s tree is {other} inches tall today", "{B}'s tree is {ahead} inches shorter today than {A}'s tree"),
        ],
        {
            "was": ("how many inches tall was {A}'s tree when it was planted",),
            "up": ("how many inches has {A}'s tree grown since then", "by how many inches did {A}'s tree grow"),
            "now": ("how many inches tall is {A}'s tree today",),
            "other": ("how tall is {B}'s tree today in inches",),
            "ahead": ("how many inches taller than {B}'s tree is {A}'s tree today",),
            "yearly": ("how many inches did {A}'s tree grow each year",),
            "years": ("how many years ago was {A}'s tree planted",),
        },
        avoid="time",
    ),
    scene(
        "weights",
        "b+more=a a+b=both both+box=total",
        "b:n more:n box:s",
        [
            ("the {t} parcel weighs {a} pounds", "a {t} parcel has a weight of {a} pounds"),
            ("the {u} parcel weighs {b} pounds", "a {u} parcel has a weight of {b} pounds"),
            (
                "the {t} parcel is {more} pounds heavier than the {u} parcel",
                "the {u} parcel is {more} pounds lighter than the {t} one",
            ),
            ("the cart on which {he} pulls them weighs {box} pounds",),
        ],
        {
            "a": ("how many pounds does the {t} parcel weigh",),
            "b": ("how many pounds does the {u} parcel weigh",),
            "more": (
                "how many pounds heavier is the {t} parcel than the {u} parcel",
                "by how many pounds is the {u} parcel lighter",
            ),
            "both": ("how many pounds do the {t} and the {u} parcel weigh together",),
            "total": ("how many pounds do the two parcels and the cart weigh in all",),
        },
        kinds="toy school clothes plant",
    ),
    scene(
        "letters",
        "a+b=two two+c=all b+less=a c+gap=b answered+open=all",
        "c:n gap:n less:n answered:n",
        [
            (
                "{he} wrote {a|some} cards in spring, {b|some} cards in summer and {c|some} cards in fall",
                "{he} mailed {a|some} cards in spring, {b|some} in summer and {c|some} in fall",
            ),
            ("{answered} of all these cards were answered", "{he} got an answer to {answered} of all the cards"),
            ("{open} of the cards have had no answer",),
        ],
        {
            "two": ("how many cards did {he} send in spring and summer",),
            "all": ("how many cards did {he} send in the three seasons", "how many cards did {he} send in all"),
            "less": (
                "how many more cards did {he} send in spring than in summer",
                "how many fewer cards did {he} send in summer than in spring",
            ),
            "gap": ("how many more cards did {he} send in summer than in fall",),
            "open": ("how many of the cards were not answered",),
            "answered": ("how many of the cards were answered",),
        },
    ),
)
