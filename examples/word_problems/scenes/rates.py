"""Scenes of rates: tickets, speed, machines, planting, recipes and loads."""

from __future__ import annotations

from word_problems.scenes.scene import scene

SCENES = (
    scene(
        "tickets",
        "adults*pA=sumA kids*pB=sumB sumA+sumB=sum pB+more=pA adults+kids=visitors",
        "adults:s kids:s pB:p more:s",
        [
            (
                "a ticket for the circus costs {pA$|some dollars} for an adult and {pB$|some dollars} for a child",
                "at the theater an adult pays {pA$|some dollars} and a child pays {pB$|some dollars}",
            ),
            (
                "!{adults|some} adults and {kids|some} children went in",
                "a group of {adults|some} adults and {kids|some} children came",
            ),
            ("the tickets for the adults cost {sumA$} altogether",),
            ("the children paid {sumB$} in all",),
        ],
        {
            "sumA": ("how much did the adults pay in all",),
            "sumB": ("how much did the children pay in all", "how many dollars did the tickets for the children cost"),
            "sum": ("how much did the adults and the children pay altogether",),
            "more": ("how much more does a ticket for an adult cost", "how much cheaper is a ticket for a child"),
            "visitors": ("how many people were there in all", "how many tickets did they need"),
            "pA": ("what is the price of a ticket for an adult",),
            "pB": ("what is the price of a ticket for a child",),
            "adults": ("how many adults were there",),
            "kids": ("how many children were there",),
        },
        avoid="money people",
    ),
    scene(
        "travel",
        "speed*hours=gone gone+rest=way",
        "speed:m hours:s rest:n",
        [
            (
                "the road to the coast is {way} miles long",
                "{he} wants to drive {way} miles",
                "{he} went on a trip by car",
            ),
            ("{he} drives {speed} miles every hour", "the car goes {speed} miles in each hour"),
            ("{he} has driven for {hours} hours", "the drive lasted {hours} hours so far"),
            ("{he} has driven {gone} miles so far",),
            ("{rest} miles are still ahead", "there are {rest} miles left"),
        ],
        {
            "gone": ("how many miles has {he} driven", "how far has {he} come so far"),
            "speed": ("how many miles does {he} drive in one hour", "how many miles an hour does the car go"),
            "hours": ("for how many hours has {he} driven",),
            "rest": ("how many miles are left", "how many more miles does {he} have to drive"),
            "way": ("how many miles long is the whole way",),
        },
        avoid="distance time",
    ),
    scene(
        "printer",
        "rate*minutes=made bad+good=made",
        "rate:s minutes:g bad:n",
        [
            (
                "{his} printer puts out {rate} pages a minute",
                "{his} old printer needs one minute for {rate} pages",
                "{his} printer works at an even pace",
            ),
            ("it was busy for {minutes} minutes", "it took the printer {minutes} minutes to print a report"),
            ("the report came to {made} pages", "when it stopped, {made} pages lay in the tray"),
            ("{bad} of the printed pages were smudged", "{he} had to throw away {bad} of the printed pages"),
            ("{good} of the printed pages looked fine",),
        ],
        {
            "rate": ("how many pages does the printer put out each minute", "how many pages are printed in one minute"),
            "minutes": ("for how many minutes was the printer busy", "how many minutes did the printing take"),
            "made": ("how many pages were printed", "how many pages did the printer put out in all"),
            "good": ("how many of the printed pages looked fine", "how many good pages did {he} get"),
            "bad": ("how many of the printed pages were bad",),
        },
        avoid="time",
    ),
    scene(
        "planting",
        "beds*per=planted dead+grown=planted",
        "beds:s per:s dead:n",
        [
            (
                "{he} has {beds|some} flower beds in {his} garden",
                "there are {beds|some} flower beds behind {his} house",
            ),
            (
                "{he} planted {per} {xs} in each bed",
                "in every bed {he} put {per} {xs}",
                "{he} put the same number of {xs} in each bed",
            ),
            ("altogether {he} planted {planted} {xs}", "{he} had {planted} {xs} to plant, and used them all"),
            ("{dead} of them did not grow", "a storm ruined {dead} of the {xs}"),
            ("{grown} of them grew well",),
        ],
        {
            "beds": ("how many flower beds does {he} have",),
            "per": ("how many {xs} did {he} plant in each bed", "how many {xs} are in one bed"),
            "planted": ("how many {xs} did {he} plant in all",),
            "grown": ("how many of the {xs} grew well",),
            "dead": ("how many of the {xs} did not grow well",),
        },
        kinds="plant",
    ),
    scene(
        "recipe",
        "cups*batches=need have+buy=need sugar+more=cups",
        "sugar:s more:s batches:s have:n",
        [
            (
                "one pot of soup takes {cups|some} spoons of rice and {sugar|some} spoons of salt",
                "for one pot of soup {he} uses {cups|some} spoons of rice and {sugar|some} spoons of salt",
            ),
            ("{he} cooks {batches} pots of soup", "{he} wants to cook {batches} such pots"),
            ("{he} has {have} spoons of rice at home",),
            ("{he} has to borrow {buy} more spoons of rice",),
            ("for all the pots {he} needs {need} spoons of rice",),
        ],
        {
            "need": ("how many spoons of rice does {he} need in all",),
            "cups": ("how many spoons of rice does one pot of soup take",),
            "sugar": ("how many spoons of salt does one pot of soup take",),
            "batches": ("how many pots of soup does {he} cook",),
            "more": ("how many more spoons of rice than of salt are in one pot of soup",),
            "buy": ("how many more spoons of rice does {he} need than {he} has",),
            "have": ("how many spoons of rice does {he} have at home",),
        },
    ),
    scene(
        "truck loads",
        "empty+load=full crates*weight=load",
        "crates:s weight:g empty:n",
        [
            (
                "an empty truck weighs {empty} tons",
                "without a load the truck weighs {empty} tons",
                "a truck brings crates to the {place}",
            ),
            (
                "it carries {crates|some} crates of {weight} tons each",
                "it is loaded with {crates} crates",
                "!it carries crates of the same weight",
            ),
            ("the load weighs {load} tons in all",),
            ("the full truck weighs {full} tons", "with its load the truck weighs {full} tons"),
        ],
        {
            "load": ("how many tons does the load weigh", "how heavy is the whole load in tons"),
            "full": ("how many tons does the full truck weigh",),
            "empty": ("how many tons does the truck weigh without its load",),
            "weight": ("how many tons does each crate weigh",),
            "crates": ("how many crates does the truck carry",),
        },
    ),
    scene(
        "joined and shared",
        "a+b=all groups*each=all b+more=a",
        "b:n more:s groups:s",
        [
            (
                "{A} {gained} {a|some} {xs} and {B} {gained} {b|some} {xs}",
                "{A} brought {a|some} {xs} and {B} brought {b|some} {xs}",
            ),
            ("together they had {all} {xs}",),
            (
                "they put them together and filled {groups} {boxes} with the same number of {xs}",
                "!they put all of them into {boxes} equally",
            ),
            ("there are {each} {xs} in each {box} now", "then each {box} held {each} {xs}"),
        ],
        {
            "all": ("how many {xs} did they have in all", "how many {xs} did {A} and {B} have together"),
            "each": ("how many {xs} are in each {box}", "how many {xs} does one {box} hold"),
            "groups": ("how many {boxes} did they fill", "how many {boxes} were there"),
            "more": ("how many more {xs} did {A} have than {B}", "how many fewer {xs} did {B} have than {A}"),
            "a": ("how many {xs} did {A} have at first",),
            "b": ("how many {xs} did {B} have at first",),
        },
    ),
    scene(
        "packs bought",
        "packs*per=bought had+bought=all want+spare=all",
        "packs:s per:s had:n want:n",
        [
            ("{he} had {had|some} {xs} at home", "there were {had|some} {xs} in {his} room"),
            ("{he} bought {packs|some} packs of {xs}", "then {he} got {packs|some} packs of {xs} at the {shop}"),
            (
                "a pack has {per} {xs} in it",
                "there are {per} {xs} in each pack",
                "every pack has the same number of {xs}",
            ),
            ("{he} needs {want} {xs} for a show",),
            ("now {he} has {all} {xs} in all",),
        ],
        {
            "bought": ("how many {xs} did {he} buy", "how many {xs} were in all the packs together"),
            "packs": ("how many packs did {he} buy",),
            "per": ("how many {xs} are in one pack", "how many {xs} does each pack have"),
            "all": ("how many {xs} does {he} have altogether now",),
            "had": ("how many {xs} did {he} have before {he} bought the packs",),
            "spare": ("how many more {xs} does {he} have now than {he} needs for the show",),
        },
        kinds="school collected toy tool clothes plant",
    ),
)
