"""Scenes of two by two: persons or days by kinds of things, and things that go from one person to another."""

from __future__ import annotations

from word_problems.scenes.scene import scene

SCENES = (
    scene(
        "two days, two things",
        "x1+x2=x y1+y2=y x1+y1=first x2+y2=second x1+growth=x2 x1+over=y1",
        "x1:n growth:n over:n y2:n",
        [
            (
                "on {d1} {he} {gained} {x1|some} {xs} and {y1|some} {ys}",
                "{he} {gained} {x1|some} {xs} and {y1|some} {ys} on {d1}",
                "on {d1} {A} {gained} {y1|some} {ys} and {x1|some} {xs}",
            ),
            (
                "on {d2} {he} {gained} {x2|some} {xs} and {y2|some} {ys}",
                "{he} {gained} {x2|some} {xs} and {y2|some} {ys} on {d2}",
            ),
        ],
        {
            "x": ("how many {xs} did {he} {gain} in all", "how many {xs} did {he} {gain} on the two days together"),
            "y": ("how many {ys} did {he} {gain} in all", "find the total number of {ys} that {he} {gained}"),
            "first": ("how many {xs} and {ys} did {he} {gain} on {d1}",),
            "second": ("how many {xs} and {ys} did {he} {gain} on {d2} altogether",),
            "growth": (
                "how many more {xs} did {he} {gain} on {d2} than on {d1}",
                "how many fewer {xs} did {he} {gain} on {d1} than on {d2}",
            ),
            "over": (
                "how many more {ys} than {xs} did {he} {gain} on {d1}",
                "how many fewer {xs} than {ys} did {he} {gain} on {d1}",
            ),
        },
    ),
    scene(
        "two persons, two things",
        "ax+bx=x ay+by=y ax+ay=a bx+by=b bx+more=ax by+less=bx",
        "by:n less:n more:n ay:n",
        [
            ("{A} has {ax|some} {xs} and {ay|some} {ys}", "{A} owns {ax|some} {xs} and {ay|some} {ys}"),
            ("{B} has {bx|some} {xs} and {by|some} {ys}", "{B} owns {bx|some} {xs} and {by|some} {ys}"),
        ],
        {
            "x": ("how many {xs} do {A} and {B} have together", "how many {xs} do they have in all"),
            "y": ("how many {ys} do {A} and {B} have together", "what is the total number of {ys}"),
            "a": ("how many {xs} and {ys} does {A} have", "how many things does {A} have in all"),
            "b": ("how many {xs} and {ys} does {B} have altogether",),
            "more": (
                "how many more {xs} does {A} have than {B}",
                "how many fewer {xs} does {B} have than {A}",
                "what is the difference between the numbers of {xs} that {A} and {B} have",
            ),
            "less": ("how many more {xs} than {ys} does {B} have", "how many fewer {ys} than {xs} does {B} have"),
        },
        avoid="object",
    ),
    scene(
        "a gift between two",
        "give+keep=a b+give=b_now a+b=both",
        "give:n keep:n b:n",
        [
            (
                "{A} had {a|some} {xs} and {B} had {b|some}",
                "{A} had {a|some} {xs} and {B} had {b|some} {xs}",
                "at first {A} had {a|some} {xs} and {B} had {b|some} {xs}",
            ),
            ("{A} gave {give} {xs} to {B}", "then {B} got {give} {xs} from {A}", "!{A} gave some {xs} to {B}"),
            ("now {A} has {keep} {xs} left", "after that {A} had {keep} {xs}"),
            ("now {B} has {b_now} {xs}", "after that there were {b_now} {xs} in {B}'s {box}"),
        ],
        {
            "keep": ("how many {xs} does {A} have left", "how many {xs} does {A} have now"),
            "b_now": ("how many {xs} does {B} have now", "how many {xs} does {B} have after that"),
            "give": ("how many {xs} did {A} give to {B}", "how many {xs} did {B} get from {A}"),
            "a": ("how many {xs} did {A} have at first", "how many {xs} did {A} have before the gift"),
            "b": ("how many {xs} did {B} have at first", "how many {xs} did {B} have before the gift"),
            "both": ("how many {xs} did {A} and {B} have together",),
        },
    ),
    scene(
        "game points",
        "r1+r2=two two+r3=all r2+better=r1 loser+win=all",
        "r2:n better:n r3:n win:s",
        [
            (
                "{A} scored {r1|some} points in the first round and {r2|some} points in the second round",
                "in a game {A} got {r1|some} points in the first round and {r2|some} in the second round",
            ),
            ("in the third round {A} scored {r3} points", "{A} added {r3} points in the third and last round"),
            ("{B} finished the whole game with {loser} points", "{B} had {loser} points at the end of the game"),
            ("{A} finished the game with {all} points", "at the end of the game {A} had {all} points"),
            ("{A} beat {B} by {win} points",),
        ],
        {
            "two": ("how many points did {A} score in the first two rounds",),
            "all": ("how many points did {A} have at the end of the game", "what was {A}'s final score"),
            "r1": ("how many points did {A} score in the first round",),
            "r2": ("how many points did {A} score in the second round",),
            "r3": ("how many points did {A} score in the last round",),
            "better": ("how many more points did {A} score in the first round than in the second",),
            "win": ("by how many points did {A} beat {B}", "how many more points than {B} did {A} have at the end"),
            "loser": ("how many points did {B} have at the end of the game",),
        },
    ),
    scene(
        "homework",
        "doneA+leftA=allA doneB+leftB=allB allA+allB=all leftA+leftB=left leftB+more=leftA allB+longer=allA",
        "doneA:n doneB:n leftB:n more:n",
        [
            (
                "{he} has {allA|some} {s1} problems and {allB|some} {s2} problems to do",
                "{his} homework is {allA|some} {s1} problems and {allB|some} {s2} problems",
            ),
            (
                "{he} has solved {doneA|some} {s1} problems and {doneB|some} {s2} problems so far",
                "before dinner {he} finished {doneA|some} of the {s1} problems and {doneB|some} of the {s2} problems",
            ),
            (
                "{leftA} {s1} problems and {leftB} {s2} problems are left",
                "{leftA} {s1} problems are left",
                "{he} still has to do {leftB} {s2} problems",
            ),
        ],
        {
            "leftA": ("how many {s1} problems are left", "how many {s1} problems does {he} still have to solve"),
            "leftB": ("how many {s2} problems are left", "how many more {s2} problems does {he} have to do"),
            "doneA": ("how many {s1} problems has {he} solved",),
            "doneB": ("how many {s2} problems has {he} solved",),
            "allA": ("how many {s1} problems did {he} have to do in all",),
            "all": ("how many problems did {he} have to do altogether", "how many {s1} and {s2} problems were there"),
            "left": ("how many problems are left altogether", "how many problems does {he} still have to solve in all"),
            "longer": ("how many more {s1} problems than {s2} problems did {he} have to do at first",),
            "more": ("how many more {s1} problems than {s2} problems are left",),
        },
    ),
    scene(
        "each of several brings",
        "people*per=brought own+brought=all gone+left=all",
        "people:s per:s own:n gone:n",
        [
            ("{he} has {own|some} {xs}", "there were {own|some} {xs} on the table of {A}"),
            (
                "{people} {friends} came and each of them brought {per} {xs}",
                "then each of {his} {people} {friends} gave {him} {per} more {xs}",
                "!then {his} {friends} brought some {xs}",
                "!then {his} {people} {friends} brought the same number of {xs} each",
                "then each of {his} {friends} brought {per} {xs}",
            ),
            ("the {friends} brought {brought} {xs} in all",),
            ("later {he} {lost} {gone} of all the {xs}",),
            ("in the end {left} {xs} were left",),
        ],
        {
            "brought": ("how many {xs} did the {friends} bring in all", "how many {xs} came from the {friends}"),
            "per": ("how many {xs} did each of the {friends} bring",),
            "people": ("how many {friends} were there",),
            "all": ("how many {xs} were there then, together with those of {A}",),
            "left": ("how many {xs} were left in the end",),
            "own": ("how many {xs} did {he} have before the {friends} came",),
            "gone": ("how many {xs} did {he} {lose} later",),
        },
        kinds="fruit food toy collected book",
        avoid="people",
    ),
)
