"""One half of an ALS iteration: each row's factors solved against the other side's. Every driver calls it.

Conjugate gradients are fast here because a row's opposite factors are gathered once, into a buffer that stays
in the cache, and every loop takes four of them at once, which keeps wide instructions fed.
"""

import numpy as np
import numpy.typing as npt

from emr_jobs.compiled import compiled

CG_STEPS = 3  # from the previous solution: more gains nothing that the next iteration does not
_SOLVED = np.float32(1e-20)  # a squared residual with nothing left to gain
_ZERO = np.float32(0)

Floats = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]
Longs = npt.NDArray[np.int64]
Ints = npt.NDArray[np.int32]


@compiled(fastmath=True)
def solve_rows(
    first: int,
    step: int,
    starts: Longs,
    columns: Ints,
    ratings: Floats,
    other: Floats,
    gramian: Floats,
    pair_weight: np.float32,
    purchase_weight: np.float32,
    regularisation: np.float32,
    unbought: np.float32,
    exact: bool,
    solution: Floats,
) -> float:
    """Solve the rows first, first + step, ... of `solution` in place; answer their share of the objective.

    `gramian` is pair_weight times the other side's; the ridge counts `unbought` besides the pairs bought.
    The share is what the pairs and these rows' ridge cost: const - x (b + r), with r = b - A x.
    """
    rank = other.shape[1]
    longest = 0
    for row in range(first, len(starts) - 1, step):
        longest = max(longest, starts[row + 1] - starts[row])
    gathered, weights = np.empty((longest, rank), np.float32), np.empty(longest, np.float32)
    target, scratch = np.empty(rank, np.float32), np.empty((3, rank), np.float32)
    system = np.empty((rank + 1, rank) if exact else (1, 1), np.float64)
    cost = 0.0
    for row in range(first, len(starts) - 1, step):
        begin, size = starts[row], starts[row + 1] - starts[row]
        x = solution[row]
        if size == 0:
            x[:] = 0
            continue
        for place in range(size):
            weights[place] = purchase_weight * ratings[begin + place]
            cost += pair_weight + weights[place]
        bought, weight = gathered[:size], weights[:size]
        _gather(other, columns[begin : begin + size], bought)
        _aim(bought, weight, pair_weight, target)
        ridge = regularisation * (np.float32(size) + unbought)
        if exact:
            _cholesky(bought, weight, gramian, ridge, target, system, x)
            cost -= _dot(x, target)
        else:
            _conjugate_gradient(bought, weight, gramian, ridge, target, scratch, x)
            cost -= _dot(x, target) + _dot(x, scratch[0])
    return cost


@compiled(fastmath=True)
def _dot(a: Floats, b: Floats) -> np.float32:
    total = _ZERO
    for i in range(len(a)):
        total += a[i] * b[i]
    return total


@compiled(fastmath=True)
def _gather(other: Floats, columns: Ints, bought: Floats) -> None:
    for place in range(len(columns)):
        row = other[columns[place]]
        for i in range(len(row)):
            bought[place, i] = row[i]


@compiled(fastmath=True)
def _aim(bought: Floats, weight: Floats, pair_weight: np.float32, target: Floats) -> None:
    """The right-hand side b: sum (pair_weight + w) y."""
    target[:] = 0
    whole = len(weight) - len(weight) % 4
    for p in range(0, whole, 4):
        a, b = pair_weight + weight[p], pair_weight + weight[p + 1]
        c, d = pair_weight + weight[p + 2], pair_weight + weight[p + 3]
        for i in range(len(target)):
            target[i] += a * bought[p, i] + b * bought[p + 1, i] + c * bought[p + 2, i] + d * bought[p + 3, i]
    for p in range(whole, len(weight)):
        for i in range(len(target)):
            target[i] += (pair_weight + weight[p]) * bought[p, i]


