"""Scenes in which the same happens on each of several days."""

from __future__ import annotations

from word_problems.scenes.scene import scene

SCENES = (
    scene(
        "daily work",
        "perA*days=totalA perB*days=totalB perA+perB=daily daily*days=total perB+more=perA",
        "perB:s more:s days:s",
        [
            (
                "{he} studies {s1} for {perA|some} minutes and {s2} for {perB|some} minutes each evening",
                "in a day {he} has {perA|some} minutes of {s1} and {perB|some} minutes of {s2}",
            ),
            (
                "{he} does this for {days} days",
                "{he} keeps this up for {days} days",
                "this goes on for {days} days",
                "!{he} does this for some days",
            ),
            ("altogether {he} spends {totalA} minutes on {s1}",),
            ("for {s2} {he} spends {totalB} minutes altogether",),
        ],
        {
            "totalA": (
                "how many minutes does {he} spend on {s1} in all",
                "how many minutes of {s1} does {he} do in all",
            ),
            "totalB": ("how many minutes does {he} spend on {s2} in all",),
            "daily": (
                "how many minutes does {he} spend on {s1} and {s2} each day",
                "how many minutes does {he} study in one day",
            ),
            "total": (
                "how many minutes does {he} spend on {s1} and {s2} in all",
                "how many minutes does {he} study altogether",
            ),
            "more": ("how many more minutes does {he} spend on {s1} than on {s2} each day",),
            "perA": ("how many minutes does {he} spend on {s1} each day",),
            "perB": ("how many minutes does {he} spend on {s2} each day",),
            "days": ("for how many days does {he} do this",),
        },
        avoid="time",
    ),
    scene(
        "per day",
        "per*days=all used+left=all",
        "per:g days:s used:n",
        [
            (
                "{he} {gained} {per} {xs} every day",
                "each day {he} {gained} {per} {xs}",
                "every day {he} {gained} the same number of {xs}",
            ),
            ("{he} did this for {days} days", "this went on for {days} days"),
            ("{he} {lost} {used} of the {xs} later",),
            ("{he} has {left} {xs} now",),
            ("{he} {gained} {all} {xs} in all", "in those days {he} {gained} {all} {xs}"),
        ],
        {
            "per": ("how many {xs} did {he} {gain} each day", "how many {xs} did {he} {gain} in one day"),
            "days": ("how many days did it take", "for how many days did {he} do this"),
            "all": ("how many {xs} did {he} {gain} in all", "how many {xs} did {he} {gain} altogether"),
            "left": ("how many {xs} does {he} have left", "how many of the {xs} are left"),
            "used": ("how many {xs} did {he} {lose}",),
        },
        avoid="time",
    ),
    scene(
        "days to use up",
        "per*days=all",
        "per:s days:g",
        [
            ("{he} {gained} {all|many} {xs}", "{he} has {all|some} {xs} in {his} {box}"),
            (
                "{he} uses {per} {xs} a day",
                "{he} needs {per} of them every day",
                "{he} uses the same number of {xs} every day",
            ),
            ("they last for {days} days", "the {xs} are enough for {days} days"),
        ],
        {
            "all": ("how many {xs} did {he} have", "how many {xs} were there in all"),
            "per": ("how many {xs} does {he} use a day", "how many {xs} does {he} need each day"),
            "days": (
                "how many days will they last",
                "for how many days are the {xs} enough",
                "after how many days are the {xs} used up",
            ),
        },
        kinds="school food fruit vegetable tool",
        avoid="time",
    ),
    scene(
        "weeks",
        "weekly*weeks=all daily*seven=weekly",
        "daily:s weeks:s seven:7",
        [
            ("{he} drinks {daily} glasses of water a day", "every day {he} drinks {daily} glasses of water"),
            ("{he} keeps a list for {weeks} weeks",),
            ("each week {he} drinks {weekly} glasses of water", "{he} drinks {weekly} glasses of water a week"),
            ("in that time {he} drinks {all} glasses of water",),
        ],
        {
            "weekly": (
                "how many glasses of water does {he} drink in one week",
                "how many glasses of water does {he} drink a week",
            ),
            "daily": ("how many glasses of water does {he} drink in one day, the same number each day",),
            "all": ("how many glasses of water does {he} drink in all in those weeks",),
            "weeks": ("how many weeks does that take",),
        },
        avoid="time",
    ),
)
