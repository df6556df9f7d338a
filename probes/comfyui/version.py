"""What node and tool compare before they talk."""

PROBE_VERSION = "0.1.0"
RECORD_SCHEMA = 4  # of db/RECORDS.md; another schema is another language


def disagreement(tool, schema):
    """(error, warning) for what a tool says of itself; "" for none."""
    if schema != RECORD_SCHEMA:
        return f"this probe, {PROBE_VERSION}, records in schema {RECORD_SCHEMA}; the tool, {tool}, reads {schema}", ""
    if tool != PROBE_VERSION:
        return "", f"this probe is version {PROBE_VERSION}, the tool {tool}: `residency live install DIR` puts the tool's there"
    return "", ""
