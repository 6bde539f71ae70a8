"""The archive for a bug report: what somebody else needs to see, without what is nobody's business.

`known` collects what must not be in it, `redact` takes it out of any text, `files` shows the
configuration without its secrets, `archive` puts all together.
"""
