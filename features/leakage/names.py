"""Columns that CRMs write after the fact, by name: a general list, not of any data set.

Names are compared without case, spaces, underscores and the suffix ``__c`` of custom fields, so
that ``Lead Status``, ``lead_status`` and ``Lead_Status__c`` are one. A finding from here rests on
nothing but the name, says so (evidence "name"), and is never certain.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

from features.leakage.finding import Finding, to_drop

WRITTEN_AFTERWARDS: dict[str, tuple[str, ...]] = {
    "Salesforce leads and opportunities": (
        *("Status", "Lead Status", "Rating", "IsConverted", "Converted", "ConvertedDate"),
        *("ConvertedAccountId", "ConvertedContactId", "ConvertedOpportunityId"),
        *("StageName", "IsWon", "IsClosed", "CloseDate", "ForecastCategory"),
        *("ForecastCategoryName", "ExpectedRevenue", "LastActivityDate", "LastModifiedDate"),
        *("LastModifiedById", "LastViewedDate", "LastReferencedDate", "SystemModstamp", "OwnerId"),
    ),
    "HubSpot contacts and deals": (
        *("lifecyclestage", "Lifecycle Stage", "hs_lead_status", "hubspotscore", "dealstage"),
        *("closedate", "days_to_close", "num_associated_deals", "recent_deal_amount"),
        *("recent_deal_close_date", "first_deal_created_date", "total_revenue"),
        *("became_a_customer_date", "notes_last_contacted", "notes_last_updated", "num_notes"),
        *("num_contacted_notes", "hs_lastmodifieddate", "hubspot_owner_id"),
        *("hubspot_owner_assigneddate", "hs_time_to_first_engagement", "hs_analytics_last_visit"),
        *("hs_analytics_last_timestamp", "hs_analytics_num_visits", "hs_predictivecontactscore"),
    ),
    "Dynamics 365": (
        *("statecode", "statuscode", "Status Reason", "leadqualitycode"),
        *("qualifyingopportunityid", "actualclosedate", "estimatedclosedate", "modifiedon"),
    ),
    "Zoho, Pipedrive, Marketo and others": (
        *("Converted Date Time", "Lead Conversion Time", "Last Activity", "Last Activity Time"),
        *("Modified Time", "Stage", "Pipeline Stage", "Deal Stage", "Lead Stage", "won_time"),
        *("lost_time", "close_time", "Lost Reason", "Loss Reason", "Reason Lost", "Closed Reason"),
        *("weighted_value", "activities_count", "done_activities_count", "last_activity_date"),
        *("Lead Score", "Lead Grade", "Lead Lifecycle Status", "Win Probability"),
    ),
    "Japanese CRMs": (
        *("ステータス", "リードステータス", "商談化日", "商談フェーズ", "フェーズ", "確度"),
        *("受注日", "失注日", "失注理由", "完了予定日", "最終活動日", "最終更新日"),
    ),
}
"""From the vendors' lists of standard fields of leads, contacts, opportunities and deals."""


def bare(name: str) -> str:
    """A name without what differs between exports of the same field.

    Examples
    --------
    >>> bare("Lead_Status__c") == bare("lead status")
    True
    """
    plain = unicodedata.normalize("NFKC", name).casefold().removesuffix("__c")
    return re.sub(r"[\W_]+", "", plain)


_SOURCE = {bare(n): source for source, names in WRITTEN_AFTERWARDS.items() for n in names}


def named_afterwards(names: Iterable[str], learnt: frozenset[str]) -> list[Finding]:
    """Columns whose name says that a CRM writes them later.

    Likely where the column would be learnt, else a note.
    """
    return [
        Finding(
            "likely" if name in learnt else "note",
            "column",
            name,
            "name",
            f"Evidence: its name; in {_SOURCE[bare(name)]} such a column is written after the fact.",
            f"Leave it out with {to_drop(name)}, unless it is filled at creation and never changed."
            if name in learnt
            else "It is not learnt; do not --trust it.",
        )
        for name in names
        if bare(name) in _SOURCE
    ]
