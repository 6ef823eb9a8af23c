"""A version goes live: the difference to what is live, its parts in S3, the wait, and which versions stay."""
