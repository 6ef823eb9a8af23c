"""The verdict of `python -m bench.study`: it fails where nothing was learnt."""

from datetime import UTC, datetime

import pytest

from bench import study
from contracts.s3_layout import Version
from emr_jobs.explicit.cleaning import Account
from emr_jobs.explicit.crossvalidation import Result
from emr_jobs.explicit.models import BIASES, FACTORISATION, IMPLICIT
from emr_jobs.explicit.scoring import Score
from emr_jobs.study import Studied


@pytest.mark.parametrize("full", [True, False])
@pytest.mark.parametrize(("factorised", "code"), [(0.80, 0), (0.81, 1), (0.82, 1), (0.0, 0)])
def test_a_study_that_learnt_nothing_fails(full, factorised, code, capsys):
    errors = {BIASES: 0.81, FACTORISATION: factorised, IMPLICIT: None}
    results = [
        Result(model, (Score(error, error, 0.3, 0.2, 0.1, 3.0),), 1.0, "") for model, error in errors.items()
    ]
    studied = Studied(Version(datetime(2020, 1, 1, tzinfo=UTC), 1), Account(9, 9, {}), results, IMPLICIT)
    assert study._verdict(studied, full=full, made=False) == code
    assert ("NOTHING LEARNT" in capsys.readouterr().out) is bool(code)


def test_the_full_study_leaves_mllib_a_choice():
    assert len(study.FULL_EFFORT.mllib_grid) == 2
