"""The official form, as data. At the bottom of the imports: imports nothing of ours."""

from pipeline.form.model import (
    Block,
    CellSpec,
    Form,
    FormFault,
    Identity,
    Line,
    Node,
    Section,
    Table,
    Term,
    forms,
    load_form,
    terms,
)

__all__ = [
    "Block",
    "CellSpec",
    "Form",
    "FormFault",
    "Identity",
    "Line",
    "Node",
    "Section",
    "Table",
    "Term",
    "forms",
    "load_form",
    "terms",
]
