"""The words of the stories: names, things, and several phrasings of every fact, filler and step of a solution.

Data only. ``{p}`` and ``{q}`` are people, ``{t}`` the things counted, ``{box}`` and ``{boxes}`` a container, ``{a}``,
``{b}`` and ``{k}`` numbers, ``{part}`` a fraction in words, ``{e}`` an equation and ``{c}`` its result.
"""

from __future__ import annotations

PEOPLE = (
    "Anna", "Ben", "Carla", "David", "Emma", "Felix", "Grace", "Hugo", "Ivy", "Jack", "Kira", "Leo", "Mia", "Noah",
    "Olga", "Paul", "Rosa", "Sam", "Tina", "Victor",
)  # fmt: skip
THINGS = (
    "apples", "marbles", "stickers", "books", "cookies", "shells", "coins", "cards", "stamps", "eggs", "pencils",
    "beads", "flowers", "oranges", "buttons", "balloons", "candles", "stones",
)  # fmt: skip
BOXES = (("box", "boxes"), ("bag", "bags"), ("basket", "baskets"), ("jar", "jars"), ("tray", "trays"))
COLOURS = ("red", "blue", "green", "yellow", "white", "black")
PARTS = {2: ("half", "50 percent"), 3: ("a third",), 4: ("a quarter", "25 percent"), 5: ("a fifth", "20 percent")}
TIMES = {2: ("twice", "double", "2 times"), 3: ("3 times", "three times"), 4: ("4 times",), 5: ("5 times",)}

# How a story begins: the facts that give its first number, by what has to be computed.
HAS = (
    "{p} has {a} {t}.",
    "{p} starts with {a} {t}.",
    "At first {p} has {a} {t}.",
    "There are {a} {t} on the table of {p}.",
    "{p} owns {a} {t}.",
)
PACKED = (
    "{p} has {a} {boxes} with {b} {t} in each {box}.",
    "{p} fills {a} {boxes} with {b} {t} each.",
    "There are {b} {t} in every {box}, and {p} has {a} {boxes}.",
    "{p} owns {a} {boxes}, each with {b} {t}.",
)
DOZEN = ("{p} has {a} dozen {t}.", "{p} starts with {a} dozen {t}.", "{p} owns {a} dozen {t}.")
COLOURED = (
    "{p} has {a} {u} {t} and {b} {v} {t}.",
    "{p} owns {a} {u} and {b} {v} {t}.",
    "Of the {t} of {p}, {a} are {u} and the other {b} are {v}.",
)
RATE = (
    "{p} finds {a} {t} an hour for {b} hours.",
    "For {b} hours {p} finds {a} {t} every hour.",
    "{p} makes {a} {t} a day and works for {b} days.",
)
WEEKS = (
    "{p} makes {a} {t} a day for {b} weeks.",
    "For {b} weeks {p} collects {a} {t} every day.",
    "Every day for {b} weeks {p} finds {a} {t}.",
)

# Comparisons with what q has; the inverted ones name p second, so that "more" means less.
MORE = (
    "{p} has {k} more {t} than {q}.",
    "{p} has {k} {t} more than {q}.",
    "Compared with {q}, {p} has {k} more {t}.",
    "{q} has {k} fewer {t} than {p}.",
    "{q} has {k} {t} less than {p}.",
)
FEWER = (
    "{p} has {k} fewer {t} than {q}.",
    "{p} has {k} {t} less than {q}.",
    "Compared with {q}, {p} has {k} fewer {t}.",
    "{q} has {k} more {t} than {p}.",
    "{q} has {k} {t} more than {p}.",
)
TIMES_AS_MANY = (
    "{p} has {times} as many {t} as {q}.",
    "{p} has {times} the number of {t} of {q}.",
    "The number of {t} of {p} is {times} that of {q}.",
)
PART_AS_MANY = (
    "{q} has {times} as many {t} as {p}.",
    "{q} has {times} the number of {t} of {p}.",
    "The number of {t} of {q} is {times} that of {p}.",
)
OTHER = ("{q} has {a} {t}.", "{q} owns {a} {t}.", "{q} has a total of {a} {t}.")

