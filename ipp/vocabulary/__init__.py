"""The words of IPP, generated from the registrations at IANA by `python -m ipp.vocabulary.generate`."""
