"""The settings that retrain runs with, from the file that `cadabra tune` writes."""

from pathlib import Path

from botocore.exceptions import ClientError

from emr_jobs.settings import Settings, SettingsError, from_toml
from emr_jobs.shop import Shop


def read(shop: Shop, place: str | None) -> Settings:
    """The settings of a TOML file as `tune` writes it, from S3 or from here; or the defaults."""
    if place is None:
        return Settings()
    try:
        if place.startswith("s3://"):
            bucket, _, key = place.removeprefix("s3://").partition("/")
            text = shop.s3.get_object(Bucket=bucket, Key=key)["Body"].read().decode()
        else:
            text = Path(place).read_text()
        return from_toml(text)
    except (OSError, ClientError, SettingsError, UnicodeDecodeError) as error:
        raise SettingsError(f"the settings {place} cannot be used: {error}") from error
