"""What the service keeps of a person, documents and settings, and that it forgets all of it."""

from __future__ import annotations

import json

from tests.support.fake_telegram import FakeTelegram
from tests.support.fake_telegram_faults import Fault
from tests.support.telegram_bot import QUOTE
from tests.support.telegram_program import Program, quoted, under


def test_a_file_goes_to_the_shelf_and_its_caption_is_answered(tg: FakeTelegram) -> None:
    user = tg.user()
    tg.faults.plan(Fault("slow", seconds=0.4), "file")
    tg.upload(user, "contract.txt", b"Notice is thirty days. " * 40, caption="quote: when?")
    message = tg.wait_text(user["id"], "30 days")
    assert message["text"].startswith("I have read contract.txt")
    assert quoted(message).startswith("“")
    drafts = [event.message["text"] for event in tg.called("sendMessageDraft", user["id"]) if event.message]
    assert drafts[0].startswith("Reading contract.txt")
    tg.upload(user, "contract.txt", b"Notice is thirty days. " * 40)
    tg.wait_text(user["id"], "I already have that document")


def test_files_it_cannot_take_are_refused_kindly(tg: FakeTelegram) -> None:
    user = tg.user()
    tg.upload(user, "huge.pdf", b"x", size=30 * 1024 * 1024)
    tg.wait_text(user["id"], "too large")
    tg.upload(user, "liar.bin", b"\x00\x01\x02" * 100)
    tg.wait_for(lambda: len(tg.texts(user["id"])) == 2)
    tg.say(user, "/docs")
    tg.wait_text(user["id"], "no documents")


def test_a_forwarded_text_is_kept_or_answered_as_asked(tg: FakeTelegram) -> None:
    user = tg.user()
    origin = {"type": "hidden_user", "sender_user_name": "Ada", "date": 0}
    tg.say(user, "The lighthouse was built in 1874. " * 5, forward_origin=origin)
    question = tg.wait_text(user["id"], "Shall I keep")
    tg.press(user, question, "Keep")
    tg.wait_text(user["id"], "I have read")
    assert "Shall I keep" not in " ".join(tg.texts(user["id"]))
    tg.say(user, "what is this", forward_origin=origin)
    tg.press(user, tg.wait_text(user["id"], "Shall I keep"), "Answer")
    tg.wait_text(user["id"], "You said: what is this")
    tg.say(user, "/docs")
    tg.wait_text(user["id"], "1 document")


def test_keep_takes_the_message_replied_to(tg: FakeTelegram) -> None:
    user = tg.user()
    first = tg.say(user, "A long text that is worth keeping for later, with facts in it.")
    tg.say(user, "/keep", reply_to_message=first)
    tg.wait_text(user["id"], "I have read")
    tg.say(user, "/keep")
    tg.wait_text(user["id"], "Reply with /keep")


def test_inline_queries_are_answered_from_the_library(tg: FakeTelegram) -> None:
    user = tg.user()
    query = tg.ask_inline(user, "quote: the notice period")
    answer = tg.wait_for(lambda: tg.queries[query])
    (result,) = answer["results"]
    assert result["title"] == "30 days"
    assert QUOTE in result["input_message_content"]["message_text"]
    assert result["input_message_content"]["entities"][0]["type"] == "blockquote"
    query = tg.ask_inline(user, "something else altogether")
    assert tg.wait_for(lambda: tg.queries[query])["results"][0]["title"] == "The library does not say"


def test_a_library_is_left_out_by_a_tap(program: tuple[FakeTelegram, Program]) -> None:
    tg, running = program
    libraries = running.data / "libraries"
    libraries.mkdir(exist_ok=True)
    shelf = libraries / "Handbook.db"
    shelf.touch()
    user = tg.user()
    tg.say(user, "/settings")
    message = tg.wait_text(user["id"], "Shared libraries")
    for before, after in (("✓ 📚 Handbook", "📚 Handbook"), ("📚 Handbook", "✓ 📚 Handbook")):
        tg.press(user, message, before)
        tg.wait_for(lambda after=after: after in under(tg.shown(user["id"])[0]), what=after)
    shelf.unlink()


def test_settings_are_buttons(tg: FakeTelegram) -> None:
    user = tg.user()
    tg.say(user, "/settings")
    message = tg.wait_text(user["id"], "Settings")
    assert "✓ balanced" in under(message)
    for label, expected in (
        ("creative", "✓ creative"),
        ("patient teacher", "✓ patient teacher"),
        ("Answer from documents only", "✓ Answer from documents only"),
    ):
        tg.press(user, message, label)
        tg.wait_for(lambda expected=expected: expected in under(tg.shown(user["id"])[0]), what=expected)
    assert "✓ balanced" not in under(tg.shown(user["id"])[0])
    tg.say(user, "/export")
    tg.wait_for(lambda: tg.called("sendDocument", user["id"]))
    exported = json.loads(tg.files[tg.shown(user["id"])[-1]["document"]["file_id"]][1])
    assert exported["preferences"]["style"] == "creative"
    assert exported["preferences"]["only_documents"] is True


def test_forgetting_leaves_nothing(program: tuple[FakeTelegram, Program]) -> None:
    tg, _ = program
    user = tg.user()
    tg.say(user, "quote: a secret about zanzibar")
    reply = tg.wait_text(user["id"], "30 days")
    tg.say(user, "/forget")
    tg.wait_text(user["id"], "nothing of this conversation is left")
    tg.press(user, reply, "Why?")
    tg.wait_for(lambda: any((q or {}).get("text", "").startswith("I no longer") for q in tg.queries.values()))
    tg.say(user, "/export")
    tg.wait_for(lambda: tg.called("sendDocument", user["id"]))
    data = tg.files[tg.shown(user["id"])[-1]["document"]["file_id"]][1]
    assert b"zanzibar" not in data
