"""The telling of a scene: who and what it is about, and its sentences in order with a question at the end."""

from __future__ import annotations

import random
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from word_problems.scenes.scene import SLOT, Scene, required, slots
from word_problems.vocabulary import DAYS, GROUPS, JOBS, KINDS, MEN, PLACES, SELLERS, SHOPS, SUBJECTS, WOMEN

_PRONOUNS = {True: ("she", "her", "her"), False: ("he", "his", "him")}
_OPENERS = re.compile(r"(then|later|after|now|at|on|in|of|each|every|one day|this|last|next|the rest|if|when)\b")


_ORDERS = ("find ", "work out ")
_ARTICLE = re.compile(r"\b([Aa]) (?=[aeiou])")


@dataclass(slots=True)
class Cast:
    """The words of one story.

    Attributes:
        words: by slot, the word that fills it.
        money: the form of a price.
        mentioned: the hero has been named, so that a pronoun can stand for the name.
    """

    words: dict[str, str]
    money: str
    mentioned: bool = field(default=False)

    @classmethod
    def drawn(cls, kinds: tuple[str, ...], rng: random.Random) -> Cast:
        """Draw the words of a story about things of one of some kinds, or of any kind."""
        woman = rng.random() < 0.5
        names = rng.sample(WOMEN.split(), 3), rng.sample(MEN.split(), 3)
        hero = names[0][0] if woman else names[1][0]
        others = [name for pair in zip(names[0][1:], names[1][1:], strict=True) for name in pair]
        rng.shuffle(others)
        chosen = rng.choice(kinds or tuple(KINDS))
        kind, other = KINDS[chosen], KINDS[rng.choice([name for name in KINDS if name != chosen])]
        (x, xs), (y, ys) = rng.sample(kind.things, 2)
        gain, lose, box = rng.choice(kind.gain), rng.choice(kind.lose), rng.choice(kind.boxes)
        aside = rng.choice(other.things)
        he, his, him = _PRONOUNS[woman]
        days, subjects = rng.sample(DAYS, 3), rng.sample(SUBJECTS, 2)
        traits = rng.sample(kind.traits, 3)
        words = {"A": hero, "B": others[0], "C": others[1], "he": he, "his": his, "him": him}
        words |= {"x": x, "xs": xs, "y": y, "ys": ys, "ws": aside[1], "box": box[0], "boxes": box[1]}
        words |= {"gain": gain[0], "gained": gain[1], "lose": lose[0], "lost": lose[1]}
        words |= {"t": traits[0], "u": traits[1], "v": traits[2], "d1": days[0], "d2": days[1], "d3": days[2]}
        words |= {"shop": rng.choice(SHOPS), "seller": rng.choice(SELLERS), "friends": rng.choice(GROUPS)}
        words |= {"place": rng.choice(PLACES), "job": rng.choice(JOBS), "s1": subjects[0], "s2": subjects[1]}
        return cls(words, rng.choice(("$ {}", "${}", "{} dollars")))

    def fill(self, text: str, values: Mapping[str, int], rng: random.Random) -> str:
        """Return a sentence without open slots; ``values`` has the told quantities alone."""
        since = self.mentioned
        named = False

        def word(found: re.Match[str]) -> str:
            nonlocal named
            name, form, untold = found.groups()
            if name in values:
                number = values[name]
                if form == "#":
                    return "twice" if number == 2 else f"{number} times"
                return self.money.format(number) if form == "$" else str(number)
            if untold is not None:
                return str(untold)
            if name in ("he", "his", "him"):
                if named or (since and rng.random() < 0.75):
                    named = True
                    return self.words[name]
                named = self.mentioned = True
                return self.words["A"] + ("'s" if name == "his" else "")
            named = named or name == "A"
            self.mentioned = self.mentioned or named
            return self.words[name]

        return SLOT.sub(word, text)


def told(
    scene: Scene,
    asked: str,
    known: frozenset[str],
    values: Mapping[str, int],
    cast: Cast,
    rng: random.Random,
    *,
    aside: str | None,
) -> str | None:
    """Return the text of a problem; None where no sentence of a line gives just the known quantities.

    Args:
        scene: what happens.
        asked: the quantity of the question.
        known: the quantities to tell.
        values: all quantities.
        cast: the words.
        rng: decides the wording.
        aside: a sentence that has nothing to do with the question.
    """
    texts = []
    for line in scene.lines:
        here = known & frozenset(name for text in line for name in slots(text))
        fitting = [t for t in line if required(t) & scene.quantities <= here and here <= slots(t)]
        if here and not fitting:
            return None
        about = any(asked in slots(text) for text in line)
        if fitting and (
            here or about or line is scene.lines[0] or any(t[0] == "!" for t in fitting) or rng.random() < 0.6
        ):
            texts.append((rng.choice(fitting).removeprefix("!"), bool(here)))
    if scene.shuffled:
        rng.shuffle(texts)
    if aside is not None:
        texts.insert(rng.randint(0, len(texts)), (aside, False))
    shown = {name: values[name] for name in known | ({"aside"} if aside else set())}
    other = aside is not None and "xs" in slots(aside)  # another person's, so that the question must name its own
    asks = [text for text in scene.asks[asked] if not other or slots(text) & {"he", "A", "B"}]
    if not asks:
        return None
    question = rng.choice(asks)
    form = rng.random()
    plain = texts[-1][1] and not _OPENERS.match(texts[-1][0]) and ". " not in texts[-1][0]
    last = None
    if plain and form < 0.22 and texts[-1][0] != aside:
        last = texts.pop()[0]
    parts = _sentences(texts, shown, cast, rng, aside)
    if last is not None and form < 0.04 and not question.startswith(_ORDERS):
        asking = cast.fill(question, shown, rng)
        parts.append(f"{_capital(asking)} if {cast.fill(last, shown, rng)}")
    elif last is not None:
        condition = cast.fill(last, shown, rng)
        joined = ", " if form < 0.17 else ". "
        asking = cast.fill(question, shown, rng)
        parts.append(f"If {condition}{joined}{asking if joined == ', ' else _capital(asking)}")
    else:
        parts.append(_capital(cast.fill(question, shown, rng)))
    return _ARTICLE.sub(r"\1n ", " ".join(parts)) + ("." if question.startswith(_ORDERS) else "?")


def _sentences(
    texts: list[tuple[str, bool]], shown: Mapping[str, int], cast: Cast, rng: random.Random, aside: str | None
) -> list[str]:
    """Return sentences with a capital and a full stop, a few of them joined."""
    sentences: list[str] = []
    join = False
    for place, (text, _) in enumerate(texts):
        filled = cast.fill(text, shown, rng)
        if text == aside:
            cast.mentioned = False  # a pronoun could mean the other person
        if join:
            sentences[-1] += f" and {filled}"
        else:
            sentences.append(_capital(filled))
        following = texts[place + 1][0] if place + 1 < len(texts) else None
        free = following is not None and aside not in (text, following) and not _OPENERS.match(following)
        join = not join and free and " and " not in text and rng.random() < 0.15
    return [f"{sentence}." for sentence in sentences]


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
