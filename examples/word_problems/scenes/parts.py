"""Scenes of a whole and its parts, or of a goal and what is still missing."""

from __future__ import annotations

from word_problems.scenes.scene import scene

SCENES = (
    scene(
        "parts of a whole",
        "one+two=all two+more=one",
        "two:n more:n",
        [
            (
                "{he} has {all|some} {xs}",
                "there are {all|many} {xs} in the {box}",
                "{all|many} {xs} belong to {A}",
            ),
            (
                "{one|some} of the {xs} are {t} and the other {two|ones} are {u}",
                "{one|some} {xs} are {t} and {two|the rest} are {u}",
            ),
            ("there are {more} more {t} {xs} than {u} ones",),
        ],
        {
            "all": (
                "how many {xs} are there in all",
                "how many {t} and {u} {xs} are there altogether",
                "what is the total number of {xs}",
            ),
            "one": ("how many {xs} are {t}", "how many {t} {xs} are there", "find the number of {t} {xs}"),
            "two": ("how many {xs} are {u}", "how many {u} {xs} are there", "how many of the {xs} are not {t}"),
            "more": ("how many more {t} {xs} than {u} {xs} are there", "how many fewer {u} than {t} {xs} are there"),
        },
        kinds="toy school plant clothes",
    ),
    scene(
        "three sorts",
        "red+blue=pair pair+green=all blue+more=red green+over=red",
        "blue:n more:n green:n",
        [
            (
                "{he} has {red|some} {t} {xs}",
                "there are {red|some} {t} {xs} in the {box}",
                "{he} counted {red|the} {t} {xs}",
            ),
            (
                "{he} also has {blue|some} {u} {xs}",
                "there are {blue|some} {u} {xs}",
                "{he} found {blue|some} {u} {xs} as well",
            ),
            ("{green} {xs} are {v}", "there are also {green} {v} {xs}", "the {box} has {green} {v} {xs} too"),
            ("in all {he} has {all} {xs}, which are {t}, {u} or {v}",),
        ],
        {
            "pair": (
                "how many {t} and {u} {xs} are there",
                "how many {xs} are either {t} or {u}",
                "find the number of {t} and {u} {xs} together",
            ),
            "all": (
                "how many {t}, {u} and {v} {xs} are there in all",
                "what is the total number of {xs} of the three sorts, {t}, {u} and {v}",
            ),
            "red": ("how many {t} {xs} are there", "how many of the {xs} are {t}"),
            "green": ("how many {v} {xs} are there",),
            "more": ("how many more {t} than {u} {xs} are there", "how many fewer {u} {xs} than {t} {xs} are there"),
            "over": ("how many more {t} than {v} {xs} are there", "by how many do the {t} {xs} outnumber the {v} {xs}"),
        },
        kinds="toy school plant clothes",
    ),
    scene(
        "still needed",
        "done+todo=goal",
        "done:n todo:n",
        [
            (
                "{he} wants to collect {goal} {xs}",
                "{he} needs {goal} {xs} for a party",
                "{he} must prepare {goal} {xs} for the fair",
                "{he} needs a certain number of {xs}",
            ),
            (
                "{he} already has {done|some} {xs}",
                "so far {he} has {done|some} {xs}",
                "{B} has given {him} {done|some} {xs} so far",
            ),
            ("{he} still needs {todo} more {xs}", "{todo} more {xs} are missing", "{todo} {xs} are still missing"),
        ],
        {
            "done": ("how many {xs} does {he} have already", "how many {xs} has {he} got so far"),
            "todo": (
                "how many more {xs} does {he} need",
                "how many {xs} does {he} still need",
                "how many {xs} are still missing",
            ),
            "goal": (
                "how many {xs} does {he} need in all",
                "how many {xs} does {he} want to have altogether",
                "how many {xs} will {he} have when none is missing",
            ),
        },
    ),
    scene(
        "book pages",
        "read+rest=pages day1+day2=read",
        "day1:n day2:n rest:n",
        [
            (
                "{his} book has {pages|many} pages",
                "{he} is reading a book of {pages|many} pages",
                "{he} got a book that is {pages|a few hundred} pages long",
            ),
            (
                "{he} read {day1|some} pages on {d1} and {day2|some} pages on {d2}",
                "{he} read {day1|some} pages in the morning and {day2|some} in the evening",
            ),
            ("{he} has {rest} pages left to read", "{rest} pages are left", "there are still {rest} unread pages"),
            ("so far {he} has read {read} pages", "{he} has finished {read} pages so far"),
        ],
        {
            "pages": (
                "how many pages does the book have",
                "how many pages long is the book",
                "how many pages are in the book",
            ),
            "read": (
                "how many pages has {he} read so far",
                "how many pages did {he} read in all",
                "how many pages did {he} read on the two occasions together",
            ),
            "rest": (
                "how many pages does {he} still have to read",
                "how many pages are left",
                "how many more pages does {he} have to read to finish the book",
            ),
            "day1": ("how many pages did {he} read the first time",),
            "day2": ("how many pages did {he} read the second time",),
        },
        avoid="pages",
    ),
)
