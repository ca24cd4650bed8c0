"""What a batch of plans adds to the counters of the rules. Pure."""

from collections import defaultdict
from collections.abc import Collection, Iterable

from dispatch.plan import ALREADY_TOLD
from store.cards import DecisionCard
from store.rule_stats import RuleCount

NOBODY = "nobody_in_role"
"""The one reason about a rule as a whole that says it matched."""
WITHOUT_ADDRESS = frozenset({"no_address", "bad_address"})
TOLD_ELSEWHERE = frozenset({ALREADY_TOLD, "responsible_told"})


def add_counts(
    counts: defaultdict[str, RuleCount], decisions: Iterable[DecisionCard], rendered: Collection[str]
) -> None:
    """Add what was decided about an event.

    Args:
        counts: By the rule's code.
        decisions: All that were made about the event.
        rendered: Rules whose words could be rendered: the others told nobody, whatever was decided.
    """
    by_rule: dict[str, list[DecisionCard]] = {}
    for card in decisions:
        if card.recipient or card.reason == NOBODY:
            by_rule.setdefault(card.rule_code, []).append(card)
    for code, cards in by_rule.items():
        one = counts[code]
        one.matched += 1
        if told := sum(card.taken for card in cards):
            if code in rendered:
                one.fired += 1
                one.notifications += told
            continue
        reasons = {card.reason for card in cards}
        if reasons <= WITHOUT_ADDRESS:
            one.unaddressed += 1
        elif ALREADY_TOLD in reasons and reasons <= TOLD_ELSEWHERE:
            one.shadowed += 1
            one.shadowed_by = next(card.params["by"] for card in cards if card.reason == ALREADY_TOLD)
