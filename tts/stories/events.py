"""Events of a story: its beginning, the changes that follow, and the question.

Each event adds facts to a :class:`~tts.stories.plot.Plot` and the steps of the solution that follow from them.
"""

from __future__ import annotations

from collections.abc import Callable

from tts.stories import phrases as say
from tts.stories.plot import Impossible, Plot

Event = Callable[[Plot], None]


def begin(plot: Plot) -> None:
    """Add the facts that give the first number."""
    start = plot.rng.choice((_has, _has, _packed, _units, _coloured, _compared, _compared))
    start(plot)


def _has(plot: Plot) -> None:
    plot.x = plot.medium()
    plot.facts.append(plot.phrase(say.HAS, a=plot.x))


def _packed(plot: Plot) -> None:
    a, b = plot.small(), plot.upto(8, 12)
    among = plot.rng.choice((say.PACKED, say.PACKED, say.RATE))
    plot.facts.append(plot.phrase(among, a=a, b=b))
    plot.x = plot.times(a, b, plot.owned(plot.p))


def _units(plot: Plot) -> None:
    plot.traps.append("unit")
    if plot.rng.random() < 0.5:
        a = plot.upto(6, 12)
        plot.facts.append(plot.phrase(say.DOZEN, a=a))
        plot.x = plot.times(a, 12, plot.owned(plot.p))
        return
    a, b = plot.small(), plot.upto(3, 5)
    plot.facts.append(plot.phrase(say.WEEKS, a=a, b=b))
    days = plot.times(b, 7, "the number of days", "days")
    plot.x = plot.times(days, a, plot.owned(plot.p))


def _coloured(plot: Plot) -> None:
    u, v = plot.rng.sample(say.COLOURS, 2)
    a, b = plot.medium(), plot.medium()
    plot.facts.append(plot.phrase(say.COLOURED, a=a, b=b, u=u, v=v))
    plot.x = plot.plus(a, b, plot.owned(plot.p))


def _compared(plot: Plot) -> None:
    a = plot.medium()
    facts = [plot.phrase(say.OTHER, a=a)]
    plot.x = _comparison(plot, a, facts)
    plot.facts += facts if plot.rng.random() < 0.6 else facts[::-1]


def _comparison(plot: Plot, a: int, facts: list[str]) -> int:
    """Add the fact that compares p with q, who has ``a``, and return the computed number of p."""
    k, factor = plot.upto(15, 30), plot.rng.choice((2, 2, 3, 4, 5))
    way, what = plot.rng.randrange(4), plot.owned(plot.p)
    if way == 0:
        facts.append(plot.phrase(say.MORE, k=k))
        result = plot.plus(a, k, what)
    elif way == 1:
        facts.append(plot.phrase(say.FEWER, k=k))
        result = plot.minus(a, k, what)
    else:
        among, step = ((say.TIMES_AS_MANY, plot.times), (say.PART_AS_MANY, plot.over))[way - 2]
        facts.append(plot.phrase(among, times=plot.rng.choice(say.TIMES[factor])))
        result = step(a, factor, what)
    if way == 3 or facts[-1].startswith(plot.q):
        plot.traps.append("inverted")
    return result


def go_on(plot: Plot, room: int) -> None:
    """Add an event that takes at most ``room`` steps."""
    events: list[Event] = [_gain, _loss, _loss, _grow]
    if room > 1:
        events += [_gain_packed, _loss_packed, _give_part, _give_part, _give_part]
    plot.rng.choice(events)(plot)


def _gain(plot: Plot) -> None:
    k = plot.medium()
    plot.facts.append(plot.phrase(say.GAIN, k=k))
    plot.x = plot.plus(plot.x, k, plot.owned(plot.p))
    plot.parted = False


def _loss(plot: Plot) -> None:
    k = plot.rng.randint(1, min(plot.x, 60 if plot.wide else 30))
    plot.facts.append(plot.phrase(say.LOSS, k=k))
    plot.x = plot.minus(plot.x, k, plot.left())
    plot.parted = True


def _grow(plot: Plot) -> None:
    factor = plot.rng.choice((2, 2, 3))
    plot.facts.append(plot.phrase(say.GROW, times=plot.rng.choice(say.TIMES[factor])))
    plot.x = plot.times(plot.x, factor, plot.owned(plot.p))
    plot.parted = False


