"""Every weight, half-life and bound of the model in one value, passed in."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Settings:
    """The defaults are what did best on the last fortnight but one of the public Online Retail file."""

    rank: int = 64
    iterations: int = 16  # at most; a warm start needs one or two
    enough_gain: float = 1e-3  # training ends when an iteration lowers the loss by less than this share
    purchase_weight: float = 2.0  # of a rating of 1, on top of
    pair_weight: float = 1.0  # alpha0, what every pair counts, bought or not
    regularisation: float = 0.01  # lambda
    rating_half_life_days: float = 14.0
    repeat_half_life_days: float = 90.0
    popular_days: float = 14.0
    popular_in_for_you: float = 0.4
    popular_in_discover: float = 0.2
    together_support: int = 3  # invoices that must hold both items: fewer are chance
    together_basket_items: int = 300  # a larger invoice is a month's collection, not a basket
    gate_coverage: float = 0.8  # of the live version's customers and items a new one must cover
