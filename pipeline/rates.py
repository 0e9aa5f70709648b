"""Raise the learning rate batch by batch on a recipe's prepared data and plot the loss; outside the DVC graph."""

import argparse
from pathlib import Path

import checkout  # noqa: F401  (first: puts this checkout's src on the path)
from textrnn.common.params.params_file import read_params
from textrnn.errors import install_extra
from textrnn.names import path_of
from textrnn.stage import output_file, run_command
from textrnn.tools.lr_range_test import RateRange, draw_curve, range_test, suggest_rate, write_points
from textrnn.training.planning.limits import describe_caps
from textrnn.training.trainer.recipe import PreparedFiles, load_recipe


def main() -> None:
    """Run the test for one recipe; its data must be prepared, its model need not be trained."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("recipe", help="the name of an entry of recipes in params.yaml")
    parser.add_argument("--from", dest="first", type=float, default=1e-6, help="the lowest rate (default: 1e-6)")
    parser.add_argument("--to", dest="last", type=float, default=1.0, help="the highest rate (default: 1)")
    parser.add_argument("--steps", type=int, default=300, help="the number of batches and rates (default: 300)")
    args = parser.parse_args()
    rates, params = RateRange(args.first, args.last, args.steps), read_params()
    recipe = load_recipe(args.recipe, params, PreparedFiles.of_recipe(args.recipe, params))
    if recipe.caps:
        print(describe_caps(recipe.name, recipe.caps), flush=True)
    points = range_test(recipe, rates)
    suggested = suggest_rate(points, rates)
    table, plot = (path_of(Path("plots/rates"), args.recipe, ending) for ending in (".csv", ".svg"))
    with output_file(table) as temporary:
        write_points(temporary, points)
    try:
        with output_file(plot) as temporary:
            draw_curve(temporary, points, suggested, f"{args.recipe}: learning-rate range test")
    except ImportError:
        print(f"no {plot}: matplotlib is not installed; {install_extra('plots')}")
    result = (
        f"the loss falls most steeply at {suggested:.1e}" if suggested else "the loss never decreased; try other rates"
    )
    print(f"{args.recipe}: {result} ({len(points)} of {rates.steps} rates, up to {points[-1].rate:.1e}); see {table}")


if __name__ == "__main__":
    run_command(main)
