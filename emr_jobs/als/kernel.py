"""One half of an ALS iteration: each row's factors solved against the other side's. Every driver calls it.

A pair never bought costs alpha0 (xy)^2, a bought one (alpha0 + w) (1 - xy)^2, and each row
lambda (n + alpha0 m) |x|^2: n of its pairs bought, m the other side's length (Rendle et al., "Revisiting the
Performance of iALS on Item Recommendation Benchmarks").
"""

import numpy as np
import numpy.typing as npt

from emr_jobs.compiled import compiled

CG_STEPS = 3  # from the previous solution: more gains nothing that the next iteration does not

Floats = npt.NDArray[np.float32]
Longs = npt.NDArray[np.int64]
Ints = npt.NDArray[np.int32]


@compiled(fastmath=True)
def solve_rows(
    first: int,
    step: int,
    starts: Longs,
    columns: Ints,
    weights: Floats,
    other: Floats,
    gramian: Floats,
    alpha0: np.float32,
    regularisation: np.float32,
    exact: bool,
    solution: Floats,
) -> float:
    """Solve the rows first, first + step, ... of `solution` in place; answer what they add to the loss.

    `gramian` is alpha0 times the other side's.
    """
    rank = other.shape[1]
    longest = 0
    for row in range(first, len(starts) - 1, step):
        longest = max(longest, starts[row + 1] - starts[row])
    gathered = np.empty((longest, rank), np.float32)
    scratch = np.empty((3, rank), np.float32)
    system = np.empty((rank, rank) if exact else (1, 1), np.float64)
    loss = 0.0
    for row in range(first, len(starts) - 1, step):
        begin, size = starts[row], starts[row + 1] - starts[row]
        x = solution[row]
        if size == 0:
            for i in range(rank):
                x[i] = 0
            continue
        for place in range(size):
            for i in range(rank):
                gathered[place, i] = other[columns[begin + place], i]
        bought, weight = gathered[:size], weights[begin : begin + size]
        ridge = np.float32(regularisation * (size + alpha0 * len(other)))
        if exact:
            _cholesky(bought, weight, gramian, alpha0, ridge, system, x)
        else:
            _conjugate_gradient(bought, weight, gramian, alpha0, ridge, scratch, x)
        for place in range(size):
            score = _dot(bought[place], x)
            loss += (alpha0 + weight[place]) * (1 - score) ** 2 - alpha0 * score**2
    return loss


@compiled(fastmath=True)
def _dot(a: Floats, b: Floats) -> np.float32:
    total = np.float32(0)
    for i in range(len(a)):
        total += a[i] * b[i]
    return total


@compiled(fastmath=True)
def _apply(bought: Floats, weight: Floats, gramian: Floats, ridge: float, x: Floats, answer: Floats) -> None:
    """Answer (gramian + sum w y y' + ridge) x, without ever building the matrix."""
    for i in range(len(x)):
        answer[i] = ridge * x[i]
    for i in range(len(x)):
        for j in range(len(x)):
            answer[j] += gramian[i, j] * x[i]
    for place in range(len(weight)):
        factor = weight[place] * _dot(bought[place], x)
        for i in range(len(x)):
            answer[i] += factor * bought[place, i]


@compiled(fastmath=True)
def _conjugate_gradient(
    bought: Floats,
    weight: Floats,
    gramian: Floats,
    alpha0: np.float32,
    ridge: np.float32,
    scratch: Floats,
    x: Floats,
) -> None:
    residual, direction, applied = scratch[0], scratch[1], scratch[2]
    _apply(bought, weight, gramian, ridge, x, applied)
    for i in range(len(x)):
        residual[i] = -applied[i]
    for place in range(len(weight)):
        for i in range(len(x)):
            residual[i] += (alpha0 + weight[place]) * bought[place, i]
    for i in range(len(x)):
        direction[i] = residual[i]
    before = _dot(residual, residual)
    for _ in range(CG_STEPS):
        if before < np.float32(1e-20):
            return
        _apply(bought, weight, gramian, ridge, direction, applied)
        length = before / _dot(direction, applied)
        for i in range(len(x)):
            x[i] += length * direction[i]
            residual[i] -= length * applied[i]
        after = _dot(residual, residual)
        for i in range(len(x)):
            direction[i] = residual[i] + after / before * direction[i]
        before = after


@compiled()
def _cholesky(  # noqa: C901 (one algorithm; a call inside it would cost its compilation)
    bought: Floats,
    weight: Floats,
    gramian: Floats,
    alpha0: np.float32,
    ridge: np.float32,
    system: npt.NDArray[np.float64],
    x: Floats,
) -> None:
    rank = len(x)
    right = np.zeros(rank, np.float64)
    for i in range(rank):
        for j in range(i + 1):
            system[i, j] = gramian[i, j]
        system[i, i] += ridge
    for place in range(len(weight)):
        for i in range(rank):
            share = weight[place] * bought[place, i]
            right[i] += share + alpha0 * bought[place, i]
            for j in range(i + 1):
                system[i, j] += share * bought[place, j]
    for i in range(rank):
        for j in range(i + 1):
            total = system[i, j]
            for k in range(j):
                total -= system[i, k] * system[j, k]
            system[i, j] = np.sqrt(total) if i == j else total / system[j, j]
    for i in range(rank):
        for k in range(i):
            right[i] -= system[i, k] * right[k]
        right[i] /= system[i, i]
    for i in range(rank - 1, -1, -1):
        for k in range(i + 1, rank):
            right[i] -= system[k, i] * right[k]
        right[i] /= system[i, i]
        x[i] = right[i]
