"""How easily made rows are told from held-out ones: the figure by which an adversarial training is stopped.

A likelihood cannot stop it, for noise that comes to matter loosens the bound; nor can the critic's own loss, which is a
contest and no yardstick. A classifier trained anew each time is the same yardstick every time.
"""

import math

import numpy as np
import torch
from torch import Tensor

_N_FOLDS = 3
_MOST_CODES, _FEWEST_ROWS = 400_000, 500
"""Real codes that are looked at, and rows of them in a very wide table: what a validation costs is bounded."""
MADE = 2
"""Made rows for each real one: they cost little, and steady the figure."""


def tell_apart(real: Tensor, made: Tensor) -> float:
    """Give the area under the curve of boosted trees that tell made rows from real ones, but no less than chance.

    Every row is judged by trees that have not seen it. Chance is what an area of 0.5 seldom exceeds with so many rows:
    below it a smaller figure says nothing, and would only choose among weights by luck.

    **Shape**

    - real, made: ``(n_rows, n_sub_columns)`` codes
    """
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.metrics import roc_auc_score
    from sklearn.model_selection import StratifiedKFold, cross_val_predict

    most = max(_FEWEST_ROWS, _MOST_CODES // real.shape[1])
    real, made = real[:most], made[: MADE * most]
    rows = torch.cat([real, made]).cpu().numpy()
    is_made = np.repeat([0, 1], [len(real), len(made)])
    trees = HistGradientBoostingClassifier(
        max_iter=50,
        learning_rate=0.15,
        max_leaf_nodes=15,
        early_stopping=False,
        class_weight="balanced",
        random_state=0,
    )
    folds = StratifiedKFold(_N_FOLDS, shuffle=True, random_state=0)
    share = cross_val_predict(trees, rows, is_made, cv=folds, method="predict_proba")[:, 1]
    return max(float(roc_auc_score(is_made, share)), 0.5 + 2 * _standard_error(len(real), len(made)))


def _standard_error(n_real: int, n_made: int) -> float:
    """Give that of an area under the curve where there is nothing to tell (Mann & Whitney 1947, §4)."""
    return math.sqrt((n_real + n_made + 1) / (12 * n_real * n_made))
