"""The power law of a learning curve, on exact data."""

import numpy as np
import pytest

from textrnn.study.verdicts.power_law import fit_power_law

ROWS = np.array([1000.0, 2000.0, 4000.0, 16000.0])


def test_an_exact_law_is_found_again():
    errors = np.stack([3 * ROWS**-0.25, 0.9 * ROWS**-0.1], axis=1)
    law = fit_power_law(ROWS, errors)
    assert law.exponent == pytest.approx([0.25, 0.1])
    assert np.exp(law.log_scale) == pytest.approx([3, 0.9])
    assert law.error(256e6) == pytest.approx([3 * 256e6**-0.25, 0.9 * 256e6**-0.1])
    assert law.rows_for(0.03) == pytest.approx([(3 / 0.03) ** 4, (0.9 / 0.03) ** 10])


def test_an_error_that_does_not_fall_is_never_reached_by_more_rows():
    law = fit_power_law(ROWS, np.array([[0.3, 0.2], [0.3, 0.25], [0.3, 0.3], [0.3, 0.35]]))
    assert law.rows_for(0.1).tolist() == [np.inf, np.inf]
    assert law.error(1e12)[1] == 1.0
