"""Scenes of equal groups: containers, shares, rows, days and prices."""

from __future__ import annotations

from word_problems.scenes.scene import scene

_SHARED = "fruit food toy collected school plant vegetable book"
SCENES = (
    scene(
        "containers",
        "boxes_n*per=all boxes_n+gap=per",
        "boxes_n:s per:g",
        [
            (
                "{he} has {boxes_n|some} {boxes} of {xs}",
                "there are {boxes_n|some} {boxes} with {xs} in the room",
                "{he} filled {boxes_n|a few} {boxes} with {xs}",
            ),
            (
                "each {box} holds {per} {xs}",
                "there are {per} {xs} in each {box}",
                "every {box} contains {per} {xs}",
                "each {box} holds the same number of {xs}",
            ),
            ("{he} has {all} {xs} in all", "altogether there are {all} {xs}", "there is a total of {all} {xs}"),
        ],
        {
            "boxes_n": ("how many {boxes} are there", "how many {boxes} does {he} have", "find the number of {boxes}"),
            "per": (
                "how many {xs} are in each {box}",
                "how many {xs} does each {box} hold",
                "what is the number of {xs} in one {box}",
            ),
            "all": (
                "how many {xs} are there in all",
                "how many {xs} does {he} have altogether",
                "what is the total number of {xs}",
            ),
            "gap": ("how many more {xs} are in each {box} than there are {boxes}",),
        },
    ),
    scene(
        "packing",
        "boxes_n*per=packed packed+rest=all",
        "boxes_n:s per:s rest:s",
        [
            (
                "{he} had {all|some} {xs}",
                "{he} {gained} {all|a lot of} {xs}",
                "there were {all|some} {xs} on the table",
            ),
            (
                "{he} put {per} {xs} into each of {boxes_n} {boxes}",
                "{he} filled {boxes_n} {boxes} with the same number of {xs}",
                "{he} put {per} {xs} into each {box}",
            ),
            ("{packed} {xs} were packed in this way",),
            ("{rest} {xs} did not fit in", "{rest} {xs} were left over", "then {rest} {xs} were still outside"),
        ],
        {
            "boxes_n": ("how many {boxes} did {he} fill", "how many {boxes} did {he} use"),
            "per": ("how many {xs} are in each {box}", "how many {xs} did {he} put into each {box}"),
            "packed": ("how many {xs} did {he} pack", "how many {xs} are in the {boxes} altogether"),
            "all": ("how many {xs} did {he} have in all", "how many {xs} were there at first"),
            "rest": ("how many {xs} were left over", "how many {xs} are not in the {boxes}"),
        },
    ),
    scene(
        "shared equally",
        "kids*eachA=allA kids*eachB=allB eachB+more=eachA",
        "kids:s eachB:s more:s",
        [
            (
                "{he} has {allA|some} {xs} and {allB|some} {ys}",
                "{he} brought {allA|some} {xs} and {allB|some} {ys} to the {place}",
            ),
            (
                "{he} shares them equally among {kids} {friends}",
                "{he} gives equal numbers of them to {his} {kids} {friends}",
                "!{he} divides them equally among {his} {friends}",
            ),
            (
                "each of them gets {eachA} {xs} and {eachB} {ys}",
                "each of them gets {eachA} {xs}",
                "each of them gets {eachB} {ys}",
            ),
        ],
        {
            "allA": ("how many {xs} did {he} bring in all", "how many {xs} were shared"),
            "allB": ("how many {ys} were shared",),
            "eachA": ("how many {xs} does each of them get", "how many {xs} will one of them have"),
            "eachB": ("how many {ys} does each of them get",),
            "kids": ("how many {friends} are there", "among how many {friends} are they shared"),
            "more": ("how many more {xs} than {ys} does each of them get",),
        },
        kinds=_SHARED,
        avoid="people",
    ),
    scene(
        "share after loss",
        "gone+rest=all kids*each=rest",
        "gone:n kids:s each:s",
        [
            ("{he} had {all|some} {xs}", "{he} {gained} {all|many} {xs}"),
            ("!{he} kept {gone|some} {xs} for {his} sister", "!{he} {lost} {gone|some} of them"),
            (
                "the remaining {rest} {xs} went to {his} {kids} {friends}, the same number to each",
                "{he} shared the remaining {xs} equally among {kids} {friends}",
                "the remaining {rest} {xs} were shared equally among {his} {friends}",
                "{he} shared the remaining {xs} equally among {his} {friends}",
            ),
            ("each of the {friends} got {each} {xs}", "each one of the {friends} received {each} {xs}"),
        ],
        {
            "all": ("how many {xs} did {he} have at first", "how many {xs} did {he} have in the beginning"),
            "rest": ("how many {xs} were shared among the {friends}", "how many {xs} did the {friends} get in all"),
            "each": ("how many {xs} did each of the {friends} get", "how many {xs} did one of the {friends} receive"),
            "kids": ("how many {friends} got {xs}",),
        },
        kinds=_SHARED,
        avoid="people",
    ),
    scene(
        "rows",
        "rows_n*per=all",
        "rows_n:s per:g",
        [
            (
                "{he} set up {all|some} chairs in a hall",
                "a hall has {all|many} chairs",
                "there are {all|some} chairs in a theater",
            ),
            ("they stand in {rows_n|several} equal rows", "the chairs stand in {rows_n|some} rows of the same length"),
            ("there are {per} chairs in each row", "each row has {per} chairs"),
        ],
        {
            "all": (
                "how many chairs are there in all",
                "how many chairs are there altogether",
                "how many people can sit down",
            ),
            "rows_n": ("how many rows are there", "in how many rows do the chairs stand"),
            "per": ("how many chairs are in each row", "how many chairs does one row have"),
        },
    ),
    scene(
        "two kinds of containers",
        "a*perA=allA b*perB=allB allA+allB=all a+b=count allB+diff=allA",
        "a:s perA:s b:s perB:s",
        [
            (
                "{he} has {a|some} {boxes} of {xs} and {b|some} {boxes} of {ys}",
                "there are {a|some} {boxes} with {xs} and {b|some} {boxes} with {ys}",
            ),
            ("each {box} of {xs} has {perA} {xs} in it", "there are {perA} {xs} in each {box} of {xs}"),
            ("each {box} of {ys} has {perB} {ys} in it", "there are {perB} {ys} in each {box} of {ys}"),
            ("{he} has {allA} {xs} altogether",),
            ("there are {allB} {ys} in all",),
        ],
        {
            "allA": ("how many {xs} are there in all", "how many {xs} does {he} have altogether"),
            "allB": ("how many {ys} are there in all", "how many {ys} does {he} have altogether"),
            "all": ("how many {xs} and {ys} are there altogether", "what is the total number of {xs} and {ys}"),
            "count": ("how many {boxes} does {he} have in all", "how many {boxes} are there altogether"),
            "diff": ("how many more {xs} than {ys} are there",),
            "perA": ("how many {xs} are in each {box} of {xs}",),
            "a": ("how many {boxes} of {xs} are there",),
        },
    ),
    scene(
        "pairs and dozens",
        "dozens*twelve=all gone+left=all",
        "dozens:s twelve:12 gone:n",
        [
            (
                "{he} {gained} {dozens} dozen {xs}",
                "there are {dozens} dozen {xs} in the {box}",
                "{he} {gained} a few dozen {xs}",
            ),
            ("{he} {lost} {gone} of the {xs}", "{he} {lost} {gone} of them"),
            ("{left} {xs} are left", "now there are {left} {xs}"),
        ],
        {
            "all": ("how many {xs} were there at first", "how many single {xs} did {he} have at first"),
            "left": ("how many {xs} are left", "how many {xs} does {he} still have"),
            "gone": ("how many {xs} did {he} {lose}",),
            "dozens": ("how many dozen {xs} did {he} have at first",),
        },
        kinds="fruit food vegetable plant school tool",
    ),
)
