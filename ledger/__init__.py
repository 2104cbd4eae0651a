"""The rules of the cutover: pure functions from a state and an action to a decision.

Three functions carry it: `state.initial_state()`, `decide.decide(state, action)` and
`evolve.evolve(state, decision)`. No clock, no randomness, no input or output, no floating point.
"""
