"""What would have been: the same actions under another policy, or with some inserted, dropped or changed.

Two ledgers go side by side, in memory: the one that is and the one that would be. What is kept is where they
differ. Must not write to a topic, nor know how a report looks.
"""
