"""What every configuration file's keys are made of: the strict block, its common types."""

from typing import Annotated, Final

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, WithJsonSchema
from pydantic_core import PydanticCustomError

FORMAT: Final = 1


class Keys(BaseModel):
    """A block of keys: every key known, every type exact, every number finite."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, allow_inf_nan=False)


def check_format(value: int) -> int:
    """Return the number of the file's format.

    Raises:
        PydanticCustomError: this version of hilrig does not read that format.
    """
    if value != FORMAT:
        raise PydanticCustomError(
            "wrong_value",
            "this hilrig reads format 1, found {found}: does the file come from a newer one?",
            {"found": value},
        )
    return value


NAME_PATTERN: Final = "^[a-z0-9][a-z0-9-]{0,63}$"
SHA256_PATTERN: Final = "^[0-9a-f]{64}$"
LABEL_PATTERN: Final = r"^[^\x00-\x20\x7f;,](?:[^\x00-\x1f\x7f;,]{0,62}[^\x00-\x20\x7f;,])?$"
PATH_PATTERN: Final = r"^[^/\x00-\x1f\x7f\\][^\x00-\x1f\x7f\\]{0,1023}$"
PATTERN_WORDS: Final = {
    NAME_PATTERN: "small letters, digits and hyphens, at most 64, the first no hyphen",
    SHA256_PATTERN: "64 hexadecimal digits in small letters",
    LABEL_PATTERN: "1 to 64 characters without ';', ',' and control characters",
    PATH_PATTERN: "a path relative to the profile's folder, with '/' between its parts",
}
"""What a pattern asks for, in words."""

Format = Annotated[int, AfterValidator(check_format), WithJsonSchema({"const": FORMAT, "type": "integer"})]
Name = Annotated[str, Field(pattern=NAME_PATTERN)]
Sha256 = Annotated[str, Field(pattern=SHA256_PATTERN)]
Label = Annotated[str, Field(pattern=LABEL_PATTERN)]
RelativePath = Annotated[str, Field(pattern=PATH_PATTERN)]
Text = Annotated[str, Field(min_length=1, max_length=200)]
Positive = Annotated[float, Field(gt=0)]
Share = Annotated[float, Field(ge=0, le=1)]
Percentage = Annotated[float, Field(ge=0, le=100)]
EdgePx = Annotated[int, Field(ge=1, le=16384)]
ThreePlanes = Annotated[tuple[float, ...], Field(min_length=3, max_length=3)]
ThreePositive = Annotated[tuple[Positive, ...], Field(min_length=3, max_length=3)]
Shape = Annotated[tuple[Annotated[int, Field(ge=1, le=16384)], ...], Field(min_length=4, max_length=4)]
