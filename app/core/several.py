"""Parameters that take several words of an enumeration, separated by commas. Pure."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema, PydanticKnownError, core_schema


@dataclass(frozen=True, slots=True)
class Several:
    """Marks a tuple of words that is sent as `one,other`; a single word is one, too."""

    words: type[StrEnum]

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        word = f"({'|'.join(self.words)})"
        several = core_schema.str_schema(pattern=f"^{word}(,{word})*$")
        one = handler.generate_schema(self.words)
        return core_schema.no_info_before_validator_function(
            self._parsed,
            handler(source),
            json_schema_input_schema=core_schema.union_schema([one, several]),
        )

    def _parsed(self, sent: Any) -> Any:
        """Return the words; the framework passes a parameter of several values as a list."""
        words = ",".join(sent).split(",")
        if not {*words} <= {*self.words}:
            expected = ", ".join(repr(word.value) for word in self.words)
            raise PydanticKnownError("enum", {"expected": expected})
        return words