@compiled(fastmath=True)
def _apply(
    bought: Floats, weight: Floats, gramian: Floats, ridge: np.float32, x: Floats, out: Floats
) -> None:
    """A x = (gramian + sum w y y' + ridge) x, without ever building the matrix."""
    for i in range(len(x)):
        out[i] = ridge * x[i]
    _add_everything(gramian, x, out)
    _add_bought(bought, weight, x, out)


@compiled(fastmath=True)
def _add_everything(gramian: Floats, x: Floats, out: Floats) -> None:
    rank = len(x)
    whole = rank - rank % 4
    for i in range(0, whole, 4):
        a, b, c, d = x[i], x[i + 1], x[i + 2], x[i + 3]
        for j in range(rank):
            out[j] += (
                gramian[i, j] * a + gramian[i + 1, j] * b + gramian[i + 2, j] * c + gramian[i + 3, j] * d
            )
    for i in range(whole, rank):
        for j in range(rank):
            out[j] += gramian[i, j] * x[i]


@compiled(fastmath=True)
def _add_bought(bought: Floats, weight: Floats, x: Floats, out: Floats) -> None:
    rank = len(x)
    whole = len(weight) - len(weight) % 4
    for p in range(0, whole, 4):
        a, b, c, d = _ZERO, _ZERO, _ZERO, _ZERO
        for i in range(rank):
            a += bought[p, i] * x[i]
            b += bought[p + 1, i] * x[i]
            c += bought[p + 2, i] * x[i]
            d += bought[p + 3, i] * x[i]
        a, b, c, d = a * weight[p], b * weight[p + 1], c * weight[p + 2], d * weight[p + 3]
        for i in range(rank):
            out[i] += a * bought[p, i] + b * bought[p + 1, i] + c * bought[p + 2, i] + d * bought[p + 3, i]
    for p in range(whole, len(weight)):
        score = weight[p] * _dot(bought[p], x)
        for i in range(rank):
            out[i] += score * bought[p, i]


@compiled(fastmath=True)
def _conjugate_gradient(
    bought: Floats,
    weight: Floats,
    gramian: Floats,
    ridge: np.float32,
    target: Floats,
    scratch: Floats,
    x: Floats,
) -> None:
    """Improve x by CG_STEPS steps; the residual is left in scratch[0]."""
    residual, direction, applied = scratch[0], scratch[1], scratch[2]
    _apply(bought, weight, gramian, ridge, x, applied)
    for i in range(len(x)):
        residual[i] = target[i] - applied[i]
        direction[i] = residual[i]
    before = _dot(residual, residual)
    for _ in range(CG_STEPS):
        if before < _SOLVED:
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
def _cholesky(
    bought: Floats,
    weight: Floats,
    gramian: Floats,
    ridge: np.float32,
    target: Floats,
    system: Doubles,
    x: Floats,
) -> None:
    """Solve A x = b. `system` holds A's lower half, then its root; its last row is the right-hand side."""
    _assemble(bought, weight, gramian, ridge, system)
    rank, right = len(x), system[len(x)]
    right[:] = target
    for i in range(rank + 1):  # to solve the lower root is one more step of finding it
        for j in range(min(i + 1, rank)):
            total = system[i, j]
            for k in range(j):
                total -= system[i, k] * system[j, k]
            system[i, j] = np.sqrt(total) if i == j else total / system[j, j]
    for i in range(rank - 1, -1, -1):
        for k in range(i + 1, rank):
            right[i] -= system[k, i] * right[k]
        right[i] /= system[i, i]
        x[i] = right[i]


@compiled()
def _assemble(bought: Floats, weight: Floats, gramian: Floats, ridge: np.float32, system: Doubles) -> None:
    """A's lower half."""
    rank = bought.shape[1]
    for i in range(rank):
        system[i, : i + 1] = gramian[i, : i + 1]
        system[i, i] += ridge
    for place in range(len(weight)):
        for i in range(rank):
            share = np.float64(weight[place]) * bought[place, i]
            for j in range(i + 1):
                system[i, j] += share * bought[place, j]
