"""One message per episode, reminders by policy, at least once with a stable key, and never again on replay."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from email import message_from_string, policy
from pathlib import Path

import msgspec
import pytest

from city_model.events import Alarm, AlarmEvent, DeadLetter, Transition
from city_model.faults import ConfigError, Rejected, Unavailable
from city_model.topics import DEAD_LETTER, DEFAULT_PARTITIONS, LOG_TOPICS
from stream_processor.logs.open import open_log
from stream_processor.logs.port import EventLog
from stream_processor.logs.records import from_record
from stream_processor.notify.channels import email
from stream_processor.notify.messages import message_for
from stream_processor.notify.service import Notifier
from stream_processor.notify.settings import Channel, NotifySettings, load_notify
from tests.console.town import T0, Engine, jam, smoke, town
from tests.notify.receivers import Got, http_receiver, mail_receiver

CITY = town()


@pytest.fixture
async def engine(tmp_path: Path) -> AsyncIterator[Engine]:
    log = await open_log(f"sqlite:{tmp_path / 'log'}")
    await log.ensure_topics(LOG_TOPICS, DEFAULT_PARTITIONS)
    yield Engine(log, CITY)
    await log.close()


@pytest.fixture
def hook() -> Iterator[Got]:
    with http_receiver() as got:
        yield got


@asynccontextmanager
async def telling(log: EventLog, settings: NotifySettings) -> AsyncIterator[Notifier]:
    stop, notifier = asyncio.Event(), Notifier(log, CITY, settings, "n1", first_wait_s=0.01)
    task = asyncio.create_task(notifier.run(stop))
    yield notifier
    stop.set()
    await task


async def until(is_true: Callable[[], object]) -> None:
    async with asyncio.timeout(20):
        while not is_true():
            await asyncio.sleep(0.01)


async def begun(log: EventLog, settings: NotifySettings) -> None:
    """A first run, which begins at the end of the log."""
    async with telling(log, settings) as notifier:
        await until(lambda: len(notifier.serving) == DEFAULT_PARTITIONS)


def event(transition: Transition, alarm: Alarm) -> AlarmEvent:
    return AlarmEvent(transition, T0, "rule", "", alarm)


async def test_an_episode_is_told_once_and_reminded_of_and_never_again_after_a_restart(engine: Engine, hook: Got) -> None:
    settings = NotifySettings((Channel("desk", "webhook", hook.url),))
    await engine.opened(jam(T0 - 1))  # before anybody listened
    await begun(engine.log, settings)
    alarm = jam(T0)
    for transition, changes in (
        ("opened", {}),
        ("worsened", {}),
        ("escalated", {"escalation": 1}),
        ("escalated", {"escalation": 2}),
        ("cleared", {}),
    ):
        await engine.alarm(event(transition, msgspec.structs.replace(alarm, **changes)))  # type: ignore[arg-type]  # words of Transition
    async with telling(engine.log, settings) as notifier:
        await until(lambda: notifier.counts["sent"] == 3)
    await engine.opened(smoke(T0 + 1))
    async with telling(engine.log, settings) as notifier:
        await until(lambda: notifier.counts["sent"] == 1)
    assert hook.keys == [f"{alarm.id}:opened:0", f"{alarm.id}:reminder:1", f"{alarm.id}:reminder:2", f"{smoke(T0 + 1).id}:opened:0"]
    assert hook.bodies[0]["title"] == "Cảnh báo: ùn tắc, Vòng xoay Phú Lợi"
    assert hook.bodies[0]["alarm"]["id"] == alarm.id


async def test_a_receiver_that_is_down_is_told_later_with_the_same_key(engine: Engine, hook: Got) -> None:
    settings = NotifySettings((Channel("desk", "webhook", hook.url),))
    await begun(engine.log, settings)
    hook.answers = [503, 429, 200]
    await engine.opened(jam(T0))
    async with telling(engine.log, settings) as notifier:
        await until(lambda: notifier.counts["sent"] == 1)
    assert len(hook.keys) == 3
    assert len(set(hook.keys)) == 1
    assert notifier.counts["tried_again"] == 2


async def test_what_is_refused_or_given_up_is_a_dead_letter_and_the_next_goes_out(engine: Engine, hook: Got) -> None:
    settings = NotifySettings((Channel("desk", "webhook", hook.url),), tries_s=0.0)
    await begun(engine.log, settings)
    hook.answers = [404, 500, 200]
    for i in range(3):
        await engine.opened(jam(T0 + i))
    async with telling(engine.log, settings) as notifier:
        await until(lambda: notifier.counts["sent"] == 1)
    letters = []
    for partition in range(DEFAULT_PARTITIONS):
        reader = await engine.log.reader(DEAD_LETTER, partition, 0)
        letters += [msgspec.json.decode(from_record(row.record).data, type=DeadLetter) for row in await reader.fetch(10, wait_s=0)]
        await reader.close()
    assert [(letter.code, letter.reason) for letter in letters] == [("refused", "refused: desk: HTTP 404"), ("given_up", "desk: HTTP 500")]


async def test_a_bot_is_told_in_its_language_and_its_token_is_in_no_error(engine: Engine, hook: Got, tmp_path: Path) -> None:
    (tmp_path / "token").write_text("123:geheim\n", encoding="utf-8")
    (tmp_path / "token").chmod(0o600)
    channel = Channel("duty", "bot", hook.url, "en", chat="-100", secret_file=Path("token"))
    settings = NotifySettings((channel,), tries_s=0.0, path=tmp_path / "notify.toml")
    await begun(engine.log, settings)
    hook.answers = [200, 401]
    await engine.opened(jam(T0))
    async with telling(engine.log, settings) as notifier:
        await until(lambda: notifier.counts["sent"] == 1)
    assert hook.paths == ["/bot123:geheim/sendMessage"]
    assert hook.bodies[0]["text"].startswith("Alarm: congestion, Phu Loi roundabout\nhigh priority · 9.2 km/h")
    (tmp_path / "token").chmod(0o644)
    with pytest.raises(Unavailable, match="others may read it"):
        await asyncio.to_thread(load_notify, _written(tmp_path, channel))


def _written(directory: Path, channel: Channel) -> Path:
    path = directory / "notify.toml"
    path.write_text(
        f'[[channel]]\nname = "{channel.name}"\nkind = "bot"\nurl = "{channel.url}"\nchat = "-100"\nsecret_file = "token"\n',
        encoding="utf-8",
    )
    return path


def test_a_mail_carries_the_key_as_its_message_id() -> None:
    with mail_receiver() as got:
        channel = Channel("chief", "email", got.url, sender="saola@example.org", to=("chief@example.org",))
        told = message_for(event("opened", jam(T0)), channel, CITY)
        assert told is not None
        email.send(channel, "", told)
        mail = message_from_string(got.mails[0], policy=policy.default)
        assert mail["Subject"] == "Cảnh báo: ùn tắc, Vòng xoay Phú Lợi"
        assert told.key.replace(":", ".") in str(mail["Message-ID"])
        with pytest.raises(Rejected, match="nobody@example"):
            email.send(replace(channel, to=("nobody@example.org",)), "", told)
    with pytest.raises(Unavailable):
        email.send(channel, "", told)


@pytest.mark.parametrize(
    ("transition", "alarm", "channel"),
    [
        ("opened", jam(T0, priority="low"), {}),
        ("opened", jam(T0, display="suppressed"), {}),
        ("opened", jam(T0), {"kinds": ("pollution",)}),
        ("opened", jam(T0), {"areas": ("hv-street",)}),
        ("escalated", jam(T0, escalation=2), {"reminders": 1}),
        ("cleared", jam(T0), {}),
        ("acknowledged", jam(T0), {}),
    ],
)
def test_what_does_not_concern_a_channel_is_not_said(transition: Transition, alarm: Alarm, channel: dict[str, object]) -> None:
    settings = replace(Channel("desk", "webhook", "http://127.0.0.1:1"), **channel)  # type: ignore[arg-type]  # fields of Channel
    assert message_for(event(transition, alarm), settings, CITY) is None


def test_every_problem_of_the_file_is_named_at_once(tmp_path: Path) -> None:
    path = tmp_path / "notify.toml"
    path.write_text(
        '[[channel]]\nname = "a"\nkind = "email"\nurl = "https://x"\n[[channel]]\nname = "a"\nkind = "bot"\nurl = "http://example.org"\n'
        'secret_file = "s"\n',
        encoding="utf-8",
    )
    with pytest.raises(ConfigError) as caught:
        load_notify(path)
    keys = [problem.key for problem in caught.value.problems]
    assert keys.count("channel[0].url") == 1
    assert {"channel[0].to", "channel[1].chat", "channel[1].url"} <= set(keys)
