"""Scenes of money: prices, change, wages, savings and discounts."""

from __future__ import annotations

from word_problems.scenes.scene import scene

SCENES = (
    scene(
        "price",
        "count*price=cost cost+change=paid",
        "count:s price:p change:n",
        [
            ("{he} went to the {shop} with {paid$|some money}", "{he} has {paid$|some money} in {his} purse"),
            ("!{he} bought {count|some} {xs}", "{he} paid for {count|some} {xs} at the {shop}"),
            ("each {x} costs {price$}", "the price of one {x} is {price$}", "every {x} has the same price"),
            ("{he} spent {cost$} on the {xs}", "the {xs} cost {cost$} in all"),
            ("{he} had {change$} left", "{he} came home with {change$}"),
        ],
        {
            "count": ("how many {xs} did {he} buy",),
            "price": (
                "how much does each {x} cost",
                "what is the price of one {x}",
                "how many dollars did {he} pay for each {x}",
            ),
            "cost": (
                "how much did {he} spend on the {xs}",
                "how much do the {xs} cost in all",
                "how much did {he} pay for the {xs}",
            ),
            "change": (
                "how much money does {he} have left",
                "how much money did {he} have after that",
                "how many dollars are left",
            ),
            "paid": (
                "how much money did {he} have at first",
                "how much money did {he} have before {he} bought the {xs}",
            ),
        },
        avoid="money",
    ),
    scene(
        "two prices",
        "pA+gap=pB pA+pB=both both+left=had",
        "pA:n gap:n left:n",
        [
            ("{he} had {had$|some money}", "{he} took {had$|some money} to the {shop}"),
            (
                "{he} bought a {x} for {pA$|a few dollars} and a {y} for {pB$|some dollars}",
                "{he} spent {pA$|some dollars} on a {x} and {pB$|some dollars} on a {y}",
            ),
            ("the {y} costs {gap$} more than the {x}", "the {x} is {gap$} cheaper than the {y}"),
            ("then {he} had {left$} left", "{he} has {left$} left"),
        ],
        {
            "pA": ("how much does the {x} cost", "what did the {x} cost"),
            "pB": ("how much does the {y} cost", "how much did {he} pay for the {y}"),
            "gap": (
                "how much more does the {y} cost than the {x}",
                "how much cheaper is the {x} than the {y}",
                "what is the difference between the two prices",
            ),
            "both": ("how much did {he} spend in all", "how much did the {x} and the {y} cost together"),
            "left": ("how much money does {he} have left", "how much money does {he} still have"),
            "had": ("how much money did {he} have at first", "how much money did {he} take to the {shop}"),
        },
        kinds="toy clothes tool school",
        avoid="money",
    ),
    scene(
        "shop sells",
        "pA*nA=sumA pB*nB=sumB sumA+sumB=sum pB+gap=pA nA+nB=n sumB+over=sumA",
        "pB:s gap:s nA:g nB:s",
        [
            (
                "a {seller} sells {xs} for {pA$|some dollars} each and {ys} for {pB$|some dollars} each",
                "in a {seller} a {x} costs {pA$|some dollars} and a {y} costs {pB$|some dollars}",
            ),
            (
                "!on {d1} {nA|some} {xs} and {nB|some} {ys} were sold",
                "{A} bought {nA|some} {xs} and {nB|some} {ys} there",
                "yesterday customers bought {nA|some} {xs} and {nB|some} {ys}",
            ),
            ("the {xs} brought in {sumA$}",),
            ("for the {ys} {sumB$} were paid",),
        ],
        {
            "sumA": ("how much money was paid for the {xs}", "how many dollars did the {xs} bring in"),
            "sumB": ("how much money was paid for the {ys}", "how many dollars did the {ys} bring in"),
            "sum": ("how much money was paid in all", "how many dollars did the {xs} and the {ys} bring in together"),
            "gap": ("how much more does one {x} cost than one {y}", "how much cheaper is a {y} than a {x}"),
            "n": (
                "how many {xs} and {ys} were sold in all",
                "what is the total number of {xs} and {ys} that were sold",
            ),
            "pA": ("how much does one {x} cost",),
            "pB": ("how much does one {y} cost",),
            "nA": ("how many {xs} were sold",),
            "over": ("how much more money was paid for the {xs} than for the {ys}",),
        },
        kinds="toy clothes tool book plant food",
        avoid="money",
    ),
    scene(
        "wages",
        "hours*rate=pay had+pay=now",
        "hours:s rate:p had:n",
        [
            (
                "{he} had {had$|some money} in {his} piggy bank",
                "{his} savings were {had$|not large}",
                "{he} had saved {had$|a little money}",
            ),
            ("!{he} worked for {hours|some} hours", "{he} spent {hours|some} hours {job}"),
            (
                "{he} gets {rate$} an hour",
                "{he} is paid {rate$} for each hour",
                "each hour of {job} pays {rate$}",
                "every hour pays the same",
            ),
            ("{he} earned {pay$} with that", "{he} made {pay$} by {job}"),
            ("now {he} has {now$}", "after that {he} had {now$}"),
        ],
        {
            "had": ("how much money did {he} have before {he} worked",),
            "hours": ("how many hours did {he} work",),
            "rate": ("how much does {he} get for each hour", "how much is {he} paid an hour"),
            "pay": ("how much money did {he} earn", "how much did {he} make by {job}"),
            "now": ("how much money does {he} have now", "how much money does {he} have altogether"),
        },
        avoid="money time",
    ),
    scene(
        "two workers",
        "hadA+gotA=nowA hadB+gotB=nowB gotB+more=gotA hadB+first=hadA",
        "hadB:n gotB:n more:n first:n",
        [
            (
                "last week {A} had {hadA$|some money} and {B} had {hadB$|some money}",
                "{A} owned {hadA$|some money} and {B} owned {hadB$|some money}",
            ),
            ("{A} earned {gotA$|something} by {job} and {B} got {gotB$|something} as a present",),
            ("now {A} has {nowA$} and {B} has {nowB$}", "now {A} has {nowA$}", "now {B} has {nowB$}"),
        ],
        {
            "gotA": ("how much money did {A} earn",),
            "gotB": ("how much money did {B} get as a present",),
            "hadA": ("how much money did {A} have at first",),
            "hadB": ("how much money did {B} have at first",),
            "nowA": ("how much money does {A} have now",),
            "nowB": ("how much money does {B} have now",),
            "more": ("how much more did {A} earn than {B} got",),
            "first": ("how much more money than {B} did {A} have at first",),
        },
        avoid="money",
    ),
    scene(
        "discount",
        "now+off=old count*now=cost count*off=saved",
        "now:p off:s count:s",
        [
            ("a {x} used to cost {old$|more}", "the price of a {x} was {old$|higher} last month"),
            (
                "today it is {off$} cheaper",
                "in the sale there is {off$} off each {x}",
                "!in the sale each {x} is cheaper",
            ),
            ("in the sale a {x} costs only {now$}", "today the price is {now$} for a {x}"),
            ("{he} buys {count} {xs} in the sale",),
        ],
        {
            "now": ("how much does one {x} cost in the sale", "what is the price of a {x} after the discount"),
            "old": ("how much did a {x} cost before the sale", "what was the price of a {x} before"),
            "off": ("how much cheaper is a {x} in the sale", "how big is the discount on one {x}"),
            "cost": ("how much does {he} pay for the {xs} in all", "how much does {he} have to pay"),
            "saved": ("how much does {he} save on the {xs} in all",),
        },
        kinds="toy clothes tool book school",
        avoid="money",
    ),
    scene(
        "saving up",
        "have+need=price weekly*weeks=need",
        "have:n weekly:s weeks:s",
        [
            ("a {x} costs {price$}", "{he} wants a {x} for {price$}", "{he} wants to buy a {x}"),
            ("{he} has {have$|a little money} so far", "{he} has already saved {have$|something}"),
            (
                "{he} can save {weekly$} a week",
                "{he} gets {weekly$} from {his} parents each week",
                "{he} saves the same amount each week",
            ),
            ("{he} needs {need$} more", "{need$} are still missing"),
            ("it will take {weeks} weeks until {he} has all the money",),
        ],
        {
            "price": ("how much does the {x} cost",),
            "have": ("how much money does {he} have so far",),
            "need": (
                "how much more money does {he} need",
                "how much money is still missing",
                "how many more dollars does {he} need for the {x}",
            ),
            "weeks": (
                "how many weeks will it take until {he} has all the money",
                "for how many weeks does {he} have to save",
            ),
            "weekly": ("how much does {he} save each week",),
        },
        kinds="toy clothes tool book",
        avoid="money time",
    ),
)
