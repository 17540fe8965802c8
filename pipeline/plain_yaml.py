"""YAML as plain values, with one kind of fault for whatever is wrong with a text.

Here: the loading. Not here: what any file says.
"""

from __future__ import annotations

from typing import Any

import yaml

# PyYAML's converters have no faults of their own: ``!!timestamp x`` is an AttributeError.
_OF_CONVERTERS = (ValueError, AttributeError, LookupError, TypeError, ArithmeticError, RecursionError)


def load(text: str, loader: type[yaml.SafeLoader] = yaml.SafeLoader) -> Any:
    """What a text says, as lists, dicts and scalars; tags that make objects are refused.

    Args:
        loader: a ``SafeLoader`` that takes less.
    Raises:
        yaml.YAMLError: the text is no YAML, or a value in it is not what its tag says.
    """
    try:
        return yaml.load(text, loader)  # noqa: S506 - safe, as its type says
    except _OF_CONVERTERS as error:
        raise yaml.YAMLError(str(error)) from error
