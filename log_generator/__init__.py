"""The shop: a simulated storefront that writes order logs; replay and backfill of a real order file."""
