"""Makes the data file of the units from the published table. Run by hand, when UCUM changes.

The table ``ucum-essence.xml`` and the examples for electronic messaging come with the PyPI package ``ucumvert``. They are
read, not run::

    pip download --no-deps ucumvert==0.3.2
    python -m zipfile -e ucumvert-0.3.2-py3-none-any.whl package
    python -m fhir4ds.ucum.generate package

The same package always makes the same bytes.
"""
