"""The campaign service itself: a call goes in, an answer comes out; nothing here knows of HTTP servers."""

from __future__ import annotations

import itertools
import random
from dataclasses import replace
from typing import TYPE_CHECKING

from airflow_provider_campaigns.simulator import arguments, bodies, problems
from airflow_provider_campaigns.simulator.answers import Answer
from airflow_provider_campaigns.simulator.campaigns import DELETABLE, RUNNING, STARTABLE
from airflow_provider_campaigns.simulator.clock import iso_ms, seconds_of
from airflow_provider_campaigns.simulator.rate_limit import RateLimit
from airflow_provider_campaigns.simulator.tokens import TokenGate

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_campaigns.simulator.arguments import Call, ListQuery
    from airflow_provider_campaigns.simulator.campaigns import Campaign
    from airflow_provider_campaigns.simulator.clock import Clock
    from airflow_provider_campaigns.simulator.credentials import Credentials
    from airflow_provider_campaigns.simulator.store import CampaignStore
    from airflow_provider_campaigns.simulator.switches import Switches


class Service:
    """Answers calls on the campaigns of one account.

    `switches` and `credentials` may be replaced at any time; the next call sees the new ones.
    """

    def __init__(self, store: CampaignStore, clock: Clock, credentials: Credentials, switches: Switches) -> None:
        self.store = store
        self.credentials = credentials
        self.switches = switches
        self._clock = clock
        self._gate = TokenGate()
        self._rate_limit = RateLimit()
        self._orders = itertools.count()
        self._operations: dict[str, Callable[[Call], Answer]] = {
            "start": self._start,
            "stop": self._stop,
            "delete": self._delete,
            "get": self._get,
            "status": self._status,
            "contacts": self._contacts,
            "list": self._list,
            "schedule": self._schedule,
        }

    def forget(self) -> None:
        """Forget tokens and requests seen so far."""
        self._gate.forget()
        self._rate_limit.forget()

    def answer(self, call: Call) -> Answer:
        """Check a call as the platform does (who, how often, what) and carry it out; atomic.

        Raises:
            problems.Refusal: with the answer that says why nothing was done.
        """
        with self.store.lock:
            self._admit(call)
            operation = self._operations.get(call.operation)
            if operation is None:
                raise problems.invalid_arguments("query parameter trigger is neither play nor stop")
            answer = operation(call)
            return replace(answer, body=bodies.shaped(answer.body, self.switches.answer_shape))

    # -- who may call, and how often -----------------------------------------------------------------------------------

    def _admit(self, call: Call) -> None:
        switches, credentials = self.switches, self.credentials
        self._gate.check(
            call.headers.get("auth"),
            credentials,
            now=self._clock.time(),
            enforce_jti=switches.enforce_jti,
            check_iat=switches.check_iat,
        )
        for header in ("iid", "accountid"):
            if not call.headers.get(header):
                raise problems.invalid_arguments(f"header {header} is missing")
        if not call.iid == call.headers["iid"] == credentials.stream_id:
            raise problems.wrong_credentials("the app id in path or header is not the app's")
        if call.headers["accountid"] != credentials.account_id:
            raise problems.wrong_credentials("header accountId is not the app's account")
        if not switches.scope_granted:
            raise problems.scope_missing()
        wait_s = self._rate_limit.admit(
            self._clock.monotonic(), limit=switches.rate_limit, window_s=switches.rate_window
        )
        if wait_s:
            raise problems.too_many_requests(
                switches.rate_limit_status,
                wait_s=wait_s,
                retry_after=switches.retry_after,
                in_other_words=switches.rate_limit_words == "other words",
            )

    # -- operations that change something ------------------------------------------------------------------------------

    def _start(self, call: Call) -> Answer:
        campaign, fits = self._triggered(call)
        if not fits:
            return Answer(200, bodies.started(campaign))
        if campaign.status not in STARTABLE:
            if campaign.status == "Active" and not campaign.stopping and self.switches.start_running == "noop":
                return Answer(200, bodies.started(campaign))
            raise problems.not_allowed_now(f"Campaign is {campaign.status} and cannot be started")
        self.store.begin_run(campaign)
        effect = f"started {campaign.campaign_id} instance {campaign.instance_id}"
        return Answer(200, bodies.started(campaign), effect=effect)

    def _stop(self, call: Call) -> Answer:
        switches = self.switches
        campaign, fits = self._triggered(call)
        if not fits:
            return Answer(200, bodies.stopped(campaign))
        if campaign.stopping:
            return Answer(200, bodies.stopped(campaign, said=switches.drain_answer))
        if campaign.status not in RUNNING:
            if switches.stop_idle == "noop":
                return Answer(200, bodies.stopped(campaign))
            raise problems.not_allowed_now(f"Campaign is {campaign.status} and cannot be stopped")
        campaign.begin_stop(
            self._clock.time(),
            drain_polls=switches.drain_polls,
            drain_seconds=switches.drain_seconds,
            empty_results=switches.stop_empties_results,
        )
        said = "Stopped" if campaign.status == "Stopped" else switches.drain_answer
        effect = f"stopped {campaign.campaign_id} instance {campaign.instance_id}"
        return Answer(200, bodies.stopped(campaign, said=said), effect=effect)

    def _delete(self, call: Call) -> Answer:
        self._check_query(call, {"campaignType"})
        campaign, fits = self._of_type(call, arguments.choice(call, "campaignType", {"voice", "sms"}))
        if fits and campaign.status not in DELETABLE and self.switches.delete_running == "refuse":
            raise problems.not_allowed_now(f"Campaign is {campaign.status} and cannot be deleted")
        body = {
            "data": lambda: bodies.one_campaign("delete", campaign, call.route.version),
            "bare": lambda: bodies.deleted_without_data(campaign),
            "deletedAt": lambda: bodies.deleted_at(campaign, iso_ms(self._clock.time())),
        }[self.switches.delete_answer]()
        if not fits:
            return Answer(200, body)
        self.store.remove(campaign.campaign_id)
        return Answer(200, body, effect=f"deleted {campaign.campaign_id} while {campaign.status}")

    def _schedule(self, call: Call) -> Answer:
        self._check_query(call, {"enableSchedule", "campaignName"})
        enable = arguments.choice(call, "enableSchedule", {"true", "false"}) == "true"
        if not call.query.get("campaignName"):
            raise problems.invalid_arguments("query parameter campaignName is missing")
        fields = {"startDateTime", "endDateTime", "recurrenceObject"} if enable else set[str]()
        body = arguments.json_body(call, fields, required=True, strict=self.switches.strict)
        now = self._clock.time()
        plan = arguments.schedule_plan(body, now) if enable else None
        campaign = self._by_name(call.query["campaignName"])
        if plan:
            recurrence = plan.recurrence if self.switches.recurrences else None
            campaign.plan(plan.starts_at, plan.ends_at, now, recurring=bool(plan.recurrence), recurrence=recurrence)
        else:
            campaign.unplan(now)
        effect = f"schedule of {campaign.campaign_id} {'enabled' if enable else 'disabled'}"
        return Answer(200, bodies.scheduled(campaign, enabled=enable), effect=effect)

    # -- operations that only read -------------------------------------------------------------------------------------

    def _get(self, call: Call) -> Answer:
        self._check_query(call, ())
        campaign = self._to_read(call)
        body = bodies.one_campaign("get", campaign, call.route.version)
        campaign.count_poll()
        return Answer(200, body)

    def _status(self, call: Call) -> Answer:
        self._check_query(call, {"view"})
        if "view" in call.query:
            arguments.choice(call, "view", {"status", "contacts"})
        arguments.json_body(call, (), required=False, strict=self.switches.strict)
        campaign = self._to_read(call)
        body = bodies.status(campaign)
        campaign.count_poll()
        return Answer(200, body)

    def _contacts(self, call: Call) -> Answer:
        # No contacts page prints accountId in the query, not even in v2.
        arguments.check_query(call, {"view"}, account_required=False, strict=self.switches.strict)
        body = arguments.json_body(call, {"page", "limit"}, required=bool(call.body), strict=self.switches.strict)
        page, limit = arguments.page_and_limit(body)
        campaign = self._to_read(call)
        if not campaign.is_voice and self.switches.sms_results == "error":
            raise problems.not_allowed_now("Contact results are available for voice campaigns only")
        order = None
        if self.switches.contact_paging == "shuffled":
            order = random.Random(next(self._orders)).sample(range(campaign.result_rows), campaign.result_rows)  # noqa: S311
        elif self.switches.contact_paging == "ignored":
            page = 1
        pending_s = self.switches.pending_seconds
        pending = bool(pending_s) and self._clock.time() < seconds_of(campaign.updated_at) + pending_s
        return Answer(200, bodies.contact_results(campaign, page=page, limit=limit, order=order, pending=pending))

    def _list(self, call: Call) -> Answer:
        self._check_query(call, ())
        if self.switches.list_refused:
            raise problems.list_not_permitted()
        fields = {"type", "skip", "page", "limit", "startDate", "endDate", "sortBy", "filters"}
        body = arguments.json_body(call, fields, required=True, strict=self.switches.strict)
        query = arguments.list_query(body, call.route.version, strict=self.switches.strict)
        if self.switches.list_cap:
            query = replace(query, limit=min(query.limit, self.switches.list_cap))
        matching = [campaign for campaign in self.store.all() if _matches(campaign, query)]
        for attribute, descending in reversed(query.sort_by):
            matching.sort(key=lambda campaign: str(getattr(campaign, attribute)), reverse=descending)
        skip = self._skip(query)
        shown = matching[skip : skip + query.limit]
        answer = bodies.campaign_list(
            shown,
            call.route.version,
            total=len(matching),
            skip=skip,
            limit=query.limit,
            broken=self.switches.list_broken,
        )
        for campaign in shown:
            campaign.count_poll()
        return Answer(200, answer)

    # -- finding campaigns ---------------------------------------------------------------------------------------------

    def _check_query(self, call: Call, known: set[str] | tuple[()]) -> None:
        arguments.check_query(call, known, account_required=call.route.account_query, strict=self.switches.strict)

    def _triggered(self, call: Call) -> tuple[Campaign, bool]:
        self._check_query(call, {"campaignType", "trigger"})
        campaign_type = arguments.choice(call, "campaignType", {"voice", "sms"})
        if (campaign_type, call.query["trigger"]) not in call.route.pairs:
            raise problems.invalid_arguments("this path is not documented for that campaignType and trigger")
        arguments.json_body(call, (), required=True, strict=self.switches.strict)
        return self._of_type(call, campaign_type)

    def _of_type(self, call: Call, campaign_type: str) -> tuple[Campaign, bool]:
        """The campaign, and whether it has the type that the request claims."""
        campaign = self._found(call)
        fits = campaign.campaign_type == campaign_type
        if not fits and self.switches.type_mismatch == "error":
            raise self._not_found(f"the campaign is of type {campaign.campaign_type}")
        return campaign, fits

    def _found(self, call: Call) -> Campaign:
        campaign = self.store.find(call.campaign_id or "")
        if campaign is None:
            raise self._not_found("no campaign has this id")
        return campaign

    def _to_read(self, call: Call) -> Campaign:
        answer = self.switches.not_found_answer
        if answer in {"204", "no data", "empty data"} and self.store.find(call.campaign_id or "") is None:
            raise problems.nothing_to_read(answer, "no campaign has this id")
        return self._found(call)

    def _by_name(self, name: str) -> Campaign:
        named = [campaign for campaign in self.store.all() if campaign.name == name]
        if not named:
            raise self._not_found("no campaign has this name")
        if len(named) > 1:
            raise problems.not_allowed_now("Several campaigns have this name")
        return named[0]

    def _not_found(self, reason: str) -> problems.Refusal:
        in_other_words = self.switches.not_found_answer == "other words"
        return problems.campaign_not_found(self.switches.not_found_status, reason, in_other_words=in_other_words)

    def _skip(self, query: ListQuery) -> int:
        by_page = (query.page - 1) * query.limit
        match self.switches.list_paging:
            case "skip":
                return query.skip
            case "page":
                return by_page
            case _:
                return query.skip or by_page


def _matches(campaign: Campaign, query: ListQuery) -> bool:
    return (
        campaign.campaign_type == query.campaign_type
        and (query.created_from is None or query.created_from <= campaign.created_at)
        and (query.created_to is None or campaign.created_at <= query.created_to)
        and (not query.statuses or campaign.status in query.statuses)
        and (not query.priorities or campaign.priority in query.priorities)
        and (not query.dialing_modes or campaign.dialing_mode in query.dialing_modes)
    )
