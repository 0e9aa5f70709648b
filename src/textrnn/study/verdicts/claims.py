"""The claims of the tutorials, each as comparisons between variants of study/params.yaml."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Expect = Literal["above", "below", "same"]


@dataclass(frozen=True)
class Comparison:
    """The difference `first` - `second` of a measure, and what the claim expects of it; `second` may be a number.

    expect: `above` or `below` means that the difference is beyond `margin` in that direction; `same` that it is within
    the margin. A negative margin allows the difference to be that far on the other side: no worse by more than that.
    ratio: first / second is compared instead, and `margin` is the relative difference from 1.
    """

    measure: str
    first: str
    second: str | float
    expect: Expect
    margin: float
    ratio: bool = False


@dataclass(frozen=True)
class Claim:
    """A claim: its key, the statement of the tutorial, and its comparisons; `note` adds what the verdict leaves out."""

    key: str
    tutorial: int
    said: str
    comparisons: tuple[Comparison, ...]
    note: str = ""

    def variants(self) -> tuple[str, ...]:
        """Return the names of all compared variants, each once."""
        names = [name for row in self.comparisons for name in (row.first, row.second) if isinstance(name, str)]
        return tuple(dict.fromkeys(names))


POINT = 0.01  # a difference in accuracy that matters
FAILURE_MARGIN = 0.05  # a difference in accuracy between a failed training and a successful one
CONVERGED = 0.5  # accuracy above which training converged: a lower accuracy than another run's is not yet a failure
RELATIVE_MARGIN = 0.05  # a visible relative difference of loss curves or times
LARGER_BATCHES = (128, 256, 1024)  # batch sizes in rows, compared with 64
# an RNN's gradient at a distance is expected below these
GRADIENT_REFERENCES: tuple[str | float, ...] = ("gru_valid_p32", "lstm_valid_p32", 1.0)


def _test(first: str, second: str | float, expect: Expect, margin: float = 0.0) -> Comparison:
    return Comparison("test_accuracy", first, second, expect, margin)


def _ratio(measure: str, first: str, second: str | float, expect: Expect) -> Comparison:
    return Comparison(measure, first, second, expect, RELATIVE_MARGIN, ratio=True)


def _smoother(first: str, second: str) -> Comparison:
    return _ratio("roughness", first, second, "below")


def _faster(first: str, second: str) -> Comparison:
    return _ratio("seconds", first, second, "below")


CLAIMS = (
    Claim(
        "fails_at_32",
        1,
        "With batches of 64 and rows of 32 the RNN does not converge; with rows of 16 it does.",
        (
            _test("rnn_b64_p16", "rnn_b64_p32", "above", FAILURE_MARGIN),
            _test("rnn_b64_p32", CONVERGED, "below"),
            _test("rnn_b64_p16", CONVERGED, "above"),
        ),
    ),
    Claim(
        "batch_128",
        1,
        "Batches of 128 give a smoother curve than 64, with no great difference in the result.",
        (_smoother("rnn_b128_p16", "rnn_b64_p16"), _test("rnn_b128_p16", "rnn_b64_p16", "same", POINT)),
    ),
    Claim(
        "batch_256",
        1,
        "Batches of 256 are smoother and faster than 64.",
        (_smoother("rnn_b256_p16", "rnn_b64_p16"), _faster("rnn_b256_p16", "rnn_b64_p16")),
        "The tutorial has 5 minutes in place of 18. How much is saved is measured, and not judged.",
    ),
    Claim(
        "batch_1024",
        1,
        "Batches of 1024 are faster still.",
        (_faster("rnn_b1024_p16", "rnn_b256_p16"),),
    ),
    Claim(
        "batch_free",
        1,
        "A larger batch costs no accuracy at equal epochs.",
        tuple(
            Comparison("dev_accuracy", f"rnn_b{rows}_p16", "rnn_b64_p16", "above", -POINT) for rows in LARGER_BATCHES
        ),
        "The tutorial does not say it; its advice to take larger batches depends on it.",
    ),
    Claim(
        "batch_time",
        1,
        "In equal time a larger batch reaches more.",
        tuple(
            Comparison("dev_accuracy_at_time", f"rnn_b{rows}_p16", "rnn_b64_p16", "above", 0.0)
            for rows in LARGER_BATCHES
        ),
        "The tutorial speaks of time alone; this asks what the time saved is worth.",
    ),
    Claim(
        "smooth_steps",
        1,
        "The curve of larger batches is smoother because training is, and not only because each point averages more.",
        tuple(_ratio("roughness_at_rows", f"rnn_b{rows}_p16", "rnn_b64_p16", "below") for rows in LARGER_BATCHES),
        "Each point is averaged over equally many rows here. At equal epochs larger batches have trained less, and how "
        "far losses scatter depends on their height too: what is left of a difference is not the steps' alone.",
    ),
    Claim(
        "pad_sizes",
        1,
        "Rows of 16 do better than rows of 7, and rows of 32 worse than those of 16.",
        (_test("rnn_b256_p16", "rnn_b256_p7", "above"), _test("rnn_b256_p16", "rnn_b256_p32", "above")),
    ),
    Claim(
        "half_text",
        1,
        "Rows of 16 use only half the text.",
        (Comparison("kept_share", "rnn_b256_p16", 0.5, "same", 0.05),),
    ),
    Claim(
        "out_of_reach",
        1,
        "With rows of 16 the best result is out of reach: what is cut off costs accuracy.",
        (_test("rnn_valid_p32", "rnn_valid_p16", "above"),),
        "Read at the last token, so that padding costs neither of the two anything.",
    ),
    Claim(
        "forgets",
        1,
        "The RNN fails at 32 because it forgets: its gradient vanishes over so many steps.",
        (
            _test("rnn_b64_p32", CONVERGED, "below"),
            _test("rnn_b64_p16", CONVERGED, "above"),
            _test("rnn_valid_b64_p32", "rnn_b64_p32", "same", FAILURE_MARGIN),
            _test("rnn_valid_p32", "rnn_b256_p32", "same", FAILURE_MARGIN),
        ),
        "It has to fail first, and at 32 alone. If forgetting were the cause, reading the state at the last token, "
        "before the padding, would not help.",
    ),
    Claim(
        "readout_by_pad",
        1,
        "Rows of 32 do worse than shorter ones, wherever the state is read.",
        (
            _test("rnn_b256_p16", "rnn_b256_p32", "above"),
            _test("rnn_valid_p16", "rnn_valid_p32", "above"),
            _test("rnn_valid_p7", "rnn_valid_p32", "above"),
        ),
        "The cross of readout and width that `forgets` is a part of.",
    ),
    Claim(
        "gradient_by_cell",
        1,
        "The gradient of an RNN fades with distance; that of a GRU or an LSTM does not so.",
        tuple(
            _ratio(measure, "rnn_valid_p32", other, "below")
            for measure in ("far_gradient", "far_gradient_untrained")
            for other in GRADIENT_REFERENCES
        ),
    ),
    Claim(
        "lstm_cures",
        3,
        "Where the RNN fails, at 64 and 32, the LSTM converges.",
        (
            _test("rnn_b64_p32", CONVERGED, "below"),
            _test("bilstm_b64", "rnn_b64_p32", "above", FAILURE_MARGIN),
            _test("bilstm_b64", CONVERGED, "above"),
            _test("lstm_valid_p32", "rnn_valid_p32", "above"),
        ),
        "The last comparison reads both at the last token: what is left is the cell's own gain.",
    ),
    Claim(
        "lstm_batch_256",
        3,
        "Batches of 256 are smoother and faster than 64 for the LSTM too.",
        (_smoother("bilstm_b256", "bilstm_b64"), _faster("bilstm_b256", "bilstm_b64")),
    ),
    Claim(
        "norm_and_initialization",
        3,
        "LayerNorm makes convergence steady and fast (stock initialisation came with it).",
        (
            Comparison("early_accuracy", "bilstm_stock_norm", "bilstm_b64", "above", POINT),
            _smoother("bilstm_stock_norm", "bilstm_b64"),
        ),
        "Both changes at once, as in the tutorial.",
    ),
    Claim(
        "norm_alone",
        3,
        "It is LayerNorm that does it.",
        (
            Comparison("early_accuracy", "bilstm_norm", "bilstm_b64", "above", POINT),
            Comparison("early_accuracy", "bilstm_stock_norm", "bilstm_stock", "above", POINT),
            _smoother("bilstm_norm", "bilstm_b64"),
            _smoother("bilstm_stock_norm", "bilstm_stock"),
        ),
        "LayerNorm alone, with either initialisation.",
    ),
    Claim(
        "initialization_alone",
        3,
        "The initialisation has no part in it.",
        (
            Comparison("early_accuracy", "bilstm_stock", "bilstm_b64", "same", POINT),
            Comparison("early_accuracy", "bilstm_stock_norm", "bilstm_norm", "same", POINT),
            _ratio("roughness", "bilstm_stock", "bilstm_b64", "same"),
            _ratio("roughness", "bilstm_stock_norm", "bilstm_norm", "same"),
        ),
        "Initialisation alone, without LayerNorm and with it.",
    ),
    Claim(
        "scratch_equal",
        4,
        "The GRU from scratch computes what nn.GRU does, to 1e-6.",
        (
            Comparison("output_difference", "equations", 0.0, "same", 1e-6),
            Comparison("gradient_difference", "equations", 0.0, "same", 1e-6),
            Comparison("output_difference", "kernels", 0.0, "same", 1e-6),
            Comparison("gradient_difference", "kernels", 0.0, "same", 1e-6),
        ),
        "In float64; gradients are relative to the largest of their weight.",
    ),
    Claim(
        "scratch_cost",
        4,
        "A loop over the steps in Python costs time against nn.GRU.",
        (Comparison("step_seconds", "equations", "nn_gru", "above", RELATIVE_MARGIN, ratio=True),),
        "The tutorial shows the loop to be understood and says nothing of its cost.",
    ),
    Claim(
        "gru_for_lstm",
        4,
        "A GRU does what an LSTM does at less cost.",
        (_test("bigru_b256", "bilstm_b256", "above", -POINT), _faster("bigru_b256", "bilstm_b256")),
    ),
)
