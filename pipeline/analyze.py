"""Analyse a saved model on the test split from its predictions, and write its card; loads no model."""

import checkout  # noqa: F401  (first: puts this checkout's src on the path)
from textrnn.common.integrity.checksums import checked_folder, copy_checked
from textrnn.common.params.params_file import read_params
from textrnn.common.params.sections import get_param
from textrnn.common.storage.padded_rows import LENGTHS_FILE, PaddedRows
from textrnn.common.storage.segmented_rows import SegmentedRows
from textrnn.evaluation.analysis.analysis_files import write_analysis, write_confusion_plot
from textrnn.evaluation.analysis.analyze import analyze
from textrnn.evaluation.analysis.card_facts import CardFiles, CardParams, is_generated, read_facts
from textrnn.evaluation.analysis.model_card import render
from textrnn.evaluation.metrics.predictions import Predictions
from textrnn.preparation.artifacts.result_files import AnalyzedFiles, RecipeFiles
from textrnn.stage import output_file, run_stage, write_json


def main(recipe: str) -> None:
    params = read_params()
    encoding = get_param(params, "recipes", recipe, "encoding")
    card_params = CardParams(
        encoding=encoding,
        corpus=get_param(params, "encodings", encoding, "corpus"),
        source=get_param(params, "data", "source"),
    )
    results, files = RecipeFiles(recipe), CardFiles.of_recipe(recipe, encoding)
    facts = read_facts(files, card_params)
    names = facts.labels.names
    analysis = analyze(
        Predictions.read(results.evaluated.predictions, len(names)),
        SegmentedRows.read(SegmentedRows.default_folder(encoding)),
        labels=facts.labels,
        vocabulary=results.model.preparation.read_vocabulary(),
        width=facts.config["widths"][-1],
        segmenter=facts.data["segmenter"],
    )
    # the examples hold corpus text: they go into DVC's cache, never into git
    with checked_folder(results.analyzed.folder) as folder:
        out = AnalyzedFiles(folder)
        write_analysis(out, analysis, names)
        write_json(out.origin, {"source": card_params.source, "generated": is_generated(card_params.source)})
        # the report shows them, and depends on this folder in place of all padded rows
        copy_checked(files.padded, out.padding)
        copy_checked(PaddedRows.default_folder(recipe) / LENGTHS_FILE, out.lengths)
    write_confusion_plot(results.confusion_plot, analysis, names)
    with output_file(results.card) as temporary:
        temporary.write_text(render(facts, analysis.example), encoding="utf-8")


if __name__ == "__main__":
    run_stage(main, "recipe")
