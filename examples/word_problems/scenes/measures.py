"""Scenes of lengths, ways, ages and halves."""

from __future__ import annotations

from word_problems.scenes.scene import scene

SCENES = (
    scene(
        "half",
        "half*two=had used+left=half",
        "half:n two:2 used:n",
        [
            ("{he} had {had|some} {xs}", "there were {had|some} {xs} in {his} {box}"),
            ("!{he} gave half of them to {B}",),
            ("{B} got {half} {xs} in this way",),
            ("then {he} {lost} {used} of the {xs} that {he} had kept",),
            ("{he} has {left} {xs} now", "in the end {he} had {left} {xs} left"),
        ],
        {
            "half": ("how many {xs} did {B} get", "how many {xs} did {he} give to {B}"),
            "had": ("how many {xs} did {he} have at first",),
            "left": ("how many {xs} does {he} have left", "how many {xs} does {he} have in the end"),
            "used": ("how many of the {xs} that {he} had kept did {he} {lose}",),
        },
    ),
    scene(
        "way",
        "first+second=way second+more=first way+rest=route",
        "second:n more:n rest:n",
        [
            ("{he} wants to ride {route} miles by bike", "the trail is {route} miles long", "{he} is on a long trip"),
            (
                "{he} rode {first|some} miles before lunch and {second|some} miles after lunch",
                "{he} rode {first|some} miles on {d1} and {second|some} miles the next day",
            ),
            ("there are {rest} miles left to go", "{he} still has to ride {rest} miles"),
            ("so far {he} has ridden {way} miles",),
        ],
        {
            "way": (
                "how many miles did {he} ride in all",
                "how far did {he} ride altogether",
                "how many miles has {he} ridden so far",
            ),
            "more": (
                "how many more miles did {he} ride in the first part than in the second",
                "how much farther was the first part than the second",
            ),
            "rest": ("how many miles are left", "how many more miles does {he} have to ride"),
            "route": ("how long is the whole way in miles", "how many miles long is the whole trip"),
            "first": ("how many miles did {he} ride in the first part",),
            "second": ("how many miles did {he} ride in the second part",),
        },
        avoid="distance",
    ),
    scene(
        "lengths",
        "b+more=a a+b=both",
        "b:n more:n",
        [
            ("the {t} rope is {a} feet long", "a {t} rope measures {a} feet"),
            ("the {u} rope is {b} feet long", "a {u} rope measures {b} feet"),
            (
                "the {t} rope is {more} feet longer than the {u} rope",
                "the {u} rope is {more} feet shorter than the {t} one",
            ),
            ("end to end the two ropes are {both} feet long",),
        ],
        {
            "a": ("how many feet long is the {t} rope",),
            "b": ("how many feet long is the {u} rope", "what is the length of the {u} rope in feet"),
            "more": ("how many feet longer is the {t} rope", "by how many feet is the {u} rope shorter"),
            "both": ("how long are the two ropes together", "how many feet of rope are there in all"),
        },
        kinds="toy school clothes",
        shuffled=True,
    ),
    scene(
        "ages",
        "b+older=a b+years=b_then a+years=a_then a+b=sum",
        "b:s older:g years:s",
        [
            ("{A} is {a} years old", "{A}'s age is {a}"),
            ("{B} is {b} years old", "{B}'s age is {b}"),
            ("{A} is {older} years older than {B}", "{B} is {older} years younger than {A}"),
            (
                "in {years} years {A} will be {a_then} years old",
                "in {years} years {B} will be {b_then} years old",
                "in {years} years {C} will come to see them",
            ),
        ],
        {
            "a": ("how old is {A}", "how old is {A} now"),
            "b": ("how old is {B}", "how old is {B} now"),
            "older": ("how many years older is {A} than {B}", "how many years younger is {B} than {A}"),
            "a_then": ("how old will {A} be in {years} years", "how old will {A} be {years} years from now"),
            "sum": ("what is the sum of the ages of {A} and {B}", "how old are {A} and {B} together"),
        },
        avoid="age",
    ),
    scene(
        "builds and uses",
        "house+tower=used used+left=all tower+more=house",
        "tower:n more:n left:n",
        [
            ("{he} has {all|many} wooden sticks", "{he} owns a set of {all|many} wooden sticks"),
            (
                "{he} uses {house|some} of them for a bridge and {tower|some} for a ship",
                "{he} builds a bridge with {house|some} sticks and a ship with {tower|some} sticks",
            ),
            ("{left} sticks are left over", "{he} does not use {left} of the sticks"),
            ("the bridge takes {more} more sticks than the ship",),
        ],
        {
            "house": ("how many sticks does {he} use for the bridge",),
            "tower": ("how many sticks does {he} use for the ship",),
            "used": ("how many sticks does {he} use in all", "how many sticks are in the bridge and the ship together"),
            "left": ("how many sticks are left", "how many sticks does {he} not use"),
            "more": (
                "how many more sticks does {he} use for the bridge than for the ship",
                "how many fewer sticks does the ship need than the bridge",
            ),
            "all": ("how many sticks does {he} have in all",),
        },
    ),
)
