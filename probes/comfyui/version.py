"""What node and tool compare before they talk."""

PROBE_VERSION = "0.1.0"
RECORD_SCHEMA = 3  # of db/RECORDS.md; another schema is another language
