"""Every weight, half-life and bound of the model in one value; `tune` writes it as a file."""

import math
import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any


class SettingsError(ValueError):
    """The file says something that no setting is."""


@dataclass(frozen=True, slots=True)
class Settings:
    """The defaults are what `cadabra tune` found on Online Retail, on fortnights before 25 November 2011."""

    rank: int = 64
    iterations: int = 16  # at most, of a cold start
    warm_iterations: int = 1  # at most, of a start that knows nearly all names
    enough_gain: float = 1e-3  # training ends when an iteration lowers the loss by less than this share
    purchase_weight: float = 2.0  # of a rating of 1, on top of
    pair_weight: float = 1.0  # alpha0, what every pair counts, bought or not
    regularisation: float = 0.01  # lambda
    rating_half_life_days: float = 14.0
    slow_half_life_days: float = 60.0  # of the second ALS, which only the ranker sees
    repeat_half_life_days: float = 130.0
    popular_days: float = 14.0
    popular_in_for_you: float = 0.4
    popular_in_discover: float = 0.2
    together_support: int = 3  # invoices that must hold both items: fewer are chance
    together_basket_items: int = 300  # a larger invoice is a month's collection, not a basket
    gate_coverage: float = 0.8  # of the live version's customers and items a new one must cover
    gate_worse: float = 0.02  # of the NDCG of what is in use that a new configuration may lose
    gate_customers: int = 100  # judged; with fewer the backtest decides nothing
    gate_intake: float = 10.0  # times the same weekday's lines, or a part of them, that look like a mistake
    alike_shrink: float = 10.0  # customers: how many an item needs before its likeness is believed
    beside_shrink: float = 5.0  # invoices, likewise
    ranker_trees: int = 150  # that learn the odds, and as many that learn the order
    ranker_order_weight: float = 8.0  # of the score by order beside the odds: its numbers are smaller
    ranker_leaves: int = 31
    ranker_depth: int = 7  # deeper trees cost twice as much to walk and rank no better
    ranker_learning_rate: float = 0.08
    ranker_leaf_candidates: int = 100
    ranker_feature_share: float = 0.5  # of the features each tree may use
    ranker_row_share: float = 0.8  # of the candidates each tree learns from
    ranker_cuts: int = 17  # earlier weeks to learn from, at most
    ranker_least_cuts: int = 3  # fewer weeks teach less than the blend knows
    ranker_days: float = 14.0  # looked ahead of each cut
    ranker_memory_days: float = 60.0  # of orders before the first cut
    ranker_refused_share: float = 0.3  # of the candidates not bought that are learnt from
    ranker_candidates: int = 2_000_000  # learnt from, at most: then there are fewer cuts
    ranker_threads: int = 1  # of LightGBM: on busy cores its threads wait for each other, ten times as long


# Zero of these is a choice: a source of a list left out, a check of the gate that never refuses.
MAY_BE_ZERO = {
    "enough_gain",
    "purchase_weight",
    "popular_in_for_you",
    "popular_in_discover",
    "gate_coverage",
    "gate_worse",
    "gate_customers",
    "alike_shrink",
    "beside_shrink",
    "ranker_refused_share",
    "ranker_order_weight",
}
SHARES = {"gate_coverage", "gate_worse", "ranker_feature_share", "ranker_row_share", "ranker_refused_share"}
LEAST = {"gate_intake": 1, "ranker_leaves": 2}  # a tree of one leaf knows nothing
MOST = {"rank": 1024, "ranker_depth": 64, "ranker_leaves": 4096}  # more than any shop has a use for
_MOST = 1e12  # of anything else


def from_dict(values: Mapping[str, Any]) -> Settings:
    """The defaults with these values in their place."""
    defaults = asdict(Settings())
    known: dict[str, Any] = {}
    for name, value in values.items():
        if name not in defaults:
            raise SettingsError(f"there is no setting {name}; there are {', '.join(sorted(defaults))}")
        if wrong := _wrong(name, value, whole=isinstance(defaults[name], int)):
            raise SettingsError(f"{name} = {value!r} is {wrong}")
        known[name] = type(defaults[name])(value)
    return Settings(**known)


def _wrong(name: str, value: Any, *, whole: bool) -> str:
    """What the value is that the setting cannot be, or nothing."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not -math.inf < value < math.inf:
        return "no number"
    if value > (most := MOST.get(name, _MOST)):
        return f"above {most:g}"
    if whole and value != int(value):
        return "no whole number"
    if value < LEAST.get(name, 0):
        return f"below {LEAST.get(name, 'zero')}"
    if value == 0 and name not in MAY_BE_ZERO:
        return "zero, which it cannot be"
    return "more than 1, the whole" if name in SHARES and value > 1 else ""


def from_toml(text: str) -> Settings:
    try:
        return from_dict(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"it is no TOML: {error}") from error


def from_file(path: Path) -> Settings:
    try:
        return from_toml(path.read_text())
    except (OSError, UnicodeDecodeError, SettingsError) as error:
        raise SettingsError(f"the settings {path} cannot be used: {error}") from error


def to_toml(settings: Settings) -> str:
    return "".join(f"{name} = {value!r}\n" for name, value in asdict(settings).items())
