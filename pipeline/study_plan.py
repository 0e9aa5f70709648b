"""Print the claims in the order in which they are run; run them; measure what runs cost; write study/runs.yaml.

The claim that needs the least additional time comes first, so a study that is stopped early has finished as many claims
as possible. The hours are those of the runs without a record in study/records, on one core, by study/costs.json; this
file is written by --measure, which needs the inputs of all runs. Two processes can run claims at once if each has a
clone of its own: see study_records.py.
"""

import argparse
import sys

import checkout  # noqa: F401  (first: puts this checkout's src on the path)
from textrnn.errors import UserError
from textrnn.stage import run_command
from textrnn.study.claims.all_claims import ALL_CLAIMS
from textrnn.study.plan.graph_items import RUNS_FILE, graph_items, items_text, read_project_study
from textrnn.study.records.kept_records import recorded_runs
from textrnn.study.schedule.claim_order import all_runs, describe, order_claims
from textrnn.study.schedule.costs import measure_missing, read_costs
from textrnn.study.schedule.run_claims import run_cells, run_targets


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    action = parser.add_mutually_exclusive_group()
    action.add_argument("--run", metavar="CLAIM", nargs="*", help="run these claims, or all, in their order")
    action.add_argument("--small", action="store_true", help="run the small study of study/params.yaml")
    action.add_argument("--measure", action="store_true", help="measure each variant whose cost is not known yet")
    action.add_argument("--write", action="store_true", help="write study/runs.yaml of study/params.yaml")
    parser.add_argument("--again", action="store_true", help="with --run: repeat the runs, valid or not")
    args = parser.parse_args()
    study, params = read_project_study()
    if args.again and args.run is None:
        raise UserError("--again", "repeats the runs of --run only", do="name claims with --run, or leave it out")
    if args.write:
        RUNS_FILE.write_text(items_text(graph_items(study, params)), encoding="utf-8")
        return
    if args.measure:
        measure_missing(study.variants)
        return
    if unknown := {*(args.run or ())} - {claim.key for claim in ALL_CLAIMS}:
        raise UserError("--run", "no such claim", got=", ".join(sorted(unknown)))
    if args.small:
        small = [(name, seed) for name in study.small.variants for seed in range(1, study.small.seeds + 1)]
        sys.exit(0 if run_cells() and run_targets(small) else 1)
    claims = [each for each in ALL_CLAIMS if not args.run or each.key in args.run]
    steps = order_claims(claims, study, read_costs(), () if args.again else recorded_runs())
    print("\n".join(describe(steps)), flush=True)
    if args.run is None:
        return
    # of recorded runs DVC repeats those that are no longer valid
    runs = [step.runs if args.again else all_runs(step.claim, study) for step in steps]
    done = [run_cells(), *(run_targets(each, again=args.again) for each in runs)]  # cells take seconds
    sys.exit(0 if all(done) else 1)


if __name__ == "__main__":
    run_command(main)