# What happens next.
GAIN = (
    "Then {p} buys {k} more {t}.",
    "{q} gives {p} {k} {t}.",
    "Later {p} finds {k} {t}.",
    "{p} gets {k} {t} from {q}.",
    "After that {p} wins {k} more.",
    "Another {k} {t} come as a gift for {p}.",
)
LOSS = (
    "Then {p} gives {k} {t} to {q}.",
    "{p} loses {k} of them.",
    "Later {p} sells {k} {t}.",
    "{q} takes {k} {t} from {p}.",
    "After that {k} of them break.",
    "{p} throws {k} {t} away.",
)
GAIN_PACKED = (
    "Then {p} buys {a} {boxes} with {b} {t} in each {box}.",
    "{q} brings {p} {a} {boxes} of {b} {t}.",
    "Later {p} gets {a} more {boxes}, each with {b} {t}.",
)
LOSS_PACKED = (
    "Then {p} gives {b} {t} to each of {a} friends.",
    "{p} sells {a} {boxes} with {b} {t} in each {box}.",
    "Later each of {a} children takes {b} {t} from {p}.",
)
GIVE_PART = (
    "{p} gives {part} of them to {q}.",
    "Then {p} sells {part} of the {t}.",
    "Later {part} of the {t} get lost.",
    "{q} takes {part} of the {t}.",
)
GIVE_PART_OF_REST = (
    "{p} gives {part} of the rest to {q}.",
    "Then {p} sells {part} of the remaining {t}.",
    "Of what is left, {part} gets lost.",
    "{q} takes {part} of what remains.",
)
GROW = (
    "Then the number of {t} of {p} becomes {times} as large.",
    "After a good week {p} has {times} as many {t} as before.",
    "{p} works hard and ends up with {times} as many {t}.",
)

# How it ends: the last facts, then the question.
ASK_NOW = (
    "How many {t} does {p} have now?",
    "How many {t} does {p} have in the end?",
    "What is the number of {t} that {p} has now?",
    "Find the number of {t} that {p} has in the end.",
)
ASK_TOGETHER = (
    "How many {t} do {p} and {q} have together?",
    "How many {t} do {p} and {q} have in total?",
    "What is the total number of {t} of {p} and {q}?",
)
ASK_MORE = (
    "How many more {t} than {q} does {p} have now?",
    "By how many {t} is {p} ahead of {q} in the end?",
)
ASK_SHARE = (
    "{p} shares all the {t} equally among {k} friends. How many {t} does each friend get?",
    "In the end {k} friends share the {t} equally. How many does each of them get?",
    "Now {p} packs the {t} into {k} equal {boxes}. How many {t} are in each {box}?",
)
ASK_PACK = (
    "{p} packs the {t} into {boxes} of {k}. How many {boxes} does {p} need?",
    "Each {box} holds {k} {t}. How many {boxes} can {p} fill?",
)
ASK_PRICE = (
    "{p} sells all the {t} for {k} dollars each. How many dollars does {p} get?",
    "Each of the {t} is worth {k} dollars. What are they worth together?",
    "Then {p} sells every one of the {t} at {k} dollars. How much money does {p} make?",
)
ASK_PROFIT = (
    "{p} sells all the {t} for {k} dollars each and pays {a} dollars for a stand. How many dollars are left?",
    "A stand costs {p} {a} dollars. Each of the {t} brings {k} dollars. How much money does {p} keep?",
)

# True, and of no use.
DISTRACTORS = (
    "{q} is {k} years old.",
    "{p} is {k} years old.",
    "The bus of {q} has the number {k}.",
    "{q} has {k} {o}.",
    "{p} also has {k} {o}.",
    "The house of {p} has {k} windows.",
    "It takes {p} {k} minutes to walk home.",
    "{q} wants to buy {k} {o} next week.",
    "Last year {p} had {k} {o}.",
)
FILLERS = (
    "It is a sunny day.",
    "{p} likes to count things.",
    "{q} is a friend of {p}.",
    "{p} and {q} live in the same street.",
    "{p} is very careful with the {t}.",
)

# A solution: equations, the lines around them, and openings.
ADD = ("{a} + {b} = {c}", "{a} plus {b} is {c}", "adding {b} to {a} gives {c}", "the sum of {a} and {b} is {c}")
SUBTRACT = ("{a} - {b} = {c}", "{a} minus {b} is {c}", "taking {b} from {a} leaves {c}", "{b} less than {a} is {c}")
MULTIPLY = (
    "{a} * {b} = {c}",
    "{a} times {b} is {c}",
    "{a} groups of {b} make {c}",
    "the product of {a} and {b} is {c}",
)
DIVIDE = ("{a} / {b} = {c}", "{a} divided by {b} is {c}", "splitting {a} into {b} parts gives {c}", "one of {b} equal parts of {a} is {c}")  # fmt: skip  # noqa: E501
LINES = (
    "{e}.",
    "So {e}.",
    "We see that {e}.",
    "Here {e} {u}.",
    "{e}, which is {what}.",
    "{e}, so {what} is {c}.",
    "To find {what}: {e}.",
    "For {what} we get {e}.",
    "Next comes {what}. {e}.",
    "Since {e}, {what} is {c}.",
    "{what} is {c}, because {e}.",
    "{c} is {what}, as {e}.",
)
OPENINGS = (
    "Let us see.",
    "Let us work it out step by step.",
    "This is not hard.",
    "Think about {p} first.",
    "We go step by step.",
    "What do we know?",
)
IGNORES = ("The number {k} does not matter.", "We do not need the {k}.", "The {k} plays no role here.")
REMARKS = ("That was easy.", "Now the next step.", "Good.", "We go on.", "Careful now.")
CLOSINGS = ("The answer is {c}.", "So the answer is {c}.", "That is all.", "Done.", "This answers the question.")
