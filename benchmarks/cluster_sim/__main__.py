"""Workers in virtual time under the leases of the package: efficiency beside that of even shards.

    python -m benchmarks.cluster_sim [--questions 100000 30000] [--workers 64] [--places 128]

Efficiency is the time of the tokens in full batches on all workers, at their speeds, over the time that the run took. A
step takes a + b x rows; a and b are assumptions, unless you measured them. Prompts cost nothing here.
"""

from __future__ import annotations

import argparse
import platform
import time
from collections.abc import Callable
from dataclasses import replace

from benchmarks.cluster_sim.simulation import Cluster, Outcome, even_shards, leased
from benchmarks.cluster_sim.worker import StepTime
from benchmarks.cluster_sim.workload import Workload, make_workload

POLICIES: dict[str, Callable[[Workload, Cluster], Outcome]] = {
    "even shards": lambda work, cluster: even_shards(work, cluster, ahead=False),
    "even shards, look-ahead": lambda work, cluster: even_shards(work, cluster, ahead=True),
    "leases": lambda work, cluster: leased(work, cluster, ahead=False, moves=False),
    "leases, look-ahead": lambda work, cluster: leased(work, cluster, ahead=True, moves=False),
    "leases, look-ahead, moves": lambda work, cluster: leased(work, cluster, ahead=True, moves=True),
}
CLUSTERS = ["plain", "slow", "kills"]


def main() -> None:
    """Print a row a policy and cluster."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--questions", type=int, nargs="+", default=[100_000, 30_000])
    parser.add_argument("--workers", type=int, default=64)
    parser.add_argument("--places", type=int, default=128, help="rows of each worker's batch")
    parser.add_argument("--fixed-ms", type=float, default=12.0, help="a: milliseconds of a step, whatever its rows")
    parser.add_argument("--row-ms", type=float, default=0.06, help="b: milliseconds of a step for each row")
    parser.add_argument("--slow", type=int, default=4, help="workers at half speed, in the rows that have some")
    parser.add_argument("--kills", type=int, default=32, help="workers killed, in the rows that have some")
    parser.add_argument("--load-s", type=float, default=60.0, help="seconds until a killed worker is back")
    parser.add_argument("--rule", default="ppr_1v1", help="the strategy that decides how many draws a question takes")
    parser.add_argument("--budget", type=int, default=64, help="the most draws of a question")
    parser.add_argument("--tokens", type=float, default=318.0, help="mean tokens of a draw")
    parser.add_argument("--policies", nargs="+", choices=[*POLICIES], default=[*POLICIES], metavar="POLICY")
    parser.add_argument("--clusters", nargs="+", choices=CLUSTERS, default=CLUSTERS, help="which rows to compute")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    step = StepTime(options.fixed_ms / 1e3, options.row_ms / 1e3)
    plain = Cluster(options.workers, options.places, step, load_s=options.load_s, seed=options.seed)
    print(
        f"{options.workers} workers x {options.places} places; a step takes {options.fixed_ms:g} ms + "
        f"{options.row_ms:g} ms x rows (assumed, not measured); Python {platform.python_version()}"
    )
    for questions in options.questions:
        work = make_workload(
            questions, rule=options.rule, budget=options.budget, mean_tokens=options.tokens, seed=options.seed
        )
        ideal = plain.ideal_s(float(work.tokens.sum()))
        print(f"\n{questions} questions, {work.counts.mean():.1f} draws each (at most {work.budget}), {work.source}")
        print(f"{ideal:.0f} s in full batches on all workers; a question of {work.budget} draws takes", end=" ")
        print(f"{work.budget * options.tokens * step.seconds(options.places):.0f} s one after the other")
        kills = replace(plain, kills=options.kills, kills_within_s=ideal)
        clusters = {
            "plain": ("", plain),
            "slow": (f"{options.slow} at half speed", replace(plain, slow=options.slow)),
            "kills": (f"{options.kills} kills", kills),
        }
        print(f"{'':26} {'':16} {'efficiency':>10} {'time, s':>8} {'extra tokens':>13} {'moved':>6} {'CPU, s':>7}")
        for name in options.clusters:
            disturbance, cluster = clusters[name]
            for policy in options.policies:
                if name == "kills" and policy.startswith("even"):  # a shard waits for its worker
                    continue
                began = time.process_time()
                got = POLICIES[policy](work, cluster)
                print(
                    f"{policy:26} {disturbance:16} {got.efficiency:10.3f} {got.seconds:8.0f} {got.extra:13.1%} "
                    f"{got.moves:6} {time.process_time() - began:7.1f}",
                    flush=True,
                )


if __name__ == "__main__":
    main()
