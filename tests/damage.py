"""Files that somebody's disk or network has spoilt."""


def damaged(raw, step=10):
    """The file again and again, each time with another of its bytes inverted."""
    for place in range(0, len(raw), step):
        yield raw[:place] + bytes([raw[place] ^ 0xFF]) + raw[place + 1 :]
