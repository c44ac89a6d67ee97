"""Scenes in which a quantity grows or falls, or is made of parts."""

from __future__ import annotations

from word_problems.scenes.scene import scene

_MORE = "{gained} {got|some} more {xs}"
SCENES = (
    scene(
        "gain",
        "had+got=now",
        "had:n got:n",
        [
            (
                "{he} had {had|some} {xs}",
                "{he} had {had|some} {xs} in a {box}",
                "there were {had|some} {xs} in {his} {box}",
            ),
            (
                "{he} " + _MORE,
                "{B} gave {him} {got|some} more {xs}",
                "later {he} " + _MORE,
                "on {d1} {he} {gained} another {got} {xs}",
                "{he} received {got|a few} more {xs} from {B}",
            ),
            (
                "now {he} has {now} {xs}",
                "after that {he} had {now} {xs}",
                "{he} has {now} {xs} now",
                "in the end {he} had {now} {xs} in all",
            ),
        ],
        {
            "had": (
                "how many {xs} did {he} have at first",
                "how many {xs} did {he} have in the beginning",
                "how many {xs} did {he} have before that",
                "what was the number of {xs} that {he} had to begin with",
            ),
            "got": (
                "how many more {xs} did {he} get",
                "how many {xs} were added to those that {he} already had",
                "how many {xs} did {he} get after the first ones",
            ),
            "now": (
                "how many {xs} does {he} have now",
                "how many {xs} does {he} have in all",
                "how many {xs} does {he} have altogether",
                "what is the total number of {xs} that {he} has now",
                "find the number of {xs} that {he} has now",
            ),
        },
    ),
    scene(
        "lose",
        "gone+left=had",
        "gone:n left:n",
        [
            (
                "{he} had {had|some} {xs}",
                "there were {had|some} {xs} in {his} {box}",
                "{he} {gained} {had|some} {xs}",
                "{he} started with {had|a number of} {xs}",
            ),
            (
                "{he} {lost} {gone|some} of them",
                "{he} {lost} {gone|some} of the {xs}",
                "on {d1} {he} {lost} {gone|some} of those {xs}",
            ),
            (
                "{he} has {left} {xs} left",
                "now {he} has only {left} {xs}",
                "after that there were {left} {xs} left",
                "{left} {xs} remain",
            ),
        ],
        {
            "had": (
                "how many {xs} did {he} have at the start",
                "how many {xs} did {he} have at first",
                "how many {xs} did {he} have before {he} {lost} any",
                "what was the number of {xs} at the beginning",
            ),
            "gone": (
                "how many {xs} did {he} {lose}",
                "how many of the {xs} did {he} {lose}",
                "find the number of {xs} that {he} {lost}",
            ),
            "left": (
                "how many {xs} does {he} have left",
                "how many {xs} are left",
                "how many {xs} does {he} still have",
                "how many {xs} remain",
                "with how many {xs} did {he} end up",
                "what is the number of {xs} that {he} still has",
            ),
        },
    ),
    scene(
        "two losses",
        "gone+lent=out out+left=had lent+more=gone",
        "lent:n more:n left:n",
        [
            ("{he} had {had|some} {xs}", "{his} {box} had {had|some} {xs} in it", "{he} {gained} {had|a lot of} {xs}"),
            (
                "{he} gave {gone|some} {xs} to {B} and {lent|some} to {C}",
                "{he} gave {gone|some} of the {xs} to {B} and sent {lent|a few} of them to {C}",
                "on {d1} {he} gave {gone|some} {xs} to {B} and {lent|some} {xs} to {C}",
            ),
            ("after that {he} had {left} {xs} left", "now {left} {xs} are left", "{he} kept the other {left} {xs}"),
            ("{B} got {more} more {xs} than {C}",),
        ],
        {
            "had": ("how many {xs} did {he} have at first", "how many {xs} did {he} have in the beginning"),
            "out": (
                "how many {xs} did {B} and {C} get in all",
                "how many {xs} did {he} part with altogether",
                "find the total number of {xs} that {he} gave to {B} and {C}",
            ),
            "left": (
                "how many {xs} does {he} have left",
                "how many {xs} did {he} keep",
                "how many {xs} does {he} still have",
            ),
            "gone": ("how many {xs} did {B} get", "how many {xs} did {he} give to {B}"),
            "lent": ("how many {xs} did {C} get", "how many {xs} did {he} give to {C}"),
            "more": (
                "how many more {xs} did {B} get than {C}",
                "how many fewer {xs} did {C} get than {B}",
                "what is the difference between the numbers of {xs} that {B} and {C} got",
            ),
        },
    ),
    scene(
        "gain and loss",
        "had+got=most gone+now=most got+over=gone",
        "had:n got:n gone:n",
        [
            ("{he} had {had|some} {xs}", "there were {had|some} {xs} in {his} {box}"),
            ("!{he} " + _MORE, "{B} gave {him} {got|some} more {xs}", "on {d1} {he} " + _MORE),
            (
                "then {he} {lost} {gone|some} of them",
                "later {he} {lost} {gone|some} of the {xs}",
                "{he} {lost} {gone|some} {xs} the next day",
            ),
            ("now {he} has {now} {xs}", "in the end {he} had {now} {xs}", "{he} has {now} {xs} left"),
        ],
        {
            "had": ("how many {xs} did {he} have at first", "how many {xs} did {he} start with"),
            "got": ("how many {xs} were added to the first ones", "by how many {xs} did {his} number grow at first"),
            "gone": ("how many {xs} did {he} {lose}", "how many {xs} did {he} {lose} in the end"),
            "over": (
                "how many more {xs} did {he} {lose} than {he} got",
                "how many fewer {xs} did {he} get than {he} {lost}",
            ),
            "most": ("how many {xs} did {he} have before {he} {lost} some of them",),
            "now": (
                "how many {xs} does {he} have now",
                "how many {xs} does {he} have in the end",
                "how many {xs} are left",
            ),
        },
    ),
    scene(
        "ferry",
        "before+on=full off+after=full off+more=on stay+off=before",
        "stay:n off:n more:n",
        [
            (
                "a ferry sailed with {before|some} passengers",
                "the ferry set out with {before|a few} passengers aboard",
                "{A} counted {before|the} passengers aboard a ferry",
            ),
            (
                "in the harbor {off|some} passengers went ashore and {on|some} came aboard",
                "at an island {on|some} passengers came aboard and {off|some} went ashore",
                "when it landed, {on|some} new passengers boarded and {off|some} of the old ones left",
            ),
            ("it sailed on with {after} passengers", "then {after} passengers were aboard"),
            ("the new passengers were {more} more than those who went ashore",),
        ],
        {
            "before": ("how many passengers were aboard at first", "with how many passengers did the ferry set out"),
            "on": ("how many passengers came aboard", "how many new passengers boarded"),
            "off": ("how many passengers went ashore", "how many passengers left the ferry"),
            "after": ("how many passengers does the ferry carry now", "with how many passengers did it sail on"),
            "more": (
                "how many more passengers came aboard than went ashore",
                "how many fewer passengers left the ferry than boarded it",
            ),
        },
        avoid="people",
    ),
    scene(
        "two objects change",
        "goneA+leftA=hadA goneB+leftB=hadB hadB+first=hadA leftB+then=leftA goneA+goneB=gone hadA+hadB=had",
        "leftB:n then:n goneA:n goneB:n",
        [
            (
                "{he} had {hadA|some} {xs} and {hadB|some} {ys}",
                "{his} {box} held {hadA|some} {xs} and {hadB|some} {ys}",
                "{he} {gained} {hadA|some} {xs} and {hadB|some} {ys}",
            ),
            (
                "{he} {lost} {goneA|some} {xs} and {goneB|some} {ys}",
                "on {d1} {he} {lost} {goneA|some} of the {xs} and {goneB|some} of the {ys}",
            ),
            (
                "now {he} has {leftA} {xs} and {leftB} {ys} left",
                "now {he} has {leftA} {xs} left",
                "now {he} has {leftB} {ys} left",
            ),
        ],
        {
            "leftA": (
                "how many {xs} does {he} have left",
                "how many {xs} are left",
                "how many {xs} does {he} still have",
            ),
            "leftB": ("how many {ys} does {he} have left", "how many {ys} remain"),
            "goneA": ("how many {xs} did {he} {lose}", "how many {xs} are gone"),
            "goneB": ("how many {ys} did {he} {lose}",),
            "hadA": ("how many {xs} did {he} have at first", "how many {xs} did {he} have in the beginning"),
            "hadB": ("how many {ys} did {he} have at first",),
            "first": ("how many more {xs} than {ys} did {he} have at first",),
            "then": (
                "how many more {xs} than {ys} does {he} have left",
                "how many fewer {ys} than {xs} does {he} have now",
            ),
            "gone": ("how many {xs} and {ys} did {he} {lose} in all",),
            "had": ("how many {xs} and {ys} did {he} have in all at first",),
        },
    ),
)
