"""A realistic history of placement as actions: seeded, streamed, in the order in which they would arrive.

The numbers are those of the sources as far as they go; `docs/workload.md` says what is invented. This
package writes lines of JSON and nothing else: it opens no file, reads no setting, and knows nothing of
Kafka or of the rules.
"""

from producers.workload.history import actions
from producers.workload.profile import Profile

__all__ = ["Profile", "actions"]