def _gain_packed(plot: Plot) -> None:
    a, b = plot.small(), plot.upto(6, 12)
    plot.facts.append(plot.phrase(say.GAIN_PACKED, a=a, b=b))
    more = plot.times(a, b, f"the number of new {plot.thing}")
    plot.x = plot.plus(plot.x, more, plot.owned(plot.p))
    plot.parted = False


def _loss_packed(plot: Plot) -> None:
    a, b = plot.small(), plot.upto(6, 9)
    plot.facts.append(plot.phrase(say.LOSS_PACKED, a=a, b=b))
    gone = plot.times(a, b, f"the number of {plot.thing} that are gone")
    plot.x = plot.minus(plot.x, gone, plot.left())


def _give_part(plot: Plot) -> None:
    fitting = [d for d in say.PARTS if plot.x % d == 0]
    if not fitting:
        raise Impossible
    d = plot.rng.choice(fitting)
    rest = plot.parted and plot.rng.random() < 0.75
    if rest:
        plot.traps.append("rest")
    among = say.GIVE_PART_OF_REST if rest else say.GIVE_PART
    plot.parted = True
    plot.facts.append(plot.phrase(among, part=plot.rng.choice(say.PARTS[d])))
    gone = plot.over(plot.x, d, f"the number of {plot.thing} that are gone")
    plot.x = plot.minus(plot.x, gone, plot.left())


def end(plot: Plot, room: int) -> None:
    """Add the question, which takes exactly ``room`` more steps.

    Raises:
        Impossible: the numbers do not work out.
    """
    if room == 0:
        plot.asks = plot.phrase(say.ASK_NOW)
    elif room == 1:
        plot.rng.choice((_together, _more, _share, _pack, _price))(plot)
    elif room == 2:
        plot.rng.choice((_profit, _compared_together, _compared_together))(plot)
    else:
        raise Impossible


def _together(plot: Plot) -> None:
    b = plot.medium()
    plot.apart.append(plot.phrase(say.OTHER, q=plot.r, a=b))
    plot.asks = plot.phrase(say.ASK_TOGETHER, q=plot.r)
    plot.plus(plot.x, b, "the total")


def _more(plot: Plot) -> None:
    b = plot.rng.randint(1, min(plot.x, 60 if plot.wide else 30))
    plot.apart.append(plot.phrase(say.OTHER, q=plot.r, a=b))
    plot.asks = plot.phrase(say.ASK_MORE, q=plot.r)
    plot.minus(plot.x, b, "the difference")


def _share(plot: Plot) -> None:
    fitting = [d for d in range(2, 10) if plot.x % d == 0]
    if not fitting:
        raise Impossible
    k = plot.rng.choice(fitting)
    plot.asks = plot.phrase(say.ASK_SHARE, k=k)
    plot.over(plot.x, k, "the share of each")


def _pack(plot: Plot) -> None:
    fitting = [d for d in range(2, 13) if plot.x % d == 0]
    if not fitting:
        raise Impossible
    k = plot.rng.choice(fitting)
    plot.asks = plot.phrase(say.ASK_PACK, k=k)
    plot.over(plot.x, k, f"the number of {plot.words['boxes']}", plot.words["boxes"])


def _price(plot: Plot) -> None:
    k = plot.small()
    plot.asks = plot.phrase(say.ASK_PRICE, k=k)
    plot.times(plot.x, k, "the money", "dollars")


def _profit(plot: Plot) -> None:
    k, a = plot.small(), plot.medium()
    plot.asks = plot.phrase(say.ASK_PROFIT, k=k, a=a)
    money = plot.times(plot.x, k, "the money", "dollars")
    plot.compute(say.SUBTRACT, money, a, money - a, "the money left", "dollars")


def _compared_together(plot: Plot) -> None:
    """Compare r with p at the end; a sentence about p must be inverted."""
    k = plot.upto(15, 30)
    way, what = plot.rng.randrange(2), plot.owned(plot.r)
    fact = plot.phrase((say.FEWER, say.MORE)[way], q=plot.r, k=k)
    plot.facts.append("In the end " + fact.replace("Compared", "compared"))
    other = plot.plus(plot.x, k, what) if way == 0 else plot.minus(plot.x, k, what)
    if fact.startswith(plot.p):
        plot.traps.append("inverted")
    plot.asks = plot.phrase(say.ASK_TOGETHER, q=plot.r)
    plot.plus(plot.x, other, "the total")
