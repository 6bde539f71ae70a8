"""A backup: one encrypted file that holds what a person would miss, and its way back.

`sealed` is the encryption, `contents` what is in it, `restoring` how it comes back so that a
power cut at any moment leaves the old or the new. The format stands in docs/backup.md.
"""
