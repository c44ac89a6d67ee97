"""Scenes that compare: two or three persons, two days, multiples, lengths, ages and places."""

from __future__ import annotations

from word_problems.scenes.scene import scene

SCENES = (
    scene(
        "two persons",
        "b+more=a a+b=both",
        "b:n more:n",
        [
            ("{A} has {a} {xs}", "there are {a} {xs} in {A}'s {box}", "{A} {gained} {a} {xs}"),
            ("{B} has {b} {xs}", "there are {b} {xs} in {B}'s {box}", "{B} {gained} {b} {xs}"),
            (
                "{A} has {more} more {xs} than {B}",
                "{B} has {more} fewer {xs} than {A}",
                "{A}'s {xs} are {more} more than {B}'s",
            ),
            ("together {A} and {B} have {both} {xs}", "{A} and {B} have {both} {xs} in all"),
        ],
        {
            "a": ("how many {xs} does {A} have", "what is the number of {A}'s {xs}"),
            "b": ("how many {xs} does {B} have", "what is the number of {B}'s {xs}"),
            "more": (
                "how many more {xs} does {A} have than {B}",
                "how many fewer {xs} does {B} have than {A}",
                "how many {xs} does {B} still need to have as many as {A}",
            ),
            "both": (
                "how many {xs} do {A} and {B} have together",
                "how many {xs} do they have in all",
                "find the total number of {xs} of {A} and {B}",
            ),
        },
        shuffled=True,
    ),
    scene(
        "two persons, one gains",
        "a+got=end end+b=both b+more=end a+b=before",
        "a:n got:n b:n",
        [
            (
                "{A} took {a|some} {xs} to the {place} and {B} took {b|some}",
                "{A} has {a|some} {xs} and {B} has {b|some} {xs}",
                "{A} started with {a|some} {xs} and {B} with {b|some} {xs}",
            ),
            (
                "then {A} {gained} {got|some} more",
                "later {A} {gained} {got|a few} more {xs}",
                "on {d1} {A} " + "{gained} {got|some} more {xs}",
            ),
            ("now {A} has {end} {xs}", "after that {A} had {end} {xs}"),
        ],
        {
            "a": ("how many {xs} did {A} have at first",),
            "got": ("how many more {xs} did {A} get later",),
            "end": ("how many {xs} does {A} have now", "how many {xs} does {A} have in the end"),
            "both": (
                "how many {xs} do {A} and {B} have together now",
                "how many {xs} do the two have altogether in the end",
            ),
            "more": (
                "how many more {xs} than {B} does {A} have now",
                "how many fewer {xs} does {B} have than {A} in the end",
            ),
            "before": ("how many {xs} did {A} and {B} have together at first",),
        },
    ),
    scene(
        "three persons",
        "b+more=a a+c=ac b+c=bc a+b=ab ab+c=all",
        "b:n more:n c:n",
        [
            ("{A} {gained} {a} {xs}",),
            ("{B} {gained} {b} {xs}",),
            ("{C} {gained} {c} {xs}",),
            ("{A} {gained} {more} more {xs} than {B}", "{B} {gained} {more} fewer {xs} than {A}"),
        ],
        {
            "a": ("how many {xs} did {A} {gain}",),
            "b": ("how many {xs} did {B} {gain}",),
            "more": ("how many more {xs} did {A} {gain} than {B}", "how many fewer {xs} did {B} {gain} than {A}"),
            "ac": ("how many {xs} did {A} and {C} {gain}", "how many {xs} did {A} and {C} {gain} together"),
            "bc": ("how many {xs} did {B} and {C} {gain} in all", "find the number of {xs} that {B} and {C} {gained}"),
            "all": (
                "how many {xs} did the three {gain} in all",
                "how many {xs} did {A}, {B} and {C} {gain} altogether",
            ),
        },
        shuffled=True,
    ),
    scene(
        "three days",
        "two+more=one one+two=early early+three=all two+three=late one+three=outer",
        "two:n more:n three:n",
        [
            ("on {d1} {he} {gained} {one|some} {xs}", "{he} {gained} {one|some} {xs} on {d1}"),
            ("on {d2} {he} {gained} {two|some} {xs}", "{he} {gained} {two|some} {xs} on {d2}"),
            ("on {d3} {he} {gained} {three|some} {xs}", "{he} {gained} {three|some} {xs} on {d3}"),
        ],
        {
            "early": ("how many {xs} did {he} {gain} on {d1} and {d2}",),
            "late": ("how many {xs} did {he} {gain} on {d2} and {d3}", "what is the total for {d2} and {d3}"),
            "outer": ("how many {xs} did {he} {gain} on {d1} and {d3} together",),
            "all": ("how many {xs} did {he} {gain} in the three days", "how many {xs} did {he} {gain} in all"),
            "more": (
                "how many more {xs} did {he} {gain} on {d1} than on {d2}",
                "how many fewer {xs} did {he} {gain} on {d2} than on {d1}",
            ),
        },
    ),
    scene(
        "three times as many",
        "b*times=a a+b=both b+more=a",
        "b:n times:s",
        [
            ("{B} has {b} {xs}", "{B} {gained} {b} {xs}"),
            ("{A} has {times#} as many {xs} as {B}", "{A} has {times#} the number of {xs} that {B} has"),
            ("{A} has {a} {xs}", "there are {a} {xs} in {A}'s {box}"),
        ],
        {
            "a": ("how many {xs} does {A} have", "what is the number of {A}'s {xs}"),
            "b": ("how many {xs} does {B} have", "what is the number of {B}'s {xs}"),
            "times": (
                "how many times as many {xs} does {A} have as {B}",
                "{B}'s number of {xs} must be multiplied by what to get {A}'s",
            ),
            "both": ("how many {xs} do {A} and {B} have together", "how many {xs} do they have in all"),
            "more": ("how many more {xs} than {B} does {A} have", "how many fewer {xs} does {B} have than {A}"),
        },
        shuffled=True,
    ),
    scene(
        "times and more",
        "y*times=x y+more=z x+y=xy",
        "y:n times:s more:n",
        [
            ("a {seller} has {y} {ys}", "there are {y} {ys} in a {seller}"),
            ("there are {times#} as many {xs} as {ys}",),
            ("there are {more} more {ws} than {ys}",),
            ("there are {x} {xs}",),
        ],
        {
            "x": ("how many {xs} are there", "how many {xs} are for sale"),
            "y": ("how many {ys} are there",),
            "z": ("how many {ws} are there", "how many {ws} are for sale"),
            "xy": ("how many {xs} and {ys} are there in all",),
        },
        avoid="object",
    ),
    scene(
        "choir",
        "women+men=all men+more=women rows*each=all",
        "men:n more:n rows:s",
        [
            (
                "{women|several} women and {men|several} men sing in {A}'s choir",
                "the choir of {A}'s town is made up of {women|some} women and {men|some} men",
                "{A} leads a choir of {women|some} women and {men|some} men",
            ),
            ("it has {more} more women than men", "the men are outnumbered by the women by {more}"),
            ("the whole choir counts {all} singers", "{all} singers take part in the concert, which is everyone"),
            ("on the stage they stand in {rows} rows of equal length", "the singers form {rows} equal rows"),
        ],
        {
            "women": ("how many women sing in the choir", "how many of the singers are women"),
            "men": ("how many men sing in the choir", "how many of the singers are men"),
            "all": ("how many singers does the choir have in all", "how many people sing in the choir altogether"),
            "more": (
                "by how many singers do the women outnumber the men",
                "how many fewer men than women sing in the choir",
                "how many more women than men sing in the choir",
            ),
            "each": ("how many singers stand in each row", "how many singers does one row have"),
        },
        avoid="people",
    ),
    scene(
        "visitors",
        "b+more=a a+b=two two+c=all c+less=b",
        "c:n less:n more:n",
        [
            ("{a} people visited the {place} on {d1}", "the {place} had {a} visitors on {d1}"),
            ("{b} people came on {d2}", "on {d2} there were {b} visitors"),
            ("on {d3} {c|some} people came", "there were {c|some} visitors on {d3}"),
            ("on {d1} {more} more people came than on {d2}",),
        ],
        {
            "a": ("how many visitors came on {d1}",),
            "b": ("how many visitors came on {d2}",),
            "two": ("how many visitors came on {d1} and {d2} together",),
            "all": ("how many visitors came on the three days", "how many people visited the {place} in all"),
            "more": (
                "how many more people came on {d1} than on {d2}",
                "how many fewer people came on {d2} than on {d1}",
            ),
            "less": ("how many more people came on {d2} than on {d3}",),
        },
        avoid="people",
        shuffled=True,
    ),
)
